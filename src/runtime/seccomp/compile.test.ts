import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { SampanError } from '../../base/errors.ts';
import { DEFAULT_CAPABILITIES } from '../../oci/capabilities.ts';
import type { SeccompProfile, SeccompRule } from '../../oci/runtime-spec.ts';
import { defaultSeccompProfile } from '../../oci/seccomp-default.ts';
import { runFilter } from '../testing/seccomp-interpreter.ts';
import { architectureNamed } from './architectures.ts';
import { compileSeccomp } from './compile.ts';
import type { SeccompSubject } from './resolve-profile.ts';

const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const AUDIT_X86_64 = 0xc000003e;

const amd64 = { name: 'SCMP_ARCH_X86_64', goName: 'amd64' };
const arm64 = { name: 'SCMP_ARCH_AARCH64', goName: 'arm64' };

function subjectOf(capabilities: readonly string[], native = amd64): SeccompSubject {
  return { native, capabilities: new Set(capabilities), kernelVersion: '6.18.1-test' };
}

/** What the profile says about a call, worked out rule by rule without any of the compiler's shortcuts. */
function expectedAction(rules: readonly SeccompRule[], name: string, args: readonly bigint[]): number {
  const matching = rules
    .filter((rule) => rule.names.includes(name))
    .filter((rule) => (rule.args ?? []).every((argument) => holds(argument, args)));
  const best = matching.find((rule) => (rule.args ?? []).length > 0) ?? matching[0];
  if (best === undefined) return EPERM;
  return best.action === 'SCMP_ACT_ALLOW' ? ALLOW : 0x00050000 + (best.errnoRet ?? 1);
}

function holds(
  argument: { index: number; value: number; valueTwo?: number; op: string },
  args: readonly bigint[],
): boolean {
  const actual = args[argument.index] ?? 0n;
  const value = BigInt(argument.value);
  switch (argument.op) {
    case 'SCMP_CMP_EQ':
      return actual === value;
    case 'SCMP_CMP_NE':
      return actual !== value;
    case 'SCMP_CMP_LT':
      return actual < value;
    case 'SCMP_CMP_LE':
      return actual <= value;
    case 'SCMP_CMP_GT':
      return actual > value;
    case 'SCMP_CMP_GE':
      return actual >= value;
    default:
      return (actual & value) === BigInt(argument.valueTwo ?? 0);
  }
}

function applicable(capabilities: readonly string[], arch: string): SeccompRule[] {
  return (defaultSeccompProfile.syscalls ?? []).filter(({ includes, excludes }) => {
    const barred =
      (excludes?.arches ?? []).includes(arch) ||
      (excludes?.caps ?? []).some((name) => capabilities.includes(name));
    const arches = includes?.arches ?? [arch];
    return (
      !barred && arches.includes(arch) && (includes?.caps ?? []).every((name) => capabilities.includes(name))
    );
  });
}

const interestingArguments = [
  [],
  [1n],
  [38n],
  [39n],
  [40n],
  [41n],
  [0x20000n],
  [0x20008n],
  [0xffffffffn],
  [0x10000000n],
  [0x1_0000_0027n],
  [0x7e020000n],
];

describe("Docker's default profile", () => {
  const machines = [
    ['SCMP_ARCH_X86_64', amd64],
    ['SCMP_ARCH_X32', amd64],
    ['SCMP_ARCH_X86', amd64],
    ['SCMP_ARCH_AARCH64', arm64],
    ['SCMP_ARCH_ARM', arm64],
  ] as const;
  const capabilitySets = [DEFAULT_CAPABILITIES, [...DEFAULT_CAPABILITIES, 'CAP_SYS_ADMIN', 'CAP_BPF'], []];

  test.each(machines)('decides every call of %s as its rules say', (name, native) => {
    const architecture = architectureNamed(name);
    if (architecture === undefined) throw new Error(`no table for ${name}`);
    for (const capabilities of capabilitySets) {
      const program = compileSeccomp(defaultSeccompProfile, subjectOf(capabilities, native));
      const rules = applicable(capabilities, native.goName);
      const mentioned = rules.flatMap((rule) => rule.names.map((call) => architecture.syscalls[call] ?? -1));
      const newest = Math.max(...mentioned.filter((number) => number < 0xf0000));
      for (const [call, number] of Object.entries(architecture.syscalls)) {
        for (const args of interestingArguments) {
          const actual = runFilter(program, architecture.audit, number + architecture.offset, args);
          const known = number <= newest || mentioned.includes(number);
          const wanted = known ? expectedAction(rules, call, args) : ENOSYS;
          expect([call, args, actual]).toEqual([call, args, wanted]);
        }
      }
    }
  });

  test('lets a foreign architecture do nothing', () => {
    const program = compileSeccomp(defaultSeccompProfile, subjectOf([]));
    expect(runFilter(program, 0xc00000b7, 0, [])).toBe(KILL_PROCESS);
  });

  test('answers calls from the future with ENOSYS', () => {
    const program = compileSeccomp(defaultSeccompProfile, subjectOf([]));
    expect(runFilter(program, AUDIT_X86_64, 5000, [])).toBe(ENOSYS);
    expect(runFilter(program, AUDIT_X86_64, 0xffffffff, [])).toBe(ENOSYS);
  });

  test('finds any call within thirty instructions unless arguments matter', () => {
    const program = compileSeccomp(defaultSeccompProfile, subjectOf(DEFAULT_CAPABILITIES));
    const calls = Object.values(architectureNamed('SCMP_ARCH_X86_64')?.syscalls ?? {});
    for (const number of calls.filter((call) => ![41, 56, 135].includes(call))) {
      let steps = 0;
      runFilter(program, AUDIT_X86_64, number, [], () => steps++);
      expect(steps).toBeLessThan(30);
    }
  });
});

