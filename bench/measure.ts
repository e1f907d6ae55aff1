import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isErrno } from '../src/base/errno.ts';

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Runs that do not count: caches and compilers are warm after them. */
const WARM_UP = 10;

/** Median milliseconds of `work` over `runs`. */
export async function time(runs: number, work: () => Promise<unknown>): Promise<number> {
  for (let run = 0; run < WARM_UP; run++) await work();
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const begin = performance.now();
    await work();
    times.push(performance.now() - begin);
  }
  return median(times);
}

/** Proportional set size of processes, bytes (proc_pid_smaps: Pss); one that has just ended has none. */
export function pss(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const [, kilobytes = '0'] = /^Pss:\s+(\d+) kB/m.exec(readProc(`${pid}/smaps_rollup`)) ?? [];
    return sum + Number(kilobytes) * 1024;
  }, 0);
}

/** Begins anew what `peakMemory` tells (proc_pid_clear_refs: 5). */
export function resetPeakMemory(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      writeFileSync(`/proc/${pid}/clear_refs`, '5');
    } catch (error) {
      // One that has just ended counts no more.
      if (!isErrno(error, 'ENOENT', 'ESRCH')) throw error;
    }
  }
}

/** The most resident memory that processes have had, each at its own time, bytes (proc_pid_status: VmHWM). */
export function peakMemory(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const [, kilobytes = '0'] = /^VmHWM:\s+(\d+) kB/m.exec(readProc(`${pid}/status`)) ?? [];
    return sum + Number(kilobytes) * 1024;
  }, 0);
}

/** Processes whose name begins so: supervisors rename themselves. */
export function processesNamed(prefix: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && readProc(`${name}/comm`).startsWith(prefix))
    .map(Number);
}

/** Processes whose command line holds all of `words`. */
export function processesWith(...words: string[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const command = readProc(`${pid}/cmdline`).replaceAll('\0', ' ');
      return command !== '' && words.every((word) => command.includes(word));
    })
    .map(Number);
}

/** A file of a process, empty once that is gone. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return '';
    throw error;
  }
}
