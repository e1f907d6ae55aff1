import type { Context } from '../../base/context.ts';
import type { ConnectedEndpoint } from '../../network/contract.ts';
import { joinPlans } from '../../plan/operations.ts';
import type { Attachment, Bundle, Task } from '../../runtime/contract.ts';
import type { Container } from '../contract.ts';
import { disconnectAll } from '../lifecycle/endpoints.ts';
import { writeEtcFiles } from '../lifecycle/etc-files.ts';
import { planDns } from '../lifecycle/name-service.ts';
import { buildSpec, cgroupsPath } from '../spec/build-spec.ts';
import type { Sandbox, SandboxRequest, SandboxTerminal } from './contract.ts';
import { passOutput } from './output.ts';
import type { SandboxParts } from './parts.ts';
import { type Place, sandboxDirectory } from './place.ts';
import { networkPeer, type SandboxContainer, sandboxContainer } from './sandbox-container.ts';
import { type StagedMounts, stageMounts, type WritableParts } from './staged-mounts.ts';

type Outcome = Awaited<ReturnType<Sandbox['run']>>;

const SIGKILL = 9;

/** Runs a process in a sandbox that nothing else runs in. Whatever happens, nothing of the run but the root's changes is left. */
export async function runProcess(
  parts: SandboxParts,
  context: Context,
  place: Place,
  request: SandboxRequest,
  writable: WritableParts,
): Promise<Outcome> {
  const peer = networkPeer(parts, request.network);
  const container = sandboxContainer(parts, place.id, request, peer);
  const connected: ConnectedEndpoint[] = [];
  try {
    const bundle = await prepare(parts, context, place, { request, container, peer, connected, writable });
    context.signal.throwIfAborted();
    // Not the caller's context: what has been started is to be followed to its end.
    const task = await parts.runtime.start(parts.background, bundle);
    return await follow(parts, context, task, request);
  } finally {
    await clearAway(parts, container, connected);
  }
}

interface Run {
  readonly request: SandboxRequest;
  readonly container: SandboxContainer;
  readonly peer: Container | undefined;
  readonly connected: ConnectedEndpoint[];
  readonly writable: WritableParts;
}

async function prepare(
  parts: SandboxParts,
  context: Context,
  place: Place,
  { request, container, peer, connected, writable }: Run,
): Promise<Bundle> {
  const { rootTarget } = parts.paths;
  const rootfs = parts.snapshots.mount(context, place.key, rootTarget);
  // Awaited below; a failure before that is the one to tell.
  rootfs.catch(() => {});
  const staged = await stageMounts(parts, context, request, writable);
  if (peer === undefined) {
    connected.push(await parts.networks.connect(context, endpointRequest(container)));
  }
  const { terminal } = request;
  return {
    id: place.id,
    spec: specOf(parts, container, peer, connected, staged),
    rootfs: [...(await rootfs).operations, ...staged.operations],
    rootTarget,
    network: joinPlans(
      planDns(
        parts,
        container,
        connected.map(({ endpoint }) => endpoint),
      ),
      ...connected.map(({ plan }) => plan),
    ),
    streams: {
      terminal: terminal !== undefined,
      stdin: terminal !== undefined,
      stdinOnce: false,
      size: { rows: terminal?.rows ?? 0, columns: terminal?.columns ?? 0 },
    },
    log: undefined,
    attach: [{ stdin: terminal !== undefined, stdout: true, stderr: true, detachKeys: new Uint8Array(0) }],
  };
}

function endpointRequest({
  id,
  hostConfig,
}: SandboxContainer): Parameters<SandboxParts['networks']['connect']>[1] {
  return {
    network: hostConfig.NetworkMode,
    containerId: id,
    containerName: '',
    ports: [],
    macAddress: undefined,
    ipv4Address: undefined,
    ipv6Address: undefined,
    linkLocal: [],
    interfaceName: 'eth0',
    gateway: { ipv4: true, ipv6: true },
    names: [],
    links: {},
    driverOptions: {},
  };
}

function specOf(
  parts: SandboxParts,
  container: SandboxContainer,
  peer: Container | undefined,
  connected: readonly ConnectedEndpoint[],
  { mounts }: StagedMounts,
): Bundle['spec'] {
  const { defaults, networks, paths } = parts;
  const directory = (id: string): string => sandboxDirectory(paths, id);
  const endpoints = connected.map(({ endpoint }) => endpoint);
  const etcParts = { defaults, networks, paths: { directory, log: directory } };
  const { files } = writeEtcFiles(etcParts, container, peer, endpoints, '');
  return buildSpec({
    container,
    mounts,
    etc: files,
    joined: { network: peer?.state.pid, ipc: undefined, pid: undefined },
    sharedMemory: undefined,
    defaults,
    initBinary: '',
    rootTarget: paths.rootTarget,
  });
}

/** Stays with a process until it has ended, by itself or because the run was given up, and all that it wrote is handed on. */
async function follow(
  { background }: SandboxParts,
  context: Context,
  task: Task,
  request: SandboxRequest,
): Promise<Outcome> {
  let oomKilled = false;
  task.onOom(() => {
    oomKilled = true;
  });
  const stop = new AbortController();
  const kill = (reason: unknown): void => {
    stop.abort(reason);
    // It may have ended by itself.
    task.signal(background, SIGKILL).catch(() => {});
  };
  const giveUp = (): void => kill(context.signal.reason);
  context.signal.addEventListener('abort', giveUp, { once: true });
  if (context.signal.aborted) giveUp();
  const [attachment] = task.attachments;
  try {
    request.terminal?.onStarted?.((rows, columns) => task.resize(background, { rows, columns }));
  } catch (error) {
    kill(error);
  }
  const passed = passOutput(attachment?.frames ?? noFrames(), request.onOutput, stop.signal).catch(kill);
  const typed = request.terminal === undefined ? undefined : feed(attachment, request.terminal);
  try {
    const exit = await task.exited;
    await passed;
    stop.signal.throwIfAborted();
    return { exitCode: exit.code, oomKilled: oomKilled || exit.oomKilled };
  } finally {
    context.signal.removeEventListener('abort', giveUp);
    typed?.end();
    await attachment?.[Symbol.asyncDispose]();
  }
}

async function* noFrames(): AsyncGenerator<Uint8Array, void, void> {}

/** What is typed at the end of input: a terminal has no other. */
const END_OF_INPUT = new Uint8Array([4]);

/** Passes on what is typed, until there is no more or it is ended. */
function feed(attachment: Attachment | undefined, { input }: SandboxTerminal): { end(): void } {
  const chunks = input[Symbol.asyncIterator]();
  const pass = async (): Promise<void> => {
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
      await attachment?.write(next.value);
    }
  };
  // Input that fails is input that has ended.
  const over = (): unknown => attachment?.write(END_OF_INPUT);
  pass().then(over, over);
  return { end: () => void chunks.return?.().catch(() => {}) };
}

/** What cannot be cleared away now is swept up by the next daemon. */
async function clearAway(
  parts: SandboxParts,
  { id, hostConfig }: SandboxContainer,
  connected: readonly ConnectedEndpoint[],
): Promise<void> {
  const group = cgroupsPath(id, hostConfig.CgroupParent, parts.defaults);
  const warn = (error: unknown): void =>
    parts.log.warn('cannot clear away what ran in a sandbox', { sandbox: id, error });
  await Promise.all([
    parts.runtime.forget(parts.background, id, group).catch(warn),
    disconnectAll(
      parts,
      connected.map(({ endpoint }) => endpoint),
    ),
  ]);
}
