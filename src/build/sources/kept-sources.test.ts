import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, hexOf } from '../../oci/digest.ts';
import type { Pack } from '../files/pack.ts';
import type { NewSource } from './kept-sources.ts';
import { SourceBench } from './testing/source-bench.ts';

let bench: SourceBench;
beforeEach(() => {
  bench = new SourceBench();
});
afterEach(() => bench[Symbol.dispose]());

const idOf = (name: string): string => hexOf(digestOf(name));

async function keep(name: string, content: string): Promise<void> {
  const source: NewSource = { id: idOf(name), type: 'source.http', description: name, facts: { name } };
  using pending = bench.kept.begin();
  using pack = pending.pack;
  await pack.write(Buffer.from(content));
  await pack.finish();
  await pending.keep(source);
}

async function textOf(pack: Pack): Promise<string> {
  return (await pack.reader().read(0, pack.size)).toString();
}

describe('a source', () => {
  test('is kept with what is known of it, for later daemons too', async () => {
    await keep('one', 'first');
    await keep('one', 'second');
    bench.open();
    const found = bench.kept.take(idOf('one'));
    using pack = found?.pack;
    expect([found?.facts, pack && (await textOf(pack))]).toEqual([{ name: 'one' }, 'second']);
    expect(bench.kept.take(idOf('other'))).toBeUndefined();
    expect(bench.kept.list()).toMatchObject([
      { id: idOf('one'), type: 'source.http', description: 'one', size: 4096, uses: 1, parents: [] },
    ]);
  });

  test('that was not kept leaves nothing, nor one that a killed daemon had begun', async () => {
    {
      using pending = bench.kept.begin();
      await pending.pack.write(Buffer.from('x'));
      pending.pack[Symbol.dispose]();
    }
    expect(bench.files).toEqual([]);
    await keep('one', 'first');
    writeFileSync(join(bench.directory, 'files/new-0123'), 'torn');
    bench.open();
    expect(bench.files).toEqual([idOf('one')]);
  });

  test('is none where its file is gone, or another one', async () => {
    await keep('one', 'first');
    truncateSync(join(bench.directory, 'files', idOf('one')), 2);
    expect(bench.kept.take(idOf('one'))).toBeUndefined();
    await keep('two', 'second');
    rmSync(join(bench.directory, 'files', idOf('two')));
    expect(bench.kept.take(idOf('two'))).toBeUndefined();
    expect([bench.kept.list(), bench.files]).toEqual([[], []]);
  });

  test('is read to its end by whoever reads it when it is removed', async () => {
    await keep('one', 'first');
    const found = bench.kept.take(idOf('one'));
    expect([bench.kept.remove(idOf('one')), bench.kept.remove(idOf('one'))]).toEqual([true, false]);
    expect(bench.kept.remove('../state.db')).toBe(false);
    using pack = found?.pack;
    expect(pack && (await textOf(pack))).toBe('first');
    expect(bench.files).toEqual([]);
  });

  test('makes room for those that were used later', async () => {
    bench.open(10);
    for (const name of ['one', 'two']) await keep(name, '12345');
    bench.kept.take(idOf('one'))?.pack[Symbol.dispose]();
    await keep('three', '12345');
    expect(
      bench.kept
        .list()
        .map(({ description }) => description)
        .sort(),
    ).toEqual(['one', 'three']);
  });
});
