import { totalmem } from 'node:os';
import { notFound } from '../../base/errors.ts';
import type { BlkioEntry, CgroupStats } from '../contract.ts';
import { readNumber, readTable, readText } from './setting.ts';

/** USER_HZ: the unit of cpuacct.stat, 100 per second on every architecture that Linux still runs on. */
const NANOSECONDS_PER_TICK = 10_000_000;

type DirectoryOf = (controller: string) => string | undefined;

/** Reads version 1's counters. */
export function readStats(directoryOf: DirectoryOf): Omit<CgroupStats, 'networks'> {
  return {
    version: 1,
    pids: readPids(directoryOf('pids')),
    cpu: readCpu(directoryOf('cpu'), directoryOf('cpuacct')),
    memory: readMemory(directoryOf('memory')),
    blkio: readBlockIo(directoryOf('blkio')),
  };
}

function readPids(directory: string | undefined): CgroupStats['pids'] {
  return {
    current: readNumber(`${directory}/pids.current`) ?? 0,
    limit: readNumber(`${directory}/pids.max`),
  };
}

function readCpu(cpu: string | undefined, accounting: string | undefined): CgroupStats['cpu'] {
  const total = readNumber(`${accounting}/cpuacct.usage`);
  if (accounting !== undefined && total === undefined) throw notFound(`the cgroup ${accounting} is gone`);
  const times = readTable(`${accounting}/cpuacct.stat`);
  const throttling = readTable(`${cpu}/cpu.stat`);
  return {
    total: total ?? 0,
    perCpu: readText(`${accounting}/cpuacct.usage_percpu`)?.split(' ').map(Number),
    kernel: (times.get('system') ?? 0) * NANOSECONDS_PER_TICK,
    user: (times.get('user') ?? 0) * NANOSECONDS_PER_TICK,
    periods: throttling.get('nr_periods') ?? 0,
    throttledPeriods: throttling.get('nr_throttled') ?? 0,
    throttledTime: throttling.get('throttled_time') ?? 0,
  };
}

function readMemory(directory: string | undefined): CgroupStats['memory'] {
  const limit = readNumber(`${directory}/memory.limit_in_bytes`) ?? Number.POSITIVE_INFINITY;
  return {
    usage: readNumber(`${directory}/memory.usage_in_bytes`) ?? 0,
    maxUsage: readNumber(`${directory}/memory.max_usage_in_bytes`),
    limit: Math.min(limit, totalmem()),
    failCount: readNumber(`${directory}/memory.failcnt`),
    stats: Object.fromEntries(readTable(`${directory}/memory.stat`)),
  };
}

/** The API's keys, with the files that have them: of the BFQ scheduler, of CFQ, and what every device's queue counts. */
const blockFiles: Readonly<Record<string, readonly string[]>> = {
  io_service_bytes_recursive: [
    'blkio.bfq.io_service_bytes_recursive',
    'blkio.io_service_bytes_recursive',
    'blkio.throttle.io_service_bytes_recursive',
    'blkio.throttle.io_service_bytes',
  ],
  io_serviced_recursive: [
    'blkio.bfq.io_serviced_recursive',
    'blkio.io_serviced_recursive',
    'blkio.throttle.io_serviced_recursive',
    'blkio.throttle.io_serviced',
  ],
  io_queue_recursive: ['blkio.io_queued_recursive'],
  io_service_time_recursive: ['blkio.io_service_time_recursive'],
  io_wait_time_recursive: ['blkio.io_wait_time_recursive'],
  io_merged_recursive: ['blkio.io_merged_recursive'],
  io_time_recursive: ['blkio.time_recursive'],
  sectors_recursive: ['blkio.sectors_recursive'],
};

function readBlockIo(directory: string | undefined): CgroupStats['blkio'] {
  const read = (names: readonly string[]): readonly BlkioEntry[] | null => {
    for (const name of names) {
      const entries = parseBlockIo(readText(`${directory}/${name}`) ?? '');
      if (entries.length > 0) return entries;
    }
    return null;
  };
  return Object.fromEntries(Object.entries(blockFiles).map(([key, names]) => [key, read(names)]));
}

/** Lines "8:0 Read 4096", or "8:0 4096" where there is one number only; the last line is a sum. */
export function parseBlockIo(text: string): BlkioEntry[] {
  return text.split('\n').flatMap((line) => {
    const match = /^(\d+):(\d+) (?:(\w+) )?(\d+)$/.exec(line);
    if (match === null) return [];
    const [, major, minor, op = '', value] = match;
    return [{ major: Number(major), minor: Number(minor), op, value: Number(value) }];
  });
}
