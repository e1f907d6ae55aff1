import { readFileSync } from 'node:fs';
import type { InterfaceStats } from './contract.ts';

/** Counters of the interfaces in a process's network namespace but for loopback (proc_pid_net(5), dev). */
export function readInterfaceStats(pid: number): Record<string, InterfaceStats> {
  return parseInterfaceStats(readFileSync(`/proc/${pid}/net/dev`, 'utf8'));
}

/** Two lines of headings, then "eth0: " and 16 numbers: eight received, eight sent. */
export function parseInterfaceStats(text: string): Record<string, InterfaceStats> {
  const stats: Record<string, InterfaceStats> = {};
  for (const line of text.split('\n').slice(2)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim();
    if (colon < 0 || name === 'lo') continue;
    const numbers = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    const column = (index: number): number => numbers[index] ?? 0;
    stats[name] = {
      rx_bytes: column(0),
      rx_packets: column(1),
      rx_errors: column(2),
      rx_dropped: column(3),
      tx_bytes: column(8),
      tx_packets: column(9),
      tx_errors: column(10),
      tx_dropped: column(11),
    };
  }
  return stats;
}
