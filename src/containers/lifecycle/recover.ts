import { rm } from 'node:fs/promises';
import type { Context } from '../../base/context.ts';
import type { Exit, RecoveredTask, Task } from '../../runtime/contract.ts';
import { formatTime } from '../../wire/times.ts';
import type { Parts } from '../parts.ts';
import { createEntry, type Entry } from '../record.ts';
import { removeStaleSandboxes } from '../sandbox/remove-stale.ts';
import type { StoredContainer } from '../store.ts';
import { endpointsOf, withoutEndpoints } from './endpoints.ts';
import { autoRemove, finishRun, lostExit, restartAfterExit, watchTask } from './exit.ts';
import { resumeVolumes } from './mount-sources.ts';
import { PendingAttachments } from './pending-attachments.ts';
import { deleteAll } from './remove.ts';
import { RestartTimer } from './restart-policy.ts';
import { settleTask } from './settle.ts';
import { transition } from './transition.ts';

/** Containers looked at together at boot: each costs a few files and a socket. */
const CONCURRENCY = 16;

/**
 * Puts everything right that earlier daemons left: tasks that still run are taken up again, exits that nobody saw are taken over,
 * and what was half-made or half-removed goes. Networks start with the endpoints of what still runs.
 */
export async function recoverAll(parts: Parts, context: Context): Promise<void> {
  const entries = parts.store.load().map((stored) => register(parts, stored));
  await removeOrphans(parts);
  await removeStaleSandboxes(parts);
  const found = new Map<Entry, RecoveredTask>();
  await eachOf(entries, async (entry) => {
    found.set(entry, await findTask(parts, context, entry));
  });
  const live = entries.filter((entry) => found.get(entry)?.state === 'running');
  await parts.networks.start(context, live.flatMap(endpointsOf));
  for (const entry of live) resumeVolumes(parts, entry);
  await settleVolumes(parts, context);
  await eachOf(entries, (entry) => settle(parts, entry, found.get(entry) ?? { state: 'none' }));
}

/** A filesystem that cannot be unmounted keeps nobody from his containers. */
async function settleVolumes(parts: Parts, context: Context): Promise<void> {
  try {
    await parts.volumes.settle(context);
  } catch (error) {
    parts.log.error('cannot clear away what was left of volumes', { error });
  }
}

/** Does not wait for the starts: the daemon answers meanwhile. */
export function startByPolicy(parts: Parts): void {
  for (const entry of parts.registry.list()) {
    applyPolicy(parts, entry).catch((error) => {
      parts.log.error('cannot apply a restart policy', { container: entry.id, error });
    });
  }
}

async function findTask(parts: Parts, context: Context, entry: Entry): Promise<RecoveredTask> {
  try {
    return await parts.runtime.recover(context, entry.id);
  } catch (error) {
    parts.log.error('cannot find out about a task', { container: entry.id, error });
    return { state: 'none' };
  }
}

function register(parts: Parts, { container, flags, mounts }: StoredContainer): Entry {
  const attachments = new PendingAttachments();
  const entry = createEntry({ container, flags, mounts, attachments, restarts: new RestartTimer() });
  parts.registry.reserve(container.name, container.id);
  parts.registry.add(entry);
  return entry;
}

/** A create writes its row last: snapshots of IDs without one were never finished. */
async function removeOrphans(parts: Parts): Promise<void> {
  const orphans: string[] = [];
  for await (const key of parts.snapshots.snapshots()) {
    if (/^[0-9a-f]{64}$/.test(key) && !parts.registry.has(key)) orphans.push(key);
  }
  for (const key of orphans) {
    parts.log.info('removing a half-made container', { container: key });
    await parts.snapshots.remove(parts.background, key);
    await rm(parts.paths.directory(key), { recursive: true, force: true });
  }
}

