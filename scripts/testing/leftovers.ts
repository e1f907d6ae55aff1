import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

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

/** Ends and takes away what a failed run has left, so that the next one starts on a clean machine. */
export async function clearLeftovers({ directory, pids }: Traces): Promise<void> {
  const left = ownProcesses(directory);
  for (const { pid } of left) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  // Until they have let go of their mounts and cgroups.
  if (left.length > 0) await setTimeout(500);
  for (const point of ownMounts('self', directory).toReversed()) spawnSync('umount', ['--lazy', point]);
  // Never through a mount: behind it may be the machine's own files.
  if (ownMounts('self', directory).length === 0) rmSync(directory, { recursive: true, force: true });
  for (const path of ownCgroups(pids)) {
    spawnSync('find', [path, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';']);
  }
}

function processes(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
}

/** Started by the run, or with a command line that names its directory. */
function ownProcesses(directory: string): { pid: string; command: string }[] {
  return processes()
    .map((pid) => ({ pid, command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim() }))
    .filter(
      ({ pid, command }) =>
        command.includes(directory) ||
        read(`/proc/${pid}/environ`).split('\0').includes(`TMPDIR=${directory}`),
    );
}

function processesOf(directory: string): string[] {
  return ownProcesses(directory).map(({ pid, command }) => `process ${pid} ${command}`);
}

/** A mount that is gone here may live on where a process holds its own namespace. */
function mountsBelow(directory: string): string[] {
  const points = ['self', ...processes()].flatMap((pid) => ownMounts(pid, directory));
  return [...new Set(points)].map((point) => `mount ${point}`);
}

/** In the order that they were mounted. Overlays name the directory in their options. */
function ownMounts(pid: string, directory: string): string[] {
  const lines = read(`/proc/${pid}/mountinfo`).split('\n');
  return lines.filter((line) => line.includes(directory)).map((line) => line.split(' ')[4] ?? line);
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
  return ownCgroups(pids).map((path) => `cgroup ${path}`);
}

function ownCgroups(pids: readonly number[]): string[] {
  const root = '/sys/fs/cgroup';
  const hierarchies = existsSync(join(root, 'cgroup.controllers'))
    ? [root]
    : readdirSync(root).map((name) => join(root, name));
  return hierarchies.flatMap((hierarchy) =>
    readdirSync(hierarchy)
      .filter((name) => pids.some((pid) => isNamedAfter(name, pid)))
      .map((name) => join(hierarchy, name)),
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
