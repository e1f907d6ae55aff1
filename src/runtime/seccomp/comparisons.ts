import { invalid } from '../../base/errors.ts';
import type { SeccompArgument } from '../../oci/runtime-spec.ts';
import type { Assembler, Label } from './assembler.ts';

/** One test of a system call's argument: 64-bit, unsigned. */
export interface Comparison {
  /** 0 to 5. */
  readonly index: number;
  readonly kind: 'equal' | 'above' | 'atLeast';
  /** All ones except for masked comparisons. */
  readonly mask: bigint;
  readonly value: bigint;
  /** The test holds when the comparison does not. */
  readonly negated: boolean;
}

const ALL = 0xffffffff_ffffffffn;
const ARGUMENTS = 6;

type Shape = Pick<Comparison, 'kind' | 'negated'>;

const operators: Readonly<Record<string, Shape>> = {
  SCMP_CMP_EQ: { kind: 'equal', negated: false },
  SCMP_CMP_NE: { kind: 'equal', negated: true },
  SCMP_CMP_GT: { kind: 'above', negated: false },
  SCMP_CMP_LE: { kind: 'above', negated: true },
  SCMP_CMP_GE: { kind: 'atLeast', negated: false },
  SCMP_CMP_LT: { kind: 'atLeast', negated: true },
};

/** Reads a profile's condition. Masked: `value` is the mask and `valueTwo` what must be left (libseccomp's order). */
export function parseComparison(argument: SeccompArgument): Comparison {
  const { index, op } = argument;
  if (!Number.isInteger(index) || index < 0 || index >= ARGUMENTS) {
    throw invalid(`seccomp: argument index ${index} is not between 0 and ${ARGUMENTS - 1}`);
  }
  const value = unsigned64(argument.value);
  if (op === 'SCMP_CMP_MASKED_EQ') {
    return { index, kind: 'equal', negated: false, mask: value, value: unsigned64(argument.valueTwo ?? 0) };
  }
  const shape = operators[op];
  if (shape === undefined) throw invalid(`seccomp: unknown comparison ${JSON.stringify(op)}`);
  return { index, ...shape, mask: ALL, value };
}

/** JSON numbers are doubles: the greatest 64-bit value arrives as 2^64, others beyond 2^53 have lost digits. */
function unsigned64(value: number): bigint {
  if (value === 2 ** 64) return ALL;
  if (!Number.isSafeInteger(value) || value < 0) {
    throw invalid(`seccomp: argument value ${value} is not a whole number below 2^53`);
  }
  return BigInt(value);
}

/** Emits the test; `yes` and `no` are where it leads. Each half of the argument is compared on its own. */
export function emitComparison(
  assembler: Assembler,
  comparison: Comparison,
  whenTrue: Label,
  whenFalse: Label,
): Label {
  const { kind, index, mask, value, negated } = comparison;
  const [yes, no] = negated ? [whenFalse, whenTrue] : [whenTrue, whenFalse];
  const lowTest = assembler.jump(kind, low(value), yes, no);
  const loadLow = loadMasked(assembler, argumentOffset(index), low(mask), lowTest);
  const highEqual = assembler.jump('equal', high(value), loadLow, no);
  const highTest = kind === 'equal' ? highEqual : assembler.jump('above', high(value), yes, highEqual);
  return loadMasked(assembler, argumentOffset(index) + 4, high(mask), highTest);
}

function loadMasked(assembler: Assembler, offset: number, mask: number, next: Label): Label {
  const masked = mask === 0xffffffff ? next : assembler.and(mask, next);
  return assembler.load(offset, masked);
}

/** Of the low half of args[index] in struct seccomp_data, on little-endian machines. */
function argumentOffset(index: number): number {
  return 16 + 8 * index;
}

function low(value: bigint): number {
  return Number(value & 0xffffffffn);
}

function high(value: bigint): number {
  return Number(value >> 32n);
}
