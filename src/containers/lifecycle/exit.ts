import { isCode } from '../../base/errors.ts';
import type { Exit, Task } from '../../runtime/contract.ts';
import { formatTime } from '../../wire/times.ts';
import { currentMounts } from '../mounts/stored-mount.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { cgroupsPath } from '../spec/build-spec.ts';
import { disconnectAll, endpointsOf, withoutEndpoints } from './endpoints.ts';
import { launch } from './launch.ts';
import { releaseVolumes } from './mount-sources.ts';
import { removeEntry } from './remove.ts';
import { wantsRestart } from './restart-policy.ts';
import { transition } from './transition.ts';

/** Stays with a task until it ends, and then does what the container's configuration asks for. */
export function watchTask(parts: Parts, entry: Entry, task: Task): void {
  task.onOom(() => {
    if (entry.task !== task) return;
    transition(parts, entry, { state: { oomKilled: true } });
    parts.events.container(entry.container, 'oom');
  });
  task.exited
    .catch((error) => findExit(parts, entry, error))
    .then((exit) => (exit === undefined ? undefined : taskEnded(parts, entry, task, exit)))
    .catch((error) =>
      parts.log.error('cannot handle the end of a container', { container: entry.id, error }),
    );
}

/** The supervisor is gone without a word: its state file may know more. */
async function findExit(parts: Parts, entry: Entry, error: unknown): Promise<Exit | undefined> {
  if (parts.phase() === 'closed') return undefined;
  parts.log.warn('lost a supervisor', { container: entry.id, error });
  const recovered = await parts.runtime.recover(parts.background, entry.id);
  if (recovered.state === 'running') {
    entry.task = recovered.task;
    watchTask(parts, entry, recovered.task);
    return undefined;
  }
  return recovered.state === 'ended' ? recovered.exit : lostExit();
}

/** What is said of a process that ended while nobody looked, for instance by a reboot: Docker's 255. */
export function lostExit(): Exit {
  return { code: 255, finishedAt: new Date(), oomKilled: false, lost: true };
}

async function taskEnded(parts: Parts, entry: Entry, task: Task, exit: Exit): Promise<void> {
  const remove = await entry.lock.run(async () => {
    if (entry.task !== task || parts.phase() === 'closed') return false;
    entry.task = undefined;
    return finishRun(parts, entry, exit);
  });
  if (remove) await autoRemove(parts, entry);
}

/**
 * Takes an exit over, for a caller that holds the lock: state, events, addresses, restart policy. Returns whether the container
 * is to be removed now.
 */
export async function finishRun(parts: Parts, entry: Entry, exit: Exit): Promise<boolean> {
  const before = entry.container;
  const ran = exit.finishedAt.getTime() - Date.parse(before.state.startedAt);
  const restart = restartsAfter(parts, entry, exit);
  const endpoints = endpointsOf(entry);
  transition(parts, entry, {
    state: {
      status: restart ? 'restarting' : 'exited',
      pid: 0,
      exitCode: exit.code,
      oomKilled: before.state.oomKilled || exit.oomKilled,
      finishedAt: formatTime(exit.finishedAt),
    },
    networks: withoutEndpoints(before.networks),
    restartCount: before.restartCount + (restart ? 1 : 0),
    flags: { starting: false, startedBefore: true },
  });
  if (exit.oomKilled && !before.state.oomKilled) parts.events.container(entry.container, 'oom');
  const execDuration = String(Math.max(0, Math.floor(ran / 1000)));
  parts.events.container(entry.container, 'die', { execDuration, exitCode: String(exit.code) });
  entry.waiters.exited({ code: exit.code, error: '' });
  parts.endExecs(entry.id);
  parts.health.follow(parts, entry);
  const forgotten = forget(parts, entry);
  if (exit.lost) for (const endpoint of endpoints) parts.networks.abandon(endpoint);
  await disconnectAll(parts, endpoints);
  for (const endpoint of endpoints) parts.events.network(entry.container, 'disconnect', endpoint);
  await forgotten;
  await releaseVolumes(parts, entry);
  parts.events.volumes(entry.container, 'unmount', currentMounts(entry.mounts, true));
  if (restart)
    entry.restarts.schedule(entry.restarts.nextDelay(ran), () => void restartAfterExit(parts, entry));
  return !restart && !entry.restarting && entry.container.hostConfig.AutoRemove;
}

function restartsAfter(parts: Parts, entry: Entry, exit: Exit): boolean {
  if (entry.restarts.cancelled || entry.removing) return false;
  const { hostConfig, restartCount } = entry.container;
  const manuallyStopped = entry.flags.manuallyStopped || parts.phase() !== 'open';
  return wantsRestart(hostConfig.RestartPolicy, { exitCode: exit.code, manuallyStopped, restartCount });
}

/** Its group is named too: were its record lost, processes of it could go on unseen. */
async function forget(parts: Parts, entry: Entry): Promise<void> {
  const group = cgroupsPath(entry.id, entry.container.hostConfig.CgroupParent, parts.defaults);
  try {
    await parts.runtime.forget(parts.background, entry.id, group);
  } catch (error) {
    parts.log.warn('cannot clear away an ended task', { container: entry.id, error });
  }
}

/** The pause of the restart policy is over. */
export async function restartAfterExit(parts: Parts, entry: Entry): Promise<void> {
  const remove = await entry.lock.run(async () => {
    if (entry.container.state.status !== 'restarting' || entry.removing || parts.phase() !== 'open')
      return false;
    try {
      watchTask(parts, entry, await launch(parts, entry, false));
      return false;
    } catch (error) {
      parts.log.error('cannot restart a container', { container: entry.id, error });
      return entry.container.hostConfig.AutoRemove;
    }
  });
  if (remove) await autoRemove(parts, entry);
}

export async function autoRemove(parts: Parts, entry: Entry): Promise<void> {
  try {
    await removeEntry(parts, entry, { force: true, volumes: true });
  } catch (error) {
    // Somebody else is at it, or was faster.
    if (isCode(error, 'conflict') || isCode(error, 'not-found')) return;
    parts.log.error('cannot remove a container that is to go when it ends', { container: entry.id, error });
  }
}
