import { readFileSync } from 'node:fs';
import { isCode } from '../../base/errors.ts';
import type { StatsSample } from '../contract.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';

const NANOSECONDS_PER_TICK = 1e9 / 100;

/** One reading; a container that does not run has none of its own. */
export async function sampleStats(parts: Parts, entry: Entry): Promise<StatsSample> {
  const cgroup = await entry.task?.stats(parts.background).catch((error) => {
    // It ended while it was being looked at.
    if (isCode(error, 'not-found')) return undefined;
    throw error;
  });
  return { time: new Date(), container: entry.container, cgroup, ...systemCpu() };
}

/** All processors' time since boot: user, nice, system, idle, iowait, irq, softirq (proc_stat(5)), as Docker adds them up. */
function systemCpu(): { systemCpu: number; onlineCpus: number } {
  const lines = readFileSync('/proc/stat', 'utf8').split('\n');
  const ticks = (lines[0] ?? '').split(/\s+/).slice(1, 8).map(Number);
  const total = ticks.reduce((sum, value) => sum + value, 0);
  return {
    systemCpu: total * NANOSECONDS_PER_TICK,
    onlineCpus: lines.filter((line) => /^cpu\d/.test(line)).length,
  };
}
