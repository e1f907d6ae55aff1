import { readFileSync } from 'node:fs';
import type { ProcessTable } from '../contract.ts';

const titles = ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'];

/** Clock ticks per second that the kernel tells user space, on every architecture it still runs on. */
const TICKS = 100;

/** What `ps -ef` shows, of these processes, out of /proc. */
export async function listProcesses(pids: readonly number[]): Promise<ProcessTable> {
  const names = readUserNames();
  const boot = bootTime();
  const rows = pids.flatMap((pid) => {
    const row = describeProcess(pid, names, boot);
    return row === undefined ? [] : [row];
  });
  return { titles, processes: rows };
}

function describeProcess(
  pid: number,
  names: ReadonlyMap<number, string>,
  boot: number,
): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    const uid = Number(/^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1] ?? 0);
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    // proc_pid_stat(5), counted from its third field on: after the name, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [ppid = '0', tty = '0', userTicks = '0', systemTicks = '0', started = '0'] = [
      fields[1],
      fields[4],
      fields[11],
      fields[12],
      fields[19],
    ];
    const seconds = (Number(userTicks) + Number(systemTicks)) / TICKS;
    const start = new Date((boot + Number(started) / TICKS) * 1000);
    const age = Math.max(1, (Date.now() - start.getTime()) / 1000);
    return [
      names.get(uid) ?? String(uid),
      String(pid),
      ppid,
      String(Math.min(99, Math.floor((seconds * 100) / age))),
      formatStart(start),
      formatTerminal(Number(tty)),
      formatDuration(Math.floor(seconds)),
      command === '' ? `[${name}]` : command.replaceAll('\0', ' ').trim(),
    ];
  } catch {
    // It ended while it was being looked at.
    return undefined;
  }
}

function bootTime(): number {
  return Number(/^btime (\d+)/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? 0);
}

function formatStart(start: Date): string {
  const today = start.toDateString() === new Date().toDateString();
  if (!today) return start.toLocaleDateString('en-US', { month: 'short', day: '2-digit' }).replace(' ', '');
  return `${pad(start.getHours())}:${pad(start.getMinutes())}`;
}

function formatDuration(seconds: number): string {
  return [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(pad).join(':');
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

/** Major numbers 136 to 143 are pseudo-terminals (linux/major.h). */
function formatTerminal(device: number): string {
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`;
  return major === 4 ? `tty${minor}` : '?';
}

function readUserNames(): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  try {
    for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
      const [name = '', , uid = ''] = line.split(':');
      if (/^\d+$/.test(uid) && !names.has(Number(uid))) names.set(Number(uid), name);
    }
  } catch {
    // Numbers will do.
  }
  return names;
}
