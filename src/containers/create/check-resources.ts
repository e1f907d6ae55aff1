import { readFileSync } from 'node:fs';
import { invalid } from '../../base/errors.ts';
import type { HostCapabilities } from '../../runtime/contract.ts';
import type { Resources } from '../../wire/container-config.ts';
import { contains, parseNumberList } from './number-list.ts';

const MINIMUM_MEMORY = 6 << 20;

type Warn = (text: string) => void;

/**
 * Resources with what this host cannot limit left out, and a warning for each such thing. An update may leave out what
 * the container has already. Fails with `invalid-argument` in Docker's words.
 */
export function adaptResources<T extends Resources>(
  given: T,
  host: HostCapabilities,
  purpose: 'create' | 'update',
): { resources: T; warnings: string[] } {
  const warnings: string[] = [];
  const warn: Warn = (text) => warnings.push(text);
  const resources = { ...given };
  checkMemory(resources, host, warn, purpose);
  checkSwappiness(resources, host, warn);
  checkReservation(resources, host, warn);
  checkOomAndPids(resources, host, warn);
  checkCpu(resources, host, warn);
  checkRealtime(resources, host);
  checkCpuset(resources, host, warn);
  checkBlockIo(resources, host, warn);
  return { resources, warnings };
}

function checkMemory(r: Resources, host: HostCapabilities, warn: Warn, purpose: 'create' | 'update'): void {
  if (r.Memory !== 0 && r.Memory < MINIMUM_MEMORY) throw invalid('Minimum memory limit allowed is 6MB');
  if (r.Memory > 0 && !host.memoryLimit) {
    warn(
      'Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.',
    );
    r.Memory = 0;
    r.MemorySwap = -1;
  }
  if (r.Memory > 0 && r.MemorySwap !== -1 && !host.swapLimit) {
    warn(
      'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
    );
    r.MemorySwap = -1;
  }
  if (r.Memory > 0 && r.MemorySwap > 0 && r.MemorySwap < r.Memory) {
    throw invalid('Minimum memoryswap limit should be larger than memory limit, see usage');
  }
  if (r.Memory === 0 && r.MemorySwap > 0 && purpose === 'create') {
    throw invalid('You should always set the Memory limit when using Memoryswap limit, see usage');
  }
}

function checkSwappiness(r: Resources, host: HostCapabilities, warn: Warn): void {
  if (r.MemorySwappiness === -1) r.MemorySwappiness = null;
  if (r.MemorySwappiness === null) return;
  if (host.cgroupVersion === 2 || !host.memoryLimit) {
    warn(
      'Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.',
    );
    r.MemorySwappiness = null;
  } else if (r.MemorySwappiness < 0 || r.MemorySwappiness > 100) {
    throw invalid(`Invalid value: ${r.MemorySwappiness}, valid memory swappiness range is 0-100`);
  }
}

function checkReservation(r: Resources, host: HostCapabilities, warn: Warn): void {
  if (r.MemoryReservation > 0 && !host.memoryLimit) {
    warn(
      'Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. Limitation discarded.',
    );
    r.MemoryReservation = 0;
  }
  if (r.MemoryReservation > 0 && r.MemoryReservation < MINIMUM_MEMORY) {
    throw invalid('Minimum memory reservation allowed is 6MB');
  }
  if (r.Memory > 0 && r.MemoryReservation > 0 && r.Memory < r.MemoryReservation) {
    throw invalid('Minimum memory limit can not be less than memory reservation limit, see usage');
  }
  if ((r.KernelMemory ?? 0) > 0) {
    warn(
      'Your kernel does not support kernel memory limit capabilities or the cgroup is not mounted. Limitation discarded.',
    );
    r.KernelMemory = 0;
  }
}

function checkOomAndPids(r: Resources, host: HostCapabilities, warn: Warn): void {
  if (r.OomKillDisable !== null && !host.oomKillDisable) {
    if (r.OomKillDisable) warn('Your kernel does not support OomKillDisable. OomKillDisable discarded.');
    r.OomKillDisable = null;
  }
  if (r.OomKillDisable === true && r.Memory === 0) {
    warn(
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    );
  }
  if (r.PidsLimit !== null && !host.pidsLimit) {
    if (r.PidsLimit > 0) {
      warn(
        'Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.',
      );
    }
    r.PidsLimit = null;
  }
}

