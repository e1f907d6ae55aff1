import { totalmem } from 'node:os';
import { notFound } from '../../base/errors.ts';
import type { BlkioEntry, CgroupStats } from '../contract.ts';
import { readNumber, readTable, readText } from './setting.ts';

const NANOSECONDS_PER_MICROSECOND = 1000;

/** The lines of memory.stat that the API shows. */
const memoryKeys = [
  'anon',
  'file',
  'kernel_stack',
  'slab',
  'sock',
  'shmem',
  'file_mapped',
  'file_dirty',
  'file_writeback',
  'anon_thp',
  'inactive_anon',
  'active_anon',
  'inactive_file',
  'active_file',
  'unevictable',
  'slab_reclaimable',
  'slab_unreclaimable',
  'pgfault',
  'pgmajfault',
  'workingset_refault',
  'workingset_activate',
  'workingset_nodereclaim',
  'pgrefill',
  'pgscan',
  'pgsteal',
  'pgactivate',
  'pgdeactivate',
  'pglazyfree',
  'pglazyfreed',
  'thp_fault_alloc',
  'thp_collapse_alloc',
];

/** Reads version 2's counters of one group. */
export function readUnifiedStats(directory: string): Omit<CgroupStats, 'networks'> {
  return {
    version: 2,
    pids: {
      current: readNumber(`${directory}/pids.current`) ?? 0,
      limit: readNumber(`${directory}/pids.max`),
    },
    cpu: readCpu(directory),
    memory: readMemory(directory),
    blkio: readBlockIo(directory),
  };
}

function readCpu(directory: string): CgroupStats['cpu'] {
  const stat = readTable(`${directory}/cpu.stat`);
  if (stat.size === 0) throw notFound(`the cgroup ${directory} is gone`);
  const nanoseconds = (key: string): number => (stat.get(key) ?? 0) * NANOSECONDS_PER_MICROSECOND;
  return {
    total: nanoseconds('usage_usec'),
    perCpu: undefined,
    kernel: nanoseconds('system_usec'),
    user: nanoseconds('user_usec'),
    periods: stat.get('nr_periods') ?? 0,
    throttledPeriods: stat.get('nr_throttled') ?? 0,
    throttledTime: nanoseconds('throttled_usec'),
  };
}

function readMemory(directory: string): CgroupStats['memory'] {
  const stat = readTable(`${directory}/memory.stat`);
  const limit = readNumber(`${directory}/memory.max`) ?? Number.POSITIVE_INFINITY;
  return {
    usage: readNumber(`${directory}/memory.current`) ?? 0,
    maxUsage: undefined,
    limit: Math.min(limit, totalmem()),
    failCount: undefined,
    stats: Object.fromEntries(memoryKeys.map((key) => [key, sumOf(stat, key)])),
  };
}

/** Newer kernels tell anonymous and file pages apart where older ones had one number. */
function sumOf(stat: ReadonlyMap<string, number>, key: string): number {
  return stat.get(key) ?? (stat.get(`${key}_anon`) ?? 0) + (stat.get(`${key}_file`) ?? 0);
}

function readBlockIo(directory: string): CgroupStats['blkio'] {
  const entries = parseIoStat(readText(`${directory}/io.stat`) ?? '');
  return {
    io_service_bytes_recursive: entries.length > 0 ? entries : null,
    io_serviced_recursive: null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  };
}

/** Lines "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" as bytes read and written. */
export function parseIoStat(text: string): BlkioEntry[] {
  return text.split('\n').flatMap((line) => {
    const match = /^(\d+):(\d+) /.exec(line);
    if (match === null) return [];
    const device = { major: Number(match[1]), minor: Number(match[2]) };
    const bytes = (key: string): number => Number(new RegExp(`\\b${key}=(\\d+)`).exec(line)?.[1] ?? 0);
    return [
      { ...device, op: 'read', value: bytes('rbytes') },
      { ...device, op: 'write', value: bytes('wbytes') },
    ];
  });
}
