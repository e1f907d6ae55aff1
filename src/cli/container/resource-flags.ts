import type { Ulimit } from '../../wire/container-config.ts';
import { parseSize } from '../../wire/sizes.ts';
import { parseUlimit } from '../../wire/ulimits.ts';
import type { FlagType } from '../flag.ts';
import { cut } from '../flag-types.ts';

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