function checkCpu(r: Resources, host: HostCapabilities, warn: Warn): void {
  if (r.NanoCpus > 0 && r.CpuPeriod > 0) {
    throw invalid('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  }
  if (r.NanoCpus > 0 && r.CpuQuota > 0) {
    throw invalid('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  }
  if (r.NanoCpus > 0 && !host.cpuCfs) {
    throw invalid(
      'NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted',
    );
  }
  const processors = host.processors;
  if (r.NanoCpus < 0 || r.NanoCpus > processors * 1e9) {
    throw invalid(
      `range of CPUs is from 0.01 to ${processors}.00, as there are only ${processors} CPUs available`,
    );
  }
  if (host.cpuShares && r.CpuShares < 0) {
    throw invalid(`invalid CPU shares (${r.CpuShares}): value must be a positive integer`);
  }
  if (r.CpuShares !== 0 && !host.cpuShares) {
    warn('Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.');
    r.CpuShares = 0;
  }
  checkQuota(r, host, warn);
}

function checkQuota(r: Resources, host: HostCapabilities, warn: Warn): void {
  if ((r.CpuPeriod !== 0 || r.CpuQuota !== 0) && !host.cpuCfs) {
    warn('Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.');
    r.CpuPeriod = 0;
    r.CpuQuota = 0;
  }
  if (r.CpuPeriod !== 0 && (r.CpuPeriod < 1000 || r.CpuPeriod > 1_000_000)) {
    throw invalid('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  }
  if (r.CpuQuota > 0 && r.CpuQuota < 1000) {
    throw invalid('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  }
  if (r.CpuPercent > 0) {
    warn('linux does not support CPU percent. Percent discarded.');
    r.CpuPercent = 0;
  }
}

function checkRealtime(r: Resources, host: HostCapabilities): void {
  if ((r.CpuRealtimePeriod !== 0 || r.CpuRealtimeRuntime !== 0) && !host.cpuRealtime) {
    throw invalid('kernel does not support CPU real-time scheduler');
  }
  if (r.CpuRealtimePeriod !== 0 && r.CpuRealtimeRuntime > r.CpuRealtimePeriod) {
    throw invalid('cpu real-time runtime cannot be higher than cpu real-time period');
  }
}

function checkCpuset(r: Resources, host: HostCapabilities, warn: Warn): void {
  if (r.CpusetCpus === '' && r.CpusetMems === '') return;
  if (!host.cpuset) {
    warn('Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded.');
    r.CpusetCpus = '';
    r.CpusetMems = '';
    return;
  }
  checkSet(r.CpusetCpus, 'cpus', 'CPUs', '/sys/devices/system/cpu/online');
  checkSet(r.CpusetMems, 'mems', 'memory nodes', '/sys/devices/system/node/online');
}

function checkSet(asked: string, name: string, things: string, onlineFile: string): void {
  if (asked === '') return;
  const wanted = parseNumberList(asked);
  if (wanted === undefined) {
    throw invalid(`Invalid value ${asked} for cpuset ${name}: invalid format: ${asked}`);
  }
  const available = readOnline(onlineFile);
  const online = parseNumberList(available);
  if (online !== undefined && !contains(online, wanted)) {
    throw invalid(`Requested ${things} are not available - requested ${asked}, available: ${available}`);
  }
}

function readOnline(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '0';
  }
}

function checkBlockIo(r: Resources, host: HostCapabilities, warn: Warn): void {
  if (r.BlkioWeight > 0 && !host.blkioWeight) {
    warn('Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.');
    r.BlkioWeight = 0;
  }
  if (r.BlkioWeight > 0 && (r.BlkioWeight < 10 || r.BlkioWeight > 1000)) {
    throw invalid('Range of blkio weight is from 10 to 1000');
  }
  if (r.IOMaximumBandwidth !== 0) {
    throw invalid('invalid option: QoS maximum bandwidth configuration is not supported on linux');
  }
  if (r.IOMaximumIOps !== 0) {
    throw invalid('invalid option: QoS maximum IOPs configuration is not supported on linux');
  }
  if (r.BlkioWeightDevice?.length && !host.blkioWeight) {
    warn(
      'Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.',
    );
    r.BlkioWeightDevice = [];
  }
}