async function settle(parts: Parts, entry: Entry, found: RecoveredTask): Promise<void> {
  try {
    if (entry.container.state.status === 'removing') {
      await entry.lock.run(() => deleteAll(parts, entry, entry.flags.removeVolumes));
    } else if (found.state === 'running') {
      resume(parts, entry, found);
      const { unsettled, astray } = entry.flags;
      if (unsettled || astray) await settleAgain(parts, entry, found.task);
    } else if (wasAlive(entry)) {
      await takeOver(parts, entry, found);
    } else if (found.state === 'ended') {
      await parts.runtime.forget(parts.background, entry.id);
    }
  } catch (error) {
    parts.log.error('cannot recover a container', { container: entry.id, error });
  }
}

/** It may end meanwhile: then its next start makes everything anew. */
function settleAgain(parts: Parts, entry: Entry, task: Task): Promise<void> {
  return entry.lock.run(async () => {
    if (entry.task === task) await settleTask(parts, entry, task);
  });
}

/** As far as the last daemon wrote down. */
function wasAlive({ container, flags }: Entry): boolean {
  return flags.starting || container.state.status === 'running' || container.state.status === 'paused';
}

/** A daemon may be killed between doing something to a task and writing it down: the task knows. */
function resume(
  parts: Parts,
  entry: Entry,
  { task, paused }: Extract<RecoveredTask, { state: 'running' }>,
): void {
  entry.task = task;
  const written = entry.container.state.status;
  const status = paused ? 'paused' : 'running';
  const heard = written === 'running' || written === 'paused';
  transition(parts, entry, {
    state: {
      status,
      pid: task.pid,
      ...(heard ? {} : { exitCode: 0, error: '', oomKilled: false, startedAt: formatTime(task.startedAt) }),
    },
    flags: { starting: false, startedBefore: true },
  });
  if (!heard) parts.events.container(entry.container, 'start');
  else if (status !== written) parts.events.container(entry.container, paused ? 'pause' : 'unpause');
  watchTask(parts, entry, task);
  parts.health.follow(parts, entry);
}

/** It ended while no daemon was there, or a start never got as far as a process. */
async function takeOver(
  parts: Parts,
  entry: Entry,
  found: Exclude<RecoveredTask, { state: 'running' }>,
): Promise<void> {
  const { status, startedAt } = entry.container.state;
  const heard = status === 'running' || status === 'paused';
  if (found.state === 'ended') {
    // A state file of the run before the interrupted start is not news.
    const news = heard || found.startedAt.getTime() > Date.parse(startedAt);
    if (news) {
      transition(parts, entry, { state: { startedAt: formatTime(found.startedAt) } });
      return endRun(parts, entry, found.exit);
    }
    await parts.runtime.forget(parts.background, entry.id);
  } else if (heard) {
    return endRun(parts, entry, lostExit());
  }
  transition(parts, entry, {
    state: { pid: 0 },
    networks: withoutEndpoints(entry.container.networks),
    flags: { starting: false },
  });
}

async function endRun(parts: Parts, entry: Entry, exit: Exit): Promise<void> {
  const remove = await entry.lock.run(() => finishRun(parts, entry, exit));
  if (remove) await autoRemove(parts, entry);
}

/** At boot, `always` and `unless-stopped` bring up what is down; a pause of any policy that was cut short is over now. */
async function applyPolicy(parts: Parts, entry: Entry): Promise<void> {
  const { state, hostConfig } = entry.container;
  const policy = hostConfig.RestartPolicy.Name;
  if (!parts.registry.has(entry.id)) return;
  if (state.status === 'exited' && hostConfig.AutoRemove) return autoRemove(parts, entry);
  const wanted = policy === 'always' || (policy === 'unless-stopped' && !entry.flags.manuallyStopped);
  if (state.status === 'exited' && wanted && entry.flags.startedBefore) {
    transition(parts, entry, { state: { status: 'restarting' } });
  } else if (state.status !== 'restarting') {
    return;
  }
  entry.restarts.cancel();
  await restartAfterExit(parts, entry);
}

async function eachOf<T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await task(item);
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, items.length) }, worker));
}
