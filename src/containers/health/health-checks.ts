import { setTimeout as sleep } from 'node:timers/promises';
import type { Task } from '../../runtime/contract.ts';
import type { Health, HealthResult } from '../contract.ts';
import { transition } from '../lifecycle/transition.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { probe } from './probe.ts';
import { type HealthSettings, healthSettings } from './settings.ts';

/** Results that inspect shows. */
const REMEMBERED = 5;

/** What is said of a container that has just been started: undefined when its health is not checked. */
export function freshHealth(entry: Entry): Health | undefined {
  if (healthSettings(entry.container.config) === undefined) return undefined;
  return { status: 'starting', failingStreak: 0, log: [] };
}

/** Checks the health of containers while they run. */
export class HealthChecks {
  readonly #watches = new Map<string, AbortController>();

  /** Starts checking a container, or ends it, as its situation is now: for whoever has changed that. */
  follow(parts: Parts, entry: Entry): void {
    const { task, container } = entry;
    const settings = healthSettings(container.config);
    const isWanted = task !== undefined && container.state.status === 'running' && settings !== undefined;
    const watch = this.#watches.get(entry.id);
    if (!isWanted) {
      watch?.abort();
      this.#watches.delete(entry.id);
    } else if (watch === undefined) {
      const stop = new AbortController();
      this.#watches.set(entry.id, stop);
      checkRepeatedly(parts, entry, task, settings, stop.signal).catch((error) => {
        if (!stop.signal.aborted) {
          parts.log.error('cannot check health', { container: entry.id, error });
        }
      });
    }
  }

  /** The same after what is asked of its health has changed. */
  refollow(parts: Parts, entry: Entry): void {
    this.#watches.get(entry.id)?.abort();
    this.#watches.delete(entry.id);
    this.follow(parts, entry);
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.abort();
    this.#watches.clear();
  }
}

async function checkRepeatedly(
  parts: Parts,
  entry: Entry,
  task: Task,
  settings: HealthSettings,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await sleep(pauseBefore(entry, settings), undefined, { signal });
    const result = await probe(parts, entry, task, settings);
    if (signal.aborted || entry.task !== task) return;
    note(parts, entry, settings, result);
  }
}

function pauseBefore({ container }: Entry, settings: HealthSettings): number {
  const { health, startedAt } = container.state;
  const isStarting = health?.status === 'starting' && isWithin(settings.startPeriod, startedAt, Date.now());
  return isStarting ? settings.startInterval : settings.interval;
}

function isWithin(period: number, startedAt: string, time: number): boolean {
  return time - Date.parse(startedAt) < period;
}

function note(parts: Parts, entry: Entry, settings: HealthSettings, result: HealthResult): void {
  const { startedAt, health: before = freshHealth(entry) } = entry.container.state;
  if (before === undefined) return;
  const after = judge(before, settings, result, startedAt);
  transition(parts, entry, { state: { health: after } });
  if (after.status !== before.status)
    parts.events.container(entry.container, `health_status: ${after.status}`);
}

/** What a result makes of a container's health. */
export function judge(
  before: Health,
  settings: Pick<HealthSettings, 'retries' | 'startPeriod'>,
  result: HealthResult,
  startedAt: string,
): Health {
  const log = [...before.log, result].slice(-REMEMBERED);
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  const isExcused =
    before.status === 'starting' && isWithin(settings.startPeriod, startedAt, Date.parse(result.start));
  if (isExcused) return { ...before, log };
  const failingStreak = before.failingStreak + 1;
  return { status: failingStreak >= settings.retries ? 'unhealthy' : before.status, failingStreak, log };
}
