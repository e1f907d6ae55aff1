import type { SpecDeviceRule } from '../oci/runtime-spec.ts';

/** What version 1's devices controller takes: lines for devices.deny and devices.allow, in order. */
export interface DeviceLine {
  readonly file: 'devices.allow' | 'devices.deny';
  readonly line: string;
}

/** The lines for a fresh group, which starts as its parent is: everything allowed, so that allowing it again needs no line. */
export function deviceLines(rules: readonly SpecDeviceRule[]): DeviceLine[] {
  const [first, ...others] = effectiveRules(rules);
  if (first === undefined) return [];
  const rest = first.allow && isForAll(first) ? others : [first, ...others];
  return rest.flatMap((rule) => {
    const file = rule.allow ? 'devices.allow' : 'devices.deny';
    return linesOf(rule).map((line) => ({ file, line }));
  });
}

/** The kernel takes any "a" for everything there is, so that a narrower one has to be spelt out. */
function linesOf(rule: SpecDeviceRule): string[] {
  if (isForAll(rule)) return ['a'];
  const types = rule.type === 'a' ? ['b', 'c'] : [rule.type];
  return types.map((type) => `${type} ${numberOrAny(rule.major)}:${numberOrAny(rule.minor)} ${rule.access}`);
}

/** Nothing before the last rule for all devices matters. */
function effectiveRules(rules: readonly SpecDeviceRule[]): readonly SpecDeviceRule[] {
  return rules.slice(Math.max(rules.findLastIndex(isForAll), 0));
}

function isForAll(rule: SpecDeviceRule): boolean {
  const everyAccess = ['r', 'w', 'm'].every((letter) => rule.access.includes(letter));
  return rule.type === 'a' && rule.major === undefined && rule.minor === undefined && everyAccess;
}

function numberOrAny(number: number | undefined): string {
  return number === undefined ? '*' : String(number);
}

/**
 * The same rules as a BPF_PROG_TYPE_CGROUP_DEVICE program (linux/bpf.h, struct bpf_cgroup_dev_ctx) for version 2: struct bpf_insn
 * array, little-endian. The last rule that covers an access decides, as with version 1; nothing is allowed by default.
 *
 * A rule that denies part of an access denies all of it; one that allows has to cover every part.
 */
export function deviceProgram(rules: readonly SpecDeviceRule[]): Uint8Array {
  const effective = effectiveRules(rules);
  const body = effective.toReversed().flatMap(emitRule);
  // The kernel refuses a program with instructions that are never reached.
  const [first] = effective;
  const rest = first !== undefined && isForAll(first) ? [] : verdict(false);
  return encode([...loadContext, ...body, ...rest]);
}

interface Instruction {
  readonly code: number;
  readonly destination?: number;
  readonly source?: number;
  readonly offset?: number;
  readonly immediate?: number;
}

const LOAD_WORD = 0x61;
const MOVE_REGISTER = 0xbf;
const MOVE_NUMBER = 0xb7;
const AND_NUMBER = 0x57;
const SHIFT_RIGHT = 0x77;
const JUMP_NOT_EQUAL = 0x55;
const JUMP_EQUAL = 0x15;
const JUMP_NOT_EQUAL_REGISTER = 0x5d;
const EXIT = 0x95;

/** Registers: what kind of device, what is to be done, its numbers, and one to work with. */
const RESULT = 0;
const CONTEXT = 1;
const TYPE = 2;
const ACCESS = 3;
const MAJOR = 4;
const MINOR = 5;
const WORK = 6;

/** BPF_DEVCG_DEV_* and BPF_DEVCG_ACC_*. */
const typeBits = { b: 1, c: 2 };
const accessBits: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const ALL_ACCESS = 7;

/** `access_type` has the access in its high half and the type in its low one. */
const loadContext: readonly Instruction[] = [
  { code: LOAD_WORD, destination: TYPE, source: CONTEXT, offset: 0 },
  { code: MOVE_REGISTER, destination: ACCESS, source: TYPE },
  { code: AND_NUMBER, destination: TYPE, immediate: 0xffff },
  { code: SHIFT_RIGHT, destination: ACCESS, immediate: 16 },
  { code: LOAD_WORD, destination: MAJOR, source: CONTEXT, offset: 4 },
  { code: LOAD_WORD, destination: MINOR, source: CONTEXT, offset: 8 },
];

/** Falls through to what follows when the rule does not cover the access. */
function emitRule(rule: SpecDeviceRule): Instruction[] {
  const body = [...accessTest(rule), ...verdict(rule.allow)];
  const tests: Instruction[] = [];
  if (rule.type !== 'a')
    tests.push({ code: JUMP_NOT_EQUAL, destination: TYPE, immediate: typeBits[rule.type] });
  if (rule.major !== undefined)
    tests.push({ code: JUMP_NOT_EQUAL, destination: MAJOR, immediate: rule.major });
  if (rule.minor !== undefined)
    tests.push({ code: JUMP_NOT_EQUAL, destination: MINOR, immediate: rule.minor });
  const skips = tests.map((jump, index) => ({ ...jump, offset: tests.length - index - 1 + body.length }));
  return [...skips, ...body];
}

function accessTest(rule: SpecDeviceRule): Instruction[] {
  const bits = [...rule.access].reduce((mask, letter) => mask | (accessBits[letter] ?? 0), 0);
  if (bits === ALL_ACCESS) return [];
  const masked: Instruction[] = [
    { code: MOVE_REGISTER, destination: WORK, source: ACCESS },
    { code: AND_NUMBER, destination: WORK, immediate: bits },
  ];
  const toNext = VERDICT_SIZE;
  return rule.allow
    ? [...masked, { code: JUMP_NOT_EQUAL_REGISTER, destination: WORK, source: ACCESS, offset: toNext }]
    : [...masked, { code: JUMP_EQUAL, destination: WORK, immediate: 0, offset: toNext }];
}

const VERDICT_SIZE = 2;

function verdict(allow: boolean): Instruction[] {
  return [{ code: MOVE_NUMBER, destination: RESULT, immediate: allow ? 1 : 0 }, { code: EXIT }];
}

function encode(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, one] of instructions.entries()) {
    view.setUint8(index * 8, one.code);
    view.setUint8(index * 8 + 1, (one.destination ?? 0) | ((one.source ?? 0) << 4));
    view.setInt16(index * 8 + 2, one.offset ?? 0, true);
    view.setInt32(index * 8 + 4, one.immediate ?? 0, true);
  }
  return bytes;
}
