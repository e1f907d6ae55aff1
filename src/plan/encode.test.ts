import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { encodePlan } from './encode.ts';
import {
  type ArgumentKind,
  type Operation,
  operations,
  type Plan,
  type Stage,
  stages,
} from './operations.ts';

/** A reader of docs/plan-format.md, to hold the writer against. */
function decodePlan(bytes: Uint8Array): Plan {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const names = Object.keys(stages) as Stage[];
  const plan: Record<Stage, Operation[]> = { before: [], parent: [], child: [], after: [] };
  expect(new TextDecoder().decode(bytes.subarray(0, 4))).toBe('SMPN');
  expect(view.getUint32(4, true)).toBe(1);
  expect(view.getUint32(12, true)).toBe(bytes.length);
  let at = 16;
  const list = (): number => {
    const count = view.getUint32(at, true);
    expect(view.getUint32(at + 4, true)).toBe(0);
    at += 8;
    return count;
  };
  const skip = (size: number): Uint8Array => {
    const part = bytes.subarray(at, at + size);
    at += size;
    while (at % 8 !== 0) expect(bytes[at++]).toBe(0);
    return part;
  };
  const read: Record<ArgumentKind, () => unknown> = {
    int: () => {
      at += 8;
      return view.getBigInt64(at - 8, true);
    },
    bytes: () => new Uint8Array(skip(list())),
    text: () => {
      const part = skip(list() + 1);
      expect(part.at(-1)).toBe(0);
      return new TextDecoder('utf-8', { ignoreBOM: true }).decode(part.subarray(0, -1));
    },
    texts: () => Array.from({ length: list() }, () => read.text()),
    ints: () => Array.from({ length: list() }, () => read.int()),
  };
  for (let left = view.getUint32(8, true); left > 0; left--) {
    const code = view.getUint16(at, true);
    const stage = names[view.getUint8(at + 2)] ?? 'before';
    const found = Object.entries(operations).find(([, shape]) => shape.code === code);
    const end = at + 8 + view.getUint32(at + 4, true);
    expect(view.getUint8(at + 3)).toBe(Object.keys(found?.[1].args ?? {}).length);
    at += 8;
    const args = Object.entries<ArgumentKind>(found?.[1].args ?? {}).map(([name, kind]) => [
      name,
      read[kind](),
    ]);
    expect(at).toBe(end);
    plan[stage].push({ op: found?.[0], ...Object.fromEntries(args) } as Operation);
  }
  expect(at).toBe(bytes.length);
  return plan;
}

const text = fc.string({ unit: 'binary', maxLength: 40 }).filter((value) => !value.includes('\0'));
const int = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const byKind: Record<ArgumentKind, fc.Arbitrary<unknown>> = {
  int,
  text,
  bytes: fc.uint8Array({ maxLength: 6000 }),
  texts: fc.array(text, { maxLength: 5 }),
  ints: fc.array(int, { maxLength: 5 }),
};
const operation = fc.oneof(
  ...Object.entries(operations).map(([name, { args }]) =>
    fc.record({
      op: fc.constant(name),
      ...Object.fromEntries(Object.entries<ArgumentKind>(args).map(([arg, kind]) => [arg, byKind[kind]])),
    }),
  ),
);
const steps = fc.array(operation, { maxLength: 6 }) as unknown as fc.Arbitrary<Operation[]>;
const plans = fc.record({ before: steps, parent: steps, child: steps, after: steps });

describe('encodePlan', () => {
  test('says everything that a plan says', () => {
    fc.assert(fc.property(plans, (plan) => expect(decodePlan(encodePlan(plan))).toEqual(plan)));
  });

  test('writes numbers as 64 bits, negative ones too', () => {
    const mode = (value: number): bigint => {
      const plan = decodePlan(encodePlan({ before: [{ op: 'mkdir', dir: -1, path: '/', mode: value }] }));
      return (plan.before[0] as unknown as { mode: bigint }).mode;
    };
    for (const value of [0, 1, -1, 2 ** 31, 2 ** 32, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53 - 1)]) {
      expect(mode(value)).toBe(BigInt(value));
    }
  });

  test('refuses text with a NUL, what is no integer, and more than the launcher takes', () => {
    const mkdir = (path: string, mode: number) => () =>
      encodePlan({ before: [{ op: 'mkdir', dir: -1, path, mode }] });
    expect(mkdir('/a\0b', 0)).toThrow('mkdir has no text for path that a plan can hold');
    expect(mkdir('/a', 0.5)).toThrow('mkdir has no int for mode that a plan can hold');
    expect(mkdir('/a', 2 ** 60)).toThrow('mkdir has no int');
    const close: Operation = { op: 'close', slot: 0 };
    expect(() => encodePlan({ before: new Array<Operation>(8193).fill(close) })).toThrow('8193 steps');
    const data = new Uint8Array(16 << 20);
    expect(() => encodePlan({ child: [{ op: 'seccomp', program: data, flags: 0 }] })).toThrow(
      'more than the launcher takes',
    );
  });
});
