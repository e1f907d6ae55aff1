import { invalid } from '../../base/errors.ts';
import type { SpecResources } from '../../oci/runtime-spec.ts';

/** A limit in version 2: the file's name and what to write. */
export interface UnifiedLimit {
  readonly file: string;
  readonly value: string;
}

/** Which of the two block schedulers' weight files the host has. */
export type WeightFile = 'io.bfq.weight' | 'io.weight';

/** What version 2 has no file for (swappiness, disabling the OOM killer, realtime) is left out, as runc does. */
export function unifiedLimits(resources: SpecResources, weightFile: WeightFile): UnifiedLimit[] {
  return [
    ...memoryLimits(resources.memory),
    ...cpuLimits(resources.cpu),
    ...(resources.pids === undefined
      ? []
      : [{ file: 'pids.max', value: resources.pids.limit > 0 ? String(resources.pids.limit) : 'max' }]),
    ...blockLimits(resources.blockIO, weightFile),
    ...(resources.hugepageLimits ?? []).map(({ pageSize, limit }) => ({
      file: `hugetlb.${pageSize}.max`,
      value: String(limit),
    })),
    ...Object.entries(resources.unified ?? {}).map(([file, value]) => ({ file, value })),
  ];
}

function memoryLimits(memory: SpecResources['memory'] = {}): UnifiedLimit[] {
  const limits: UnifiedLimit[] = [];
  const swap = swapMax(memory.swap, memory.limit);
  if (swap !== undefined) limits.push({ file: 'memory.swap.max', value: swap });
  if (memory.limit !== undefined) limits.push({ file: 'memory.max', value: bytesOrMax(memory.limit) });
  if (memory.reservation !== undefined)
    limits.push({ file: 'memory.low', value: bytesOrMax(memory.reservation) });
  return limits;
}

/** Docker's number is memory and swap together; the kernel's is swap alone. */
function swapMax(total: number | undefined, memory: number | undefined): string | undefined {
  if (total === undefined || total === 0) return undefined;
  if (total === -1 || memory === -1) return 'max';
  if (memory === undefined) throw invalid('unable to set swap limit without memory limit');
  if (total < memory) throw invalid('memory+swap limit should be >= memory limit');
  return String(total - memory);
}

function bytesOrMax(bytes: number): string {
  return bytes === -1 ? 'max' : String(bytes);
}

const DEFAULT_PERIOD = 100_000;

function cpuLimits(cpu: SpecResources['cpu'] = {}): UnifiedLimit[] {
  const limits: UnifiedLimit[] = [];
  if (cpu.shares !== undefined) limits.push({ file: 'cpu.weight', value: String(cpuWeight(cpu.shares)) });
  if (cpu.quota !== undefined || cpu.period !== undefined) {
    const quota = cpu.quota !== undefined && cpu.quota > 0 ? String(cpu.quota) : 'max';
    limits.push({ file: 'cpu.max', value: `${quota} ${cpu.period ?? DEFAULT_PERIOD}` });
  }
  if (cpu.cpus) limits.push({ file: 'cpuset.cpus', value: cpu.cpus });
  if (cpu.mems) limits.push({ file: 'cpuset.mems', value: cpu.mems });
  return limits;
}

/**
 * Shares (2 to 262144, 1024 by default) as weight (1 to 10000, 100 by default): the curve through these three pairs that runc
 * and crun agreed on.
 */
export function cpuWeight(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

/** Docker's 10 to 1000 as the kernel's 1 to 10000. */
export function ioWeight(weight: number): number {
  return 1 + Math.floor(((weight - 10) * 9999) / 990);
}

function blockLimits(block: SpecResources['blockIO'] = {}, weightFile: WeightFile): UnifiedLimit[] {
  // BFQ kept the old scale.
  const scale = weightFile === 'io.weight' ? ioWeight : (weight: number): number => weight;
  const weights = (block.weightDevice ?? []).map(({ major, minor, weight }) => ({
    file: weightFile,
    value: `${major}:${minor} ${scale(weight)}`,
  }));
  const rates = [
    ['rbps', block.throttleReadBpsDevice],
    ['wbps', block.throttleWriteBpsDevice],
    ['riops', block.throttleReadIOPSDevice],
    ['wiops', block.throttleWriteIOPSDevice],
  ] as const;
  return [
    ...(block.weight ? [{ file: weightFile, value: String(scale(block.weight)) }] : []),
    ...weights,
    ...rates.flatMap(([key, devices = []]) =>
      devices.map(({ major, minor, rate }) => ({
        file: 'io.max',
        value: `${major}:${minor} ${key}=${rate}`,
      })),
    ),
  ];
}
