import { messageOf } from '../../base/errors.ts';
import type { ConnectedEndpoint, Endpoint, PublishFailure } from '../../network/contract.ts';
import { joinPlans } from '../../plan/operations.ts';
import type { Bundle, StreamOptions, Task } from '../../runtime/contract.ts';
import { StartError } from '../../runtime/start-error.ts';
import { formatTime } from '../../wire/times.ts';
import type { Container } from '../contract.ts';
import { freshHealth } from '../health/health-checks.ts';
import { logFileOptions } from '../logs/log-config.ts';
import { nextMounts } from '../mounts/stored-mount.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { buildSpec } from '../spec/build-spec.ts';
import { connectAll, disconnectAll, withEndpoints, withoutEndpoints } from './endpoints.ts';
import { type WrittenFiles, writeEtcFiles } from './etc-files.ts';
import { tellLinkers } from './linkers.ts';
import { checkLinks, linkEnvironment, linkedHosts } from './links.ts';
import { openMountSources, releaseVolumes } from './mount-sources.ts';
import { planDns } from './name-service.ts';
import { findPeers, type Peers, pidsOf } from './peers.ts';
import type { PendingAttachment } from './pending-attachments.ts';
import { planSharedMemory } from './shared-memory.ts';
import { type Change, transition } from './transition.ts';

/**
 * Starts a container, which the caller has locked. Once the intent is written, `recover` finishes or undoes what a killed daemon
 * left. The caller watches the task that is returned. Fails with what the launcher, the network or the specification said, the container being as before but for its error.
 */
export async function launch(parts: Parts, entry: Entry, byHand: boolean): Promise<Task> {
  await entry.liveRoots.gone();
  settleMounts(parts, entry);
  const clients = entry.attachments.take();
  const connected: ConnectedEndpoint[] = [];
  try {
    const task = await startTask(parts, entry, connected, clients, byHand);
    running(parts, entry, task, connected);
    await Promise.all(clients.map((client, index) => joinClient(client, task, index)));
    return task;
  } catch (error) {
    await undo(parts, entry, connected, clients, error);
    throw error;
  }
}

/** What an update left for the next start has come. */
function settleMounts(parts: Parts, entry: Entry): void {
  const mounts = nextMounts(entry.mounts);
  if (mounts === entry.mounts) return;
  entry.mounts = mounts;
  entry.container = { ...entry.container, mounts: mounts.map(({ point }) => point) };
  parts.store.saveIdentity(entry);
}

/** Ports that were chosen for a container may turn out to be another program's: then others are chosen, this many times. */
const PORT_CHOICES = 16;

async function startTask(
  parts: Parts,
  entry: Entry,
  connected: ConnectedEndpoint[],
  clients: readonly PendingAttachment[],
  byHand: boolean,
): Promise<Task> {
  for (let choice = 1; ; choice++) {
    const bundle = await prepare(parts, entry, connected, clients, byHand);
    try {
      return await parts.runtime.start(parts.background, bundle);
    } catch (error) {
      const failure = explainStart(parts, entry, connected, error);
      if (failure === undefined) throw error;
      if (!failure.again || choice === PORT_CHOICES) throw failure.error;
      await disconnectAll(
        parts,
        connected.splice(0).map(({ endpoint }) => endpoint),
      );
    }
  }
}

