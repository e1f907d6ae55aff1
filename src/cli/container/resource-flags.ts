import type { FlagType } from '../flag.ts';
import { cut } from '../flag-types.ts';
import { parseSize } from '../format/units.ts';

/** Flag types of limits. */

interface Ratio {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** `0.5`, `1e-3` or `3/2` exactly. */
function parseRatio(text: string): Ratio | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?(?:\/(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0', divisor = '1'] = match;
  if (whole + fraction === '') return undefined;
  const power = Number(exponent) - fraction.length;
  const digits = BigInt(`${sign === '-' ? '-' : ''}${whole}${fraction}`);
  const denominator = BigInt(divisor) * (power < 0 ? 10n ** BigInt(-power) : 1n);
  if (denominator === 0n) return undefined;
  return { numerator: power > 0 ? digits * 10n ** BigInt(power) : digits, denominator };
}

/** Billionths of a CPU. */
export const cpus: FlagType<number> = {
  label: 'decimal',
  initial: () => 0,
  parse(value) {
    const ratio = parseRatio(value);
    if (ratio === undefined) throw new Error(`failed to parse ${value} as a rational number`);
    const scaled = ratio.numerator * 1_000_000_000n;
    if (scaled % ratio.denominator !== 0n) throw new Error('value is too precise');
    return Number(scaled / ratio.denominator);
  },
};

/** `/dev/x` and what follows its colon. */
function cutDevice(value: string): [string, string] {
  const [path, rest] = cut(value, ':');
  if (!value.includes(':') || path === '') throw new Error(`bad format: ${value}`);
  if (!path.startsWith('/dev/')) throw new Error(`bad format for device path: ${value}`);
  return [path, rest];
}

export interface WeightDevice {
  readonly Path: string;
  readonly Weight: number;
}

export interface ThrottleDevice {
  readonly Path: string;
  readonly Rate: number;
}

export const weightDevices: FlagType<readonly WeightDevice[]> = {
  label: 'list',
  initial: () => [],
  defaultText: '[]',
  parse(value, current) {
    const [Path, weight] = cutDevice(value);
    const Weight = Number(weight);
    if (!/^\d+$/.test(weight) || Weight > 1000 || (Weight > 0 && Weight < 10)) {
      throw new Error(`invalid weight for device: ${value}`);
    }
    return [...current, { Path, Weight }];
  },
};

function throttleDevices(
  rateOf: (text: string) => number,
  format: string,
): FlagType<readonly ThrottleDevice[]> {
  return {
    label: 'list',
    initial: () => [],
    defaultText: '[]',
    parse(value, current) {
      const [Path, rate] = cutDevice(value);
      try {
        return [...current, { Path, Rate: rateOf(rate) }];
      } catch {
        throw new Error(`invalid rate for device: ${value}. The correct format is ${format}`);
      }
    },
  };
}

export const rateDevices = throttleDevices(
  parseSize,
  '<device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb',
);

export const iopsDevices = throttleDevices((text) => {
  if (!/^\d{1,19}$/.test(text)) throw new Error('not a number');
  return Number(text);
}, '<device-path>:<number>. Number must be a positive integer');

export interface Ulimit {
  readonly Name: string;
  readonly Hard: number;
  readonly Soft: number;
}

const ulimitNames = new Set([
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
]);

/** By name: the last of each counts. */
export const ulimits: FlagType<Readonly<Record<string, Ulimit>>> = {
  label: 'ulimit',
  initial: () => ({}),
  defaultText: '[]',
  parse(value, current) {
    const limit = parseUlimit(value);
    return { ...current, [limit.Name]: limit };
  },
};

function parseUlimit(value: string): Ulimit {
  const [Name, limits] = cut(value, '=');
  if (!value.includes('=')) throw new Error(`invalid ulimit argument: ${value}`);
  if (!ulimitNames.has(Name)) throw new Error(`invalid ulimit type: ${Name}`);
  const parts = limits.split(':');
  if (parts.length > 2)
    throw new Error(`too many limit value arguments - ${limits}, can only have up to two, \`soft[:hard]\``);
  const [soft = '', hard] = parts;
  const Soft = parseLimit(soft);
  if (hard === undefined) return { Name, Hard: Soft, Soft };
  const Hard = parseLimit(hard);
  if (Hard !== -1 && Soft === -1) {
    throw new Error(
      `ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: ${Hard}`,
    );
  }
  if (Hard !== -1 && Soft > Hard) {
    throw new Error(`ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`);
  }
  return { Name, Hard, Soft };
}

function parseLimit(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) {
    throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
}
