import { afterAll, beforeAll, expect, test } from 'bun:test';
import * as fc from 'fast-check';
import { background } from '../../base/context.ts';
import { openNamespace, type TestNamespace } from '../testing/namespaces.ts';
import { addTable, transaction } from './batch.ts';
import { type Change, decodeChanges, isStructural } from './changes.ts';
import { family, messageKind } from './constants.ts';

let space: TestNamespace;

beforeAll(async () => {
  space = await openNamespace('changes');
});
afterAll(() => space[Symbol.asyncDispose]());

const plan = { before: [{ op: 'watchNetfilter', link: 'mine' }] } as const;

/** Until as many reports have come as there should. */
async function comes(reports: readonly unknown[], count: number): Promise<void> {
  for (let tries = 0; tries < 200 && reports.length < count; tries++) await Bun.sleep(10);
  expect(reports).toHaveLength(count);
}

test("a watch tells what others change, each transaction for itself, and not what Sampan's own programs do", async () => {
  const reports: (readonly Change[] | undefined)[] = [];
  const watch = await space.launcher.follow(background(), plan, (report) => {
    reports.push(decodeChanges(report));
  });
  const own = await space.launcher.run(background(), { before: [transaction([addTable('ours')])] });
  expect(own.size).toBe(1);
  await space.run(
    'nft',
    'add table ip one; add chain ip one c; add rule ip one c accept; add rule ip one c drop',
  );
  await space.run('nft', 'add set inet ours s { type inet_service; }; add element inet ours s { 80 }');
  await space.run('nft', 'flush', 'ruleset');
  await comes(reports, 3);
  const [made, filled, flushed] = reports;
  const one = { family: family.ipv4, table: 'one' };
  expect(made).toEqual([
    { kind: messageKind.newTable, ...one },
    { kind: messageKind.newChain, ...one },
    { kind: messageKind.newRule, ...one },
  ]);
  expect(filled?.map(({ table }) => table)).toEqual(['ours', 'ours']);
  expect(filled?.some(isStructural)).toBe(false);
  expect(flushed?.filter(({ kind }) => kind === messageKind.deleteTable).map(({ table }) => table)).toEqual(
    expect.arrayContaining(['one', 'ours']),
  );
  watch[Symbol.dispose]();
  await watch.ended;
});

test('a transaction of more tables than a report holds says that anything may have changed', async () => {
  const reports: (readonly Change[] | undefined)[] = [];
  const watch = await space.launcher.follow(background(), plan, (report) => {
    reports.push(decodeChanges(report));
  });
  const tables = Array.from({ length: 300 }, (_, index) => `add table inet a-long-name-for-table-${index}`);
  await space.run('nft', tables.join('; '));
  await comes(reports, 1);
  expect(reports).toEqual([undefined]);
  watch[Symbol.dispose]();
  await watch.ended;
  await space.run('nft', 'flush', 'ruleset');
});

test('a watch tells when the interface that it names has gone, also with its other end or into another namespace', async () => {
  await using elsewhere = await openNamespace('elsewhere');
  const reports: (readonly Change[] | undefined)[] = [];
  const watch = await space.launcher.follow(background(), plan, (report) => {
    reports.push(decodeChanges(report));
  });
  for (const [index, removal] of [
    ['del', 'mine'],
    ['del', 'far-end'],
    ['set', 'mine', 'netns', elsewhere.name],
  ].entries()) {
    await space.run('ip', 'link', 'add', 'mine-not', 'type', 'bridge');
    await space.run('ip', 'link', 'del', 'mine-not');
    await space.run('ip', 'link', 'add', 'mine', 'type', 'veth', 'peer', 'far-end');
    await space.run('ip', 'link', ...removal);
    await comes(reports, index + 1);
  }
  expect(reports).toEqual([undefined, undefined, undefined]);
  watch[Symbol.dispose]();
  await watch.ended;
  const long = { before: [{ op: 'watchNetfilter', link: 'x'.repeat(16) }] } as const;
  await expect(space.launcher.follow(background(), long, () => {})).rejects.toThrow('x'.repeat(16));
});

test('a plan that watches does so once, and has no other stage', async () => {
  const twice = { before: [...plan.before, ...plan.before] };
  await expect(space.launcher.follow(background(), twice, () => {})).rejects.toThrow('one watch is enough');
  const after = { ...plan, after: [transaction([addTable('x')])] };
  await expect(space.launcher.follow(background(), after, () => {})).rejects.toThrow('a before stage only');
});

test('reports are read as they were written', () => {
  const change = fc.record({
    kind: fc.nat(255),
    family: fc.nat(255),
    table: fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme-ascii' }),
  });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1 }), (changes) => {
      const bytes = changes.flatMap(({ kind, family: own, table }) => [
        ...[kind, own, table.length],
        ...Buffer.from(table),
      ]);
      expect(decodeChanges(Uint8Array.from(bytes))).toEqual(changes);
    }),
  );
});
