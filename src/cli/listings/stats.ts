import type { TypeOf } from '../../wire/schema.ts';
import { bytesSize, humanSize } from '../../wire/sizes.ts';
import type { Stats } from '../../wire/stats-types.ts';
import { shortId } from '../format/ellipsis.ts';
import type { Listing } from '../format/listing.ts';

export type Sample = TypeOf<typeof Stats>;

/** One line of `stats`: a container as it was asked for, and its last sample, if it gave one in time. */
export interface StatsRow {
  readonly container: string;
  readonly sample: Sample | undefined;
  readonly isStale: boolean;
}

const UNKNOWN = '--';

export function statsListing(truncate: boolean): Listing<StatsRow> {
  const whenKnown =
    (show: (sample: Sample) => string, otherwise = UNKNOWN) =>
    ({ sample, isStale }: StatsRow): string =>
      sample === undefined || isStale ? otherwise : show(sample);
  return {
    typeName: '*container.statsContext',
    headings: {
      Container: 'CONTAINER',
      Name: 'NAME',
      ID: 'CONTAINER ID',
      CPUPerc: 'CPU %',
      MemUsage: 'MEM USAGE / LIMIT',
      MemPerc: 'MEM %',
      NetIO: 'NET I/O',
      BlockIO: 'BLOCK I/O',
      PIDs: 'PIDS',
    },
    columns: {
      Container: ({ container }) => container,
      Name: ({ sample }) => {
        const name = sample?.name ?? '';
        return name.length > 1 ? name.slice(1) : UNKNOWN;
      },
      ID: ({ sample }) => (truncate ? shortId(sample?.id ?? '') : (sample?.id ?? '')),
      CPUPerc: whenKnown((sample) => `${cpuPercentage(sample).toFixed(2)}%`),
      MemUsage: whenKnown(
        (sample) => `${bytesSize(memoryUsed(sample))} / ${bytesSize(sample.memory_stats.limit ?? 0)}`,
        '-- / --',
      ),
      MemPerc: whenKnown((sample) => `${memoryPercentage(sample).toFixed(2)}%`),
      NetIO: whenKnown((sample) => {
        const networks = Object.values(sample.networks ?? {});
        return pair(sum(networks.map((one) => one.rx_bytes)), sum(networks.map((one) => one.tx_bytes)));
      }),
      BlockIO: whenKnown((sample) => pair(blockBytes(sample, 'r'), blockBytes(sample, 'w'))),
      PIDs: whenKnown((sample) => String(sample.pids_stats.current ?? 0)),
    },
  };
}

function pair(left: number, right: number): string {
  return `${humanSize(left, 3)} / ${humanSize(right, 3)}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Of one CPU: two busy ones are 200 %. */
function cpuPercentage({ cpu_stats, precpu_stats }: Sample): number {
  const used = cpu_stats.cpu_usage.total_usage - precpu_stats.cpu_usage.total_usage;
  const passed = (cpu_stats.system_cpu_usage ?? 0) - (precpu_stats.system_cpu_usage ?? 0);
  const cpus = cpu_stats.online_cpus || (cpu_stats.cpu_usage.percpu_usage ?? []).length;
  return passed > 0 && used > 0 ? (used / passed) * cpus * 100 : 0;
}

/** Without the page cache that the kernel would give up first; cgroup v1 and v2 name it differently. */
function memoryUsed({ memory_stats: { usage = 0, stats } }: Sample): number {
  const v1 = stats?.total_inactive_file;
  if (v1 !== undefined && v1 < usage) return usage - v1;
  const v2 = stats?.inactive_file ?? 0;
  return v2 < usage ? usage - v2 : usage;
}

function memoryPercentage(sample: Sample): number {
  const limit = sample.memory_stats.limit ?? 0;
  return limit === 0 ? 0 : (memoryUsed(sample) / limit) * 100;
}

function blockBytes({ blkio_stats }: Sample, operation: 'r' | 'w'): number {
  const entries = blkio_stats.io_service_bytes_recursive ?? [];
  return sum(entries.filter(({ op }) => op[0]?.toLowerCase() === operation).map(({ value }) => value));
}