function explainStart(
  parts: Parts,
  { container }: Entry,
  connected: readonly ConnectedEndpoint[],
  error: unknown,
): PublishFailure | undefined {
  for (const { endpoint } of connected) {
    const failure = parts.networks.explainStart(error, endpoint, container.name);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

async function joinClient(client: PendingAttachment, task: Task, index: number): Promise<void> {
  const attachment = task.attachments[index];
  if (attachment === undefined) client.abandon();
  else await client.join(attachment);
}

async function prepare(
  parts: Parts,
  entry: Entry,
  connected: ConnectedEndpoint[],
  clients: readonly PendingAttachment[],
  byHand: boolean,
): Promise<Bundle> {
  const peers = findPeers(parts, entry);
  checkLinks(parts, entry);
  const rootfs = parts.snapshots.mount(parts.background, entry.id, parts.paths.rootTarget);
  // Awaited below; a failure before that is the one to tell.
  rootfs.catch(() => {});
  const sources = await openMountSources(parts, entry);
  const loopback = await connectAll(parts, entry, connected);
  const endpoints = connected.map(({ endpoint }) => endpoint);
  const container = withPeerNames(entry.container, peers);
  const written = writeEtcFiles(
    parts,
    container,
    peers.network?.container,
    endpoints,
    entry.flags.resolvConfHash,
    linkedHosts(parts, entry),
  );
  const { files } = written;
  const shared = planSharedMemory(parts, entry);
  const spec = buildSpec({
    container,
    mounts: sources.mounts,
    etc: files,
    joined: pidsOf(peers),
    sharedMemory: shared.path,
    linkEnvironment: linkEnvironment(parts, entry),
    defaults: parts.defaults,
    initBinary: parts.initBinary,
    rootTarget: parts.paths.rootTarget,
  });
  transition(parts, entry, intent(entry, endpoints, written, byHand));
  return {
    id: entry.id,
    spec,
    rootfs: [...sources.operations, ...(await rootfs).operations],
    rootTarget: parts.paths.rootTarget,
    network: joinPlans(
      planDns(parts, container, endpoints),
      shared.plan,
      loopback,
      ...connected.map(({ plan }) => plan),
    ),
    streams: streamsOf(container),
    log: files.log === '' ? undefined : logFileOptions(container, files.log),
    attach: clients.map((client) => client.options),
  };
}

function streamsOf({ config, hostConfig }: Container): StreamOptions {
  const [rows = 0, columns = 0] = hostConfig.ConsoleSize ?? [];
  return {
    terminal: config.Tty,
    stdin: config.OpenStdin,
    stdinOnce: config.StdinOnce,
    size: { rows, columns },
  };
}

/** A container in another's network goes by that one's name. */
function withPeerNames(container: Container, { network }: Peers): Container {
  if (network === undefined) return container;
  const { Hostname, Domainname } = network.container.config;
  return { ...container, config: { ...container.config, Hostname, Domainname } };
}

function intent(
  entry: Entry,
  endpoints: readonly Endpoint[],
  { files, resolvConfHash }: WrittenFiles,
  byHand: boolean,
): Change {
  return {
    networks: withEndpoints(entry.container.networks, endpoints),
    files,
    ...(byHand ? { restartCount: 0 } : {}),
    flags: {
      starting: true,
      unsettled: false,
      astray: false,
      resolvConfHash,
      ...(byHand ? { manuallyStopped: false } : {}),
    },
  };
}

function running(parts: Parts, entry: Entry, task: Task, connected: readonly ConnectedEndpoint[]): void {
  entry.task = task;
  entry.restarting = false;
  transition(parts, entry, {
    state: {
      status: 'running',
      pid: task.pid,
      exitCode: 0,
      error: '',
      oomKilled: false,
      startedAt: formatTime(task.startedAt),
      health: freshHealth(entry),
    },
    flags: { starting: false, startedBefore: true },
  });
  for (const { endpoint } of connected) parts.events.network(entry.container, 'connect', endpoint);
  parts.events.volumes(entry.container, 'mount', entry.mounts);
  parts.events.container(entry.container, 'start');
  parts.health.follow(parts, entry);
  tellLinkers(parts, entry);
}

async function undo(
  parts: Parts,
  entry: Entry,
  connected: readonly ConnectedEndpoint[],
  clients: readonly PendingAttachment[],
  error: unknown,
): Promise<void> {
  const { status, startedAt } = entry.container.state;
  const code = error instanceof StartError ? error.exitCode : 128;
  transition(parts, entry, {
    networks: withoutEndpoints(entry.container.networks),
    state: {
      status: status === 'restarting' ? 'exited' : status,
      pid: 0,
      exitCode: code,
      error: messageOf(error),
      startedAt,
    },
    flags: { starting: false },
  });
  for (const client of clients) client.abandon();
  entry.waiters.exited({ code, error: '' });
  await disconnectAll(
    parts,
    connected.map(({ endpoint }) => endpoint),
  );
  await releaseVolumes(parts, entry);
}
