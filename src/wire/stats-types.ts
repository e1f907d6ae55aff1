import { int64, list, map, optional, string, struct, type TypeOf, uint64 } from './schema.ts';

const BlkioEntry = struct('BlkioStatEntry', { major: uint64, minor: uint64, op: string, value: uint64 });

export const BlkioStats = struct('BlkioStats', {
  io_service_bytes_recursive: list(BlkioEntry),
  io_serviced_recursive: list(BlkioEntry),
  io_queue_recursive: list(BlkioEntry),
  io_service_time_recursive: list(BlkioEntry),
  io_wait_time_recursive: list(BlkioEntry),
  io_merged_recursive: list(BlkioEntry),
  io_time_recursive: list(BlkioEntry),
  sectors_recursive: list(BlkioEntry),
});
export type BlkioStats = TypeOf<typeof BlkioStats>;

/** Times in nanoseconds. */
export const CpuStats = struct('CPUStats', {
  cpu_usage: struct('CPUUsage', {
    total_usage: uint64,
    percpu_usage: optional(list(uint64)),
    usage_in_kernelmode: uint64,
    usage_in_usermode: uint64,
  }),
  system_cpu_usage: optional(uint64),
  online_cpus: optional(int64),
  throttling_data: struct('ThrottlingData', {
    periods: uint64,
    throttled_periods: uint64,
    throttled_time: uint64,
  }),
});
export type CpuStats = TypeOf<typeof CpuStats>;

const NetworkStats = struct('NetworkStats', {
  rx_bytes: uint64,
  rx_packets: uint64,
  rx_errors: uint64,
  rx_dropped: uint64,
  tx_bytes: uint64,
  tx_packets: uint64,
  tx_errors: uint64,
  tx_dropped: uint64,
});

/** One sample of `GET /containers/{id}/stats`; a container that does not run has zeros and no networks. */
export const Stats = struct('StatsResponse', {
  name: optional(string),
  id: optional(string),
  read: string,
  preread: string,
  pids_stats: struct('PidsStats', { current: optional(uint64), limit: optional(uint64) }),
  blkio_stats: BlkioStats,
  num_procs: int64,
  storage_stats: struct('StorageStats', {}),
  cpu_stats: CpuStats,
  precpu_stats: CpuStats,
  memory_stats: struct('MemoryStats', {
    usage: optional(uint64),
    max_usage: optional(uint64),
    stats: optional(map(uint64)),
    failcnt: optional(uint64),
    limit: optional(uint64),
  }),
  networks: optional(map(NetworkStats)),
});
export type Stats = TypeOf<typeof Stats>;
