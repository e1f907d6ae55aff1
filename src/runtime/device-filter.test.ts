import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { ALL_DEVICES_RULE, DEFAULT_DEVICE_RULES } from '../oci/defaults.ts';
import type { SpecDeviceRule } from '../oci/runtime-spec.ts';
import { deviceLines, deviceProgram } from './device-filter.ts';

describe('deviceLines', () => {
  test('deny everything, then allow what the default rules say', () => {
    const lines = deviceLines(DEFAULT_DEVICE_RULES).map(({ file, line }) => `${file} ${line}`);
    expect(lines.slice(0, 4)).toEqual([
      'devices.deny a',
      'devices.allow c *:* m',
      'devices.allow b *:* m',
      'devices.allow c 1:3 rwm',
    ]);
    expect(lines).toContain('devices.allow c 136:* rwm');
  });

  test('are none for a privileged container: a fresh group allows everything', () => {
    expect(deviceLines([...DEFAULT_DEVICE_RULES, ALL_DEVICES_RULE])).toEqual([]);
    expect(deviceLines([])).toEqual([]);
  });

  test('spell a rule for all types out when it is about some devices only', () => {
    expect(deviceLines([{ allow: false, type: 'a', major: 42, access: 'rw' }])).toEqual([
      { file: 'devices.deny', line: 'b 42:* rw' },
      { file: 'devices.deny', line: 'c 42:* rw' },
    ]);
  });
});

interface Access {
  readonly type: 'b' | 'c';
  readonly major: number;
  readonly minor: number;
  /** BPF_DEVCG_ACC_* bits. */
  readonly access: number;
}

const bits: Record<string, number> = { m: 1, r: 2, w: 4 };

/** The last rule that decides, looked for in the plainest way. */
function expected(rules: readonly SpecDeviceRule[], wanted: Access): boolean {
  for (const rule of rules.toReversed()) {
    const mask = [...rule.access].reduce((sum, letter) => sum | (bits[letter] ?? 0), 0);
    const covers =
      (rule.type === 'a' || rule.type === wanted.type) &&
      (rule.major ?? wanted.major) === wanted.major &&
      (rule.minor ?? wanted.minor) === wanted.minor;
    if (!covers) continue;
    if (rule.allow ? (wanted.access & ~mask) === 0 : (wanted.access & mask) !== 0) return rule.allow;
  }
  return false;
}

/** Runs the few instructions that the program is made of (Documentation/bpf/standardization/instruction-set.rst). */
function run(program: Uint8Array, { type, major, minor, access }: Access): boolean {
  const view = new DataView(program.buffer);
  const context = [(access << 16) | (type === 'b' ? 1 : 2), major, minor];
  const registers = new Array<number>(11).fill(0);
  for (let at = 0; at < program.length; at += 8) {
    const operands = view.getUint8(at + 1);
    const [to, from] = [operands & 15, operands >> 4];
    const [offset, number] = [view.getInt16(at + 2, true), view.getInt32(at + 4, true)];
    const [left = 0, right = 0] = [registers[to], registers[from]];
    switch (view.getUint8(at)) {
      case 0x61:
        registers[to] = context[offset / 4] ?? 0;
        break;
      case 0xbf:
        registers[to] = right;
        break;
      case 0xb7:
        registers[to] = number;
        break;
      case 0x57:
        registers[to] = left & number;
        break;
      case 0x77:
        registers[to] = left >>> number;
        break;
      case 0x55:
        at += left === number ? 0 : 8 * offset;
        break;
      case 0x15:
        at += left === number ? 8 * offset : 0;
        break;
      case 0x5d:
        at += left === right ? 0 : 8 * offset;
        break;
      case 0x95:
        return registers[0] === 1;
      default:
        throw new Error(`unknown instruction ${view.getUint8(at)}`);
    }
  }
  throw new Error('the program ran past its end');
}

/** Indices of instructions that no path through the program gets to. */
function unreachable(program: Uint8Array): number[] {
  const view = new DataView(program.buffer);
  const reached = new Set([0]);
  for (const index of reached) {
    const code = view.getUint8(index * 8);
    if (code === 0x95) continue;
    reached.add(index + 1);
    // BPF_JMP, in its conditional forms.
    if ((code & 7) === 5) reached.add(index + 1 + view.getInt16(index * 8 + 2, true));
  }
  return Array.from({ length: program.length / 8 }, (_, index) => index).filter((i) => !reached.has(i));
}

describe('deviceProgram', () => {
  test('allows by the default rules what Docker allows', () => {
    const program = deviceProgram(DEFAULT_DEVICE_RULES);
    expect(unreachable(program)).toEqual([]);
    const may = (type: 'b' | 'c', major: number, minor: number, access: number): boolean =>
      run(program, { type, major, minor, access });
    expect(may('c', 1, 3, 6)).toBe(true);
    expect(may('c', 136, 7, 7)).toBe(true);
    expect(may('b', 8, 0, 1)).toBe(true);
    expect(may('b', 8, 0, 2)).toBe(false);
    expect(may('c', 1, 1, 2)).toBe(false);
    expect(may('c', 10, 229, 2)).toBe(false);
  });

  test('decides as the last rule that covers an access', () => {
    const number = fc.nat(2);
    const rule = fc.record(
      {
        allow: fc.boolean(),
        type: fc.constantFrom('a' as const, 'b' as const, 'c' as const),
        major: number,
        minor: number,
        access: fc.constantFrom('r', 'w', 'm', 'rw', 'rm', 'wm', 'rwm'),
      },
      { requiredKeys: ['allow', 'type', 'access'] },
    );
    const access = fc.record({
      type: fc.constantFrom('b' as const, 'c' as const),
      major: number,
      minor: number,
      access: fc.integer({ min: 1, max: 7 }),
    });
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 6 }), access, (rules, wanted) => {
        const program = deviceProgram(rules);
        expect(run(program, wanted)).toBe(expected(rules, wanted));
        // The kernel's verifier would refuse the program.
        expect(unreachable(program)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
