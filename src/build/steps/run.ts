import { SampanError } from '../../base/errors.ts';
import type { Sandbox, Sandboxes, SandboxRequest } from '../../containers/sandbox/contract.ts';
import type { ImageMaker } from '../../images/contract.ts';
import type { Digest } from '../../oci/digest.ts';
import { fromText } from '../../oci/tar/entry.ts';
import { packTar } from '../../oci/tar/pack.ts';
import { StartError } from '../../runtime/start-error.ts';
import type { TreePart } from '../../runtime/trees/contract.ts';
import type { StepShell } from '../debug/failed-steps.ts';
import type { RunOperation } from '../definition/vertex.ts';
import { followLinks } from '../files/follow-links.ts';
import type { LayersTreeParts } from '../files/layers-tree.ts';
import type { Made, ShellOpener, Step, StepMaker } from '../solver/step.ts';
import type { CacheMounts } from './cache-mounts.ts';
import { explainForeign } from './foreign-platform.ts';
import type { ResultLayers } from './layers-of.ts';
import { missingSource } from './missing-source.ts';
import { OpenResults } from './open-result.ts';
import { ProcessError } from './process-error.ts';
import { runKey } from './run-key.ts';
import { inputOf, type ResolvedMounts, resolveMounts } from './run-mounts.ts';

export interface RunStepParts extends LayersTreeParts {
  readonly sandboxes: Sandboxes;
  readonly images: Pick<ImageMaker, 'receiveLayer'>;
  readonly cacheMounts: CacheMounts;
  readonly resultLayers: ResultLayers;
  /** What commands may ask for. */
  readonly entitlements: ReadonlySet<Entitlement>;
  /** Host directory for sockets, which nobody else may look into; its path is short. */
  readonly directory: string;
}

export type Entitlement = 'security.insecure' | 'network.host';

/** Commands, each in a sandbox. Fails with ProcessError when one fails, with StartError when it cannot be started. */
export function createRunStep(parts: RunStepParts): StepMaker<RunOperation> {
  return { key: runKey, make: (step) => runCommand(parts, step) };
}

async function runCommand(parts: RunStepParts, step: Step<RunOperation>): Promise<Made> {
  const { context, operation } = step;
  checkEntitlements(operation, parts.entitlements);
  const root = inputOf(step, 0);
  const layers = await parts.resultLayers.of(context, step.lease, root);
  await using held = new AsyncDisposableStack();
  const resolved = await resolveMounts(parts, step, held);
  await using sandbox = await parts.sandboxes.open(context, layers);
  const request = requestOf(step, resolved);
  try {
    const { exitCode, oomKilled } = await explained(parts, step, sandbox.run(context, request));
    if (exitCode !== 0) throw new ProcessError(operation.args, exitCode, oomKilled);
  } catch (error) {
    const failure = error instanceof StartError ? startFailure(step, error) : error;
    if (!context.signal.aborted) await step.failed?.(failure, shellOf(sandbox, request, step));
    throw failure;
  }
  const added = await receiveChanges(parts, step, sandbox.changes(context));
  // Layers that files were made into are the step's own.
  return { kind: 'added', layers: root.kind === 'files' ? [...layers, ...added] : added };
}

/** In the words of the builder that is asked for. */
function startFailure({ operation, surroundings }: Step<RunOperation>, error: StartError): StartError {
  const reason = error.message.replace(/: unknown$/, '');
  const command = JSON.stringify(operation.args.join(' '));
  const what = surroundings.style === 'classic' ? '' : `process ${command} did not complete successfully: `;
  return new StartError(error.exitCode, `${what}${reason}`, error);
}

/** Shells in roots of their own, of which nothing is kept. */
export function createShellOpener(parts: RunStepParts): ShellOpener {
  return async (context, step, use) => {
    const layers = await parts.resultLayers.of(context, step.lease, inputOf(step, 0));
    await using sandbox = await parts.sandboxes.open(context, layers);
    await use(shellOf(sandbox, requestOf(step, { mounts: [], secrets: [], agent: [] }), step));
  };
}

