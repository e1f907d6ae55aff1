import type { ContainerConfig } from '../../wire/container-config.ts';

/** What is asked of a container's health, in milliseconds. */
export interface HealthSettings {
  readonly command: readonly string[];
  readonly interval: number;
  readonly timeout: number;
  /** Failures within this time of the start do not count. */
  readonly startPeriod: number;
  /** Between checks within it. */
  readonly startInterval: number;
  readonly retries: number;
}

const NANOSECONDS = 1_000_000;

/** Undefined when nothing is to be checked. */
export function healthSettings(config: ContainerConfig): HealthSettings | undefined {
  const { Test, Interval, Timeout, StartPeriod, StartInterval, Retries } = config.Healthcheck ?? {};
  const command = commandOf(Test ?? [], config.Shell ?? []);
  if (command === undefined) return undefined;
  return {
    command,
    interval: (Interval || 30_000 * NANOSECONDS) / NANOSECONDS,
    timeout: (Timeout || 30_000 * NANOSECONDS) / NANOSECONDS,
    startPeriod: (StartPeriod ?? 0) / NANOSECONDS,
    startInterval: (StartInterval || 5_000 * NANOSECONDS) / NANOSECONDS,
    retries: Retries || 3,
  };
}

function commandOf([kind, ...words]: readonly string[], shell: readonly string[]): string[] | undefined {
  if (kind === 'CMD') return words.length === 0 ? undefined : words;
  if (kind !== 'CMD-SHELL') return undefined;
  return [...(shell.length > 0 ? shell : ['/bin/sh', '-c']), ...words.slice(0, 1)];
}