describe('a profile of one rule', () => {
  const operators = ['EQ', 'NE', 'LT', 'LE', 'GT', 'GE', 'MASKED_EQ'].map((name) => `SCMP_CMP_${name}`);
  // Around 2^32 and small numbers: where halves carry into each other.
  const word = fc.oneof(
    fc.bigInt({ min: 0n, max: 3n }),
    fc.bigInt({ min: 0xffff_fffen, max: 0x1_0000_0002n }),
    fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }),
  );

  test('compares 64-bit arguments as the operator says', () => {
    const condition = fc.record({
      index: fc.nat(5),
      op: fc.constantFrom(...operators),
      value: word.map(Number),
      valueTwo: word.map(Number),
    });
    const conditions = fc.uniqueArray(condition, {
      selector: (one) => one.index,
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(conditions, fc.array(word, { minLength: 6, maxLength: 6 }), (args, actual) => {
        const rule = { names: ['getpid'], action: 'SCMP_ACT_ALLOW', args };
        const program = compileSeccomp({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [rule] }, subjectOf([]));
        const wanted = expectedAction([rule], 'getpid', actual);
        expect(runFilter(program, AUDIT_X86_64, 39, actual)).toBe(wanted);
      }),
    );
  });

  test('takes two conditions on one argument as alternatives', () => {
    const args = [1, 2].map((value) => ({ index: 0, value, op: 'SCMP_CMP_EQ' }));
    const syscalls = [{ names: ['getpid'], action: 'SCMP_ACT_ALLOW', args }];
    const program = compileSeccomp({ defaultAction: 'SCMP_ACT_ERRNO', syscalls }, subjectOf([]));
    expect([1n, 2n, 3n].map((value) => runFilter(program, AUDIT_X86_64, 39, [value]))).toEqual([
      ALLOW,
      ALLOW,
      EPERM,
    ]);
  });

  test('jumps over more instructions than a jump can count', () => {
    const syscalls = Array.from({ length: 300 }, (_, value) => ({
      names: ['getpid'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: value % 100,
      args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
    }));
    const program = compileSeccomp({ defaultAction: 'SCMP_ACT_ALLOW', syscalls }, subjectOf([]));
    for (let value = 0; value < 301; value++) {
      const wanted = value < 300 ? 0x00050000 + (value % 100) : ALLOW;
      expect(runFilter(program, AUDIT_X86_64, 39, [BigInt(value)])).toBe(wanted);
    }
  });

  test('kills x32 calls when the profile does not list x32', () => {
    const program = compileSeccomp({ defaultAction: 'SCMP_ACT_ALLOW' }, subjectOf([]));
    expect(runFilter(program, AUDIT_X86_64, 0x40000000, [])).toBe(KILL_PROCESS);
    expect(runFilter(program, AUDIT_X86_64, 5000, [])).toBe(ALLOW);
  });
});

describe('a bad profile is refused:', () => {
  const rule = { names: ['getpid'], action: 'SCMP_ACT_ALLOW' };
  const profiles: [string, SeccompProfile][] = [
    ['unknown action "SCMP_ACT_MAYBE"', { defaultAction: 'SCMP_ACT_MAYBE' }],
    ['SCMP_ACT_NOTIFY needs an agent', { defaultAction: 'SCMP_ACT_NOTIFY' }],
    ['errnoRet 70000', { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 70000 }],
    ['argument index 6', profileWith({ ...rule, args: [{ index: 6, value: 1, op: 'SCMP_CMP_EQ' }] })],
    [
      'unknown comparison "SCMP_CMP_LIKE"',
      profileWith({ ...rule, args: [{ index: 0, value: 1, op: 'SCMP_CMP_LIKE' }] }),
    ],
    ['argument value -1', profileWith({ ...rule, args: [{ index: 0, value: -1, op: 'SCMP_CMP_EQ' }] })],
    ['invalid kernel version "new"', profileWith({ ...rule, includes: { minKernel: 'new' } })],
    [
      "both 'architectures' and 'archMap'",
      {
        defaultAction: 'SCMP_ACT_ALLOW',
        architectures: ['SCMP_ARCH_X86'],
        archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: [] }],
      },
    ],
  ];

  test.each([
    ['defaultAction of the profile is not a string', '{}'],
    ['syscalls of the profile is not a list of objects', '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":{}}'],
    [
      'names of rule 1 is not a list of strings',
      '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":"read"}]}',
    ],
    [
      'args of rule 1 is not',
      '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":[],"action":"SCMP_ACT_LOG","args":[1]}]}',
    ],
    [
      'caps of rule 1',
      '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":[],"action":"SCMP_ACT_LOG","includes":{"caps":1}}]}',
    ],
  ])('%s', (message, text) => {
    expect(() => compileSeccomp(JSON.parse(text), subjectOf([]))).toThrow(message);
  });

  test('but never by an error of the compiler', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (rules, args) => {
        for (const profile of [
          rules,
          { defaultAction: 'SCMP_ACT_ALLOW', syscalls: rules },
          {
            defaultAction: 'SCMP_ACT_ALLOW',
            syscalls: [{ names: ['read'], action: 'SCMP_ACT_ERRNO', args }],
          },
        ]) {
          try {
            compileSeccomp(JSON.parse(JSON.stringify(profile)), subjectOf([]));
          } catch (error) {
            expect(error).toBeInstanceOf(SampanError);
          }
        }
      }),
    );
  });

  test.each(profiles)('%s', (message, profile) => {
    expect(() => compileSeccomp(profile, subjectOf([]))).toThrow(message);
  });

  function profileWith(syscall: SeccompRule): SeccompProfile {
    return { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [syscall] };
  }
});
