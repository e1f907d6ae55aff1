import { normalize } from 'node:path/posix';
import { invalid } from '../../base/errors.ts';
import type { ContainerConfig } from '../../wire/container-config.ts';
import { parseSignal } from '../signals.ts';

const MILLISECOND = 1_000_000;

/** The configuration with its working directory cleaned. Fails with `invalid-argument` in Docker's words. */
export function checkConfig(config: ContainerConfig): ContainerConfig {
  const workingDir = config.WorkingDir;
  if (workingDir !== '' && !workingDir.startsWith('/')) {
    throw invalid(`the working directory '${workingDir}' is invalid, it needs to be an absolute path`);
  }
  if (config.StopSignal) parseSignal(config.StopSignal);
  for (const entry of config.Env ?? []) {
    if (entry === '' || entry.startsWith('=')) throw invalid(`invalid environment variable: ${entry}`);
    if (entry.includes('\0')) throw invalid('invalid environment variable: it holds a zero byte');
  }
  checkHealth(config.Healthcheck);
  checkWords([...(config.Entrypoint ?? []), ...(config.Cmd ?? [])]);
  checkHostname(config);
  return {
    ...config,
    WorkingDir: workingDir === '' ? '' : normalize(workingDir).replace(/(.)\/$/, '$1'),
    Volumes: config.Volumes ?? {},
  };
}

/** What execve and the kernel cannot take would only fail later, and less clearly. */
function checkWords(words: readonly string[]): void {
  if (words.some((word) => word.includes('\0'))) throw invalid('invalid command: it holds a zero byte');
}

function checkHostname({ Hostname, Domainname }: ContainerConfig): void {
  for (const name of [Hostname, Domainname]) {
    if (name.length > 64 || /[\0\n\r\t /]/.test(name)) {
      throw invalid(`invalid hostname ${JSON.stringify(name)}: at most 64 characters, without blanks or "/"`);
    }
  }
}

function checkHealth(health: ContainerConfig['Healthcheck']): void {
  if (health === undefined) return;
  const durations = ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const;
  for (const key of durations) {
    const value = health[key] ?? 0;
    if (value !== 0 && value < MILLISECOND) throw invalid(`${key} in Healthcheck cannot be less than 1ms`);
  }
  if ((health.Retries ?? 0) < 0) throw invalid('Retries in Healthcheck cannot be negative');
}
