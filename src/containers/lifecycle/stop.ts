import { internal, isCode, messageOf, SampanError } from '../../base/errors.ts';
import type { StopOptions } from '../contract.ts';
import type { Parts } from '../parts.ts';
import { type Entry, isRunning } from '../record.ts';
import { parseSignal, SIGKILL, SIGTERM } from '../signals.ts';
import { notRunning } from './state-errors.ts';
import { transition } from './transition.ts';

/** Seconds between the stop signal and SIGKILL where nobody says otherwise. */
const DEFAULT_TIMEOUT = 10;

/** Milliseconds for a killed process to be gone, and once more after the supervisor was passed over. */
const KILL_TIMEOUT = 10_000;
const LAST_TIMEOUT = 2_000;

/** Signals, waits, kills. Fails with `not-modified` when the container does not run. */
export async function stopEntry(
  parts: Parts,
  entry: Entry,
  reference: string,
  options: StopOptions,
): Promise<void> {
  await entry.lock.idle();
  if (!isRunning(entry)) throw new SampanError('not-modified', 'container is already stopped');
  try {
    await stopRunning(parts, entry, options);
  } catch (error) {
    throw internal(`cannot stop container: ${reference}: ${messageOf(error)}`, { cause: error });
  }
}

/** The same for a container that may have ended meanwhile. */
export async function stopRunning(parts: Parts, entry: Entry, options: StopOptions): Promise<void> {
  const { config } = entry.container;
  const signal = options.signal || config.StopSignal;
  const number = signal ? parseSignal(signal) : SIGTERM;
  const seconds = options.timeout ?? config.StopTimeout ?? DEFAULT_TIMEOUT;
  const ended = exitOf(entry);
  try {
    await deliver(parts, entry, number);
    const time = seconds < 0 ? Number.POSITIVE_INFINITY : seconds * 1000;
    if (!(await within(ended.promise, time))) {
      parts.log.info('container did not stop in time, killing it', { container: entry.id, seconds });
      await killRunning(parts, entry);
    }
  } catch (error) {
    if (!isCode(error, 'conflict') || isRunning(entry)) throw error;
  } finally {
    ended.forget();
  }
  // The exit has its own events; those come first.
  await entry.lock.idle();
  parts.events.container(entry.container, 'stop');
}

/** `docker kill`: SIGKILL waits for the end, other signals are only delivered. */
export async function killEntry(parts: Parts, entry: Entry, signal: string): Promise<void> {
  const number = signal === '' ? SIGKILL : parseSignal(signal);
  if (number === SIGKILL) await killRunning(parts, entry);
  else await deliver(parts, entry, number);
}

/** SIGKILL and the end. Fails with `conflict` when the container does not run. */
export async function killRunning(parts: Parts, entry: Entry): Promise<void> {
  const ended = exitOf(entry);
  try {
    await deliver(parts, entry, SIGKILL);
    if (await within(ended.promise, KILL_TIMEOUT)) return;
    killDirectly(entry);
    if (await within(ended.promise, LAST_TIMEOUT)) return;
    throw internal('tried to kill container, but did not receive an exit event');
  } finally {
    ended.forget();
  }
}

/**
 * Delivers a signal. Whoever does so means the container to stay down: unless its StopSignal is another one, the next exit is
 * final, and a paused container is let go on so that it can act on the signal.
 */
async function deliver(parts: Parts, entry: Entry, signal: number): Promise<void> {
  await entry.lock.idle();
  if (!isRunning(entry)) throw notRunning(entry.id);
  const stopSignal = entry.container.config.StopSignal;
  const final = !stopSignal || signal === SIGKILL || parseSignal(stopSignal) === signal;
  if (parts.phase() === 'open') transition(parts, entry, { flags: { manuallyStopped: true } });
  const resume = final && entry.container.state.status === 'paused';
  if (final) entry.restarts.cancelled = true;
  if (entry.container.state.status === 'restarting') {
    if (final) cancelRestart(parts, entry);
    return;
  }
  const { task } = entry;
  if (task === undefined) throw notRunning(entry.id);
  try {
    await task.signal(parts.background, signal);
    if (resume) await resumeTask(parts, entry);
  } catch (error) {
    // It ended meanwhile: what the signal was for.
    if (isCode(error, 'not-found')) return;
    throw internal(`Cannot kill container ${entry.id}: ${messageOf(error)}`, { cause: error });
  }
  parts.events.container(entry.container, 'kill', { signal: String(signal) });
}

async function resumeTask(parts: Parts, entry: Entry): Promise<void> {
  await entry.task?.resume(parts.background);
  if (entry.container.state.status !== 'paused') return;
  transition(parts, entry, { state: { status: 'running' } });
  parts.events.container(entry.container, 'unpause');
}

/** The container was between two runs: there will be no second. */
function cancelRestart(parts: Parts, entry: Entry): void {
  entry.restarts.cancel();
  transition(parts, entry, { state: { status: 'exited' } });
  entry.waiters.exited({ code: entry.container.state.exitCode, error: '' });
}

interface ExpectedExit {
  readonly promise: Promise<unknown>;
  forget(): void;
}

/** Watched from before the signal, so that a quick exit is not missed. */
function exitOf(entry: Entry): ExpectedExit {
  const controller = new AbortController();
  const promise = entry.waiters.nextExit(controller.signal);
  promise.catch(() => {});
  return { promise, forget: () => controller.abort(internal('no longer waited for')) };
}

/** Whether the promise settled within so many milliseconds. */
function within(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  if (milliseconds === Number.POSITIVE_INFINITY) return promise.then(() => true);
  return new Promise((resolve) => {
    // setTimeout counts in 31 bits.
    const timer = setTimeout(() => resolve(false), Math.min(milliseconds, 2 ** 31 - 1));
    promise.then(
      () => {
        clearTimeout(timer);
        resolve(true);
      },
      () => {
        clearTimeout(timer);
        resolve(false);
      },
    );
  });
}

/** Past the supervisor, which does not answer. */
function killDirectly({ container }: Entry): void {
  const { pid } = container.state;
  if (pid <= 1) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
