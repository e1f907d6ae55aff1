import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { joinPlans, type OperationShape, operations } from './operations.ts';

const definitions = readFileSync(join(import.meta.dir, '../../native/operations.def'), 'utf8');

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

test("the launcher's table of operations has the same codes, arguments and kinds", () => {
  const ours = Object.entries<OperationShape>(operations).map(([name, { code, args }]) => {
    const kinds = Object.entries(args).map(([arg, kind]) => `${kind.toUpperCase()}(${snakeCase(arg)})`);
    return [snakeCase(name), name, String(code), kinds.join(' ') || 'NONE'];
  });
  const theirs = [...definitions.matchAll(/^OPERATION\((\w+), (\w+), (\d+), [A-Z |]+, (.*)\)$/gm)];
  expect(theirs.map(([, ...columns]) => columns)).toEqual(ours);
  expect(new Set(ours.map(([, , code]) => code)).size).toBe(ours.length);
});

test('joinPlans keeps the order within each stage', () => {
  const close = (slot: number) => ({ op: 'close', slot }) as const;
  const joined = joinPlans({ before: [close(1)], after: [close(2)] }, { before: [close(3)] }, {});
  expect(joined).toEqual({ before: [close(1), close(3)], parent: [], child: [], after: [close(2)] });
});