/** A shell that has all that the step had. */
function shellOf(sandbox: Sandbox, of: SandboxRequest, { vertex }: Step): StepShell {
  const usual = vertex.note.shell?.operation.args ?? of.args;
  return async (context, { args, env, user, workingDirectory, terminal, onOutput }) => {
    const request = {
      ...of,
      ...{ args: args.length > 0 ? args : usual, env: [...of.env, ...env], terminal },
      user: user || of.user,
      workingDirectory: workingDirectory || of.workingDirectory,
      onOutput: (_stream: string, bytes: Uint8Array) => onOutput(bytes),
    };
    return (await sandbox.run(context, request)).exitCode;
  };
}

function checkEntitlements({ security, network }: RunOperation, granted: RunStepParts['entitlements']): void {
  if (security === 'insecure') check('security.insecure', granted);
  if (network === 'host') check('network.host', granted);
}

function check(entitlement: Entitlement, granted: RunStepParts['entitlements']): void {
  if (granted.has(entitlement)) return;
  throw new SampanError(
    'permission-denied',
    `granting entitlement ${entitlement} is not allowed by build daemon configuration`,
  );
}

function requestOf(
  { operation, tell }: Step<RunOperation>,
  { mounts, secrets, agent }: ResolvedMounts,
): SandboxRequest {
  const { args, workingDirectory, user, hostname, network, limits } = operation;
  return {
    ...{ args, workingDirectory, user, hostname, network, limits, mounts },
    env: [...agent, ...operation.proxies, ...operation.env, ...secrets],
    privileged: operation.security === 'insecure',
    extraHosts: operation.extraHosts.map((entry) => entry.replace(/^([^:=]*)=/, '$1:')),
    files: operation.files.map(({ path, mode, content }) => ({ path, mode, content: Buffer.from(content) })),
    onOutput: (stream, bytes) => tell.output(stream, bytes),
  };
}

/** A mount whose source is missing is told as such, not as a mount that failed; so is an emulator. */
async function explained<T>(parts: RunStepParts, step: Step<RunOperation>, run: Promise<T>): Promise<T> {
  try {
    return await run;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    await using opened = new OpenResults(step.context, parts);
    for (const mount of step.operation.mounts) {
      if (mount.type !== 'bind') continue;
      const tree = await opened.tree(inputOf(step, mount.input));
      const path = await followLinks(step.context, tree, fromText(mount.source));
      if ((await tree.stat(step.context, path)) === undefined)
        throw missingSource(step.vertex, mount.input, mount.source);
    }
    throw await explainForeign(error, step.operation.platform);
  }
}

/** A command that changed nothing adds no layer. */
async function receiveChanges(
  { images }: RunStepParts,
  { context, lease, surroundings }: Step<RunOperation>,
  changes: AsyncIterable<TreePart>,
): Promise<readonly Digest[]> {
  const parts = changes[Symbol.asyncIterator]();
  try {
    const first = await parts.next();
    if (first.done === true) return [];
    const all = clamped(first.value, parts, surroundings.sourceDate);
    const { diffId } = await images.receiveLayer(context, lease, packTar(all));
    return [diffId];
  } finally {
    await parts.return?.();
  }
}

/** Times after the one that stands for now become that. */
async function* clamped(
  first: TreePart,
  rest: AsyncIterator<TreePart>,
  latest: number | undefined,
): AsyncGenerator<TreePart, void, void> {
  yield clamp(first, latest);
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
    yield clamp(next.value, latest);
  }
}

function clamp(part: TreePart, latest: number | undefined): TreePart {
  if (latest === undefined || part instanceof Uint8Array || (part.seconds ?? 0) < latest) return part;
  return { ...part, seconds: latest, nanoseconds: 0 };
}
