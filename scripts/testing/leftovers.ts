import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** By what a run's things are known: all of it works below one directory, and names devices and cgroups after its processes. */
export interface Traces {
  /** The TMPDIR that the run was given. */
  readonly directory: string;
  readonly pids: readonly number[];
}

/** What a run has left on the machine: files, processes, mounts in any namespace, network devices, cgroups; one line each. */
export function findLeftovers({ directory, pids }: Traces): string[] {
  return [
    ...readdirSync(directory).map((name) => `file ${join(directory, name)}`),
    ...processesOf(directory),
    ...mountsBelow(directory),
    ...devicesOf(pids),
    ...cgroupsOf(pids),
  ];
}

function processes(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
}

/** Started by the run, or with a command line that names its directory. */
function processesOf(directory: string): string[] {
  return processes()
    .map((pid) => ({ pid, command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim() }))
    .filter(
      ({ pid, command }) =>
        command.includes(directory) ||
        read(`/proc/${pid}/environ`).split('\0').includes(`TMPDIR=${directory}`),
    )
    .map(({ pid, command }) => `process ${pid} ${command}`);
}

/** A mount that is gone here may live on where a process holds its own namespace; overlays name the directory in their options. */
function mountsBelow(directory: string): string[] {
  const lines = ['self', ...processes()].flatMap((pid) => read(`/proc/${pid}/mountinfo`).split('\n'));
  const points = lines.filter((line) => line.includes(directory)).map((line) => line.split(' ')[4] ?? line);
  return [...new Set(points)].map((point) => `mount ${point}`);
}

/** In this network namespace. */
function devicesOf(pids: readonly number[]): string[] {
  const names = read('/proc/self/net/dev').match(/^ *[^: ]+(?=:)/gm) ?? [];
  return names
    .map((name) => name.trim())
    .filter((name) => pids.some((pid) => name.startsWith(`spt${pid % 100_000}x`)))
    .map((name) => `network device ${name}`);
}

function cgroupsOf(pids: readonly number[]): string[] {
  const root = '/sys/fs/cgroup';
  const hierarchies = existsSync(join(root, 'cgroup.controllers'))
    ? [root]
    : readdirSync(root).map((name) => join(root, name));
  return hierarchies.flatMap((hierarchy) =>
    readdirSync(hierarchy)
      .filter((name) => pids.some((pid) => isNamedAfter(name, pid)))
      .map((name) => `cgroup ${join(hierarchy, name)}`),
  );
}

function isNamedAfter(cgroup: string, pid: number): boolean {
  return cgroup.startsWith(`sampan-test-${pid}-`) || cgroup.startsWith(`sampan-test-spt${pid % 100_000}x`);
}

/** Empty for what has just gone. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
