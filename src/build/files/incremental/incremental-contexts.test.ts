import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { background } from '../../../base/context.ts';
import { digestOf } from '../../../oci/digest.ts';
import type { TreePart } from '../../../runtime/trees/contract.ts';
import { readFile } from '../read-file.ts';
import { decodeIndex, encodeIndex } from './context-index.ts';
import type { ContextRecord } from './context-update.ts';
import { IncrementalContexts } from './incremental-contexts.ts';

const context = background();
const key = 'a'.repeat(64);
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sampan-contexts-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A client's files: text and time by path. */
type Files = Readonly<Record<string, { readonly text: string; readonly seconds: number }>>;

function recordsOf(files: Files): ContextRecord[] {
  return Object.entries(files).map(([path, { text, seconds }]) => ({
    ...{ type: 'file', path, mode: 0o644, size: text.length, seconds, nanoseconds: 5, linkName: '' },
  }));
}

async function* send(files: Files, paths: readonly string[]): AsyncGenerator<TreePart, void, void> {
  for (const record of recordsOf(files)) {
    if (!paths.includes(record.path)) continue;
    yield { ...record, type: 'file', name: record.path };
    const bytes = Buffer.from(files[record.path]?.text ?? '');
    for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
  }
}

/** One build's context: which files it sent, and what the build reads. */
async function sync(
  contexts: IncrementalContexts,
  files: Files,
  under = key,
): Promise<{ sent: readonly string[]; read: Record<string, string> }> {
  const pending = await contexts.begin(context, under, recordsOf(files));
  using current = await pending.finish(context, send(files, pending.wanted));
  const read: Record<string, string> = {};
  for await (const { header } of current.tree.list(context, '/')) {
    if (header.type !== 'file') continue;
    read[header.name] = String(await readFile(context, current.tree, `/${header.name}`, 1 << 24));
  }
  await current.kept;
  return { sent: [...pending.wanted].sort(), read };
}

const textsOf = (files: Files): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([path, { text }]) => [path, text]));

describe('a context that is kept', () => {
  test('is sent once, and then only what has changed, in this process and the next', async () => {
    const files = {
      a: { text: 'one', seconds: 1 },
      'd/b': { text: 'two', seconds: 1 },
      'd/c': { text: '', seconds: 1 },
    };
    const contexts = await IncrementalContexts.open(directory);
    expect(await sync(contexts, files)).toEqual({ sent: ['a', 'd/b', 'd/c'], read: textsOf(files) });
    expect((await sync(contexts, files)).sent).toEqual([]);
    const changed = { ...files, 'd/b': { text: 'TWO', seconds: 2 }, new: { text: 'new', seconds: 1 } };
    const next = await IncrementalContexts.open(directory);
    expect(await sync(next, changed)).toEqual({ sent: ['d/b', 'new'], read: textsOf(changed) });
    const { a } = changed;
    expect(await sync(next, { a })).toEqual({ sent: [], read: { a: 'one' } });
    expect((await sync(next, files)).sent).toEqual(['d/b', 'd/c']);
  });

  test('has what its client has, whatever changes from build to build', async () => {
    const file = fc.record({
      text: fc.string({ maxLength: 3000 }).map((text) => text.replace(/[^ -~]/g, '.')),
      seconds: fc.nat(3),
    });
    const builds = fc.array(fc.dictionary(fc.constantFrom('a', 'b', 'c/d', 'c/e/f', 'é'.normalize()), file), {
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(builds, async (rounds) => {
        const contexts = await IncrementalContexts.open(mkdtempSync(join(directory, 'run-')));
        let stamp = 10;
        let before: Files = {};
        for (const round of rounds) {
          // What changes gets a new time, as on a disk.
          const files = Object.fromEntries(
            Object.entries(round).map(([path, { text }]) => {
              const name = Buffer.from(path).toString('latin1');
              const old = before[name];
              return [name, old?.text === text ? old : { text, seconds: ++stamp }];
            }),
          );
          const changed = Object.keys(files)
            .filter((path) => files[path] !== before[path])
            .sort();
          const { sent, read } = await sync(contexts, files);
          expect(read).toEqual(textsOf(files));
          expect(sent).toEqual(changed);
          before = files;
        }
      }),
      { numRuns: 30 },
    );
  });

  test('is packed anew when more than half of it is of no use, while others read the old one', async () => {
    const big = (seconds: number): Files => ({
      big: { text: 'x'.repeat(900_000) + seconds, seconds },
      small: { text: 's', seconds: 1 },
    });
    const contexts = await IncrementalContexts.open(directory);
    await sync(contexts, big(1));
    const pending = await contexts.begin(context, key, recordsOf(big(1)));
    using reader = await pending.finish(context, send({}, []));
    await reader.kept;
    await sync(contexts, big(2));
    await sync(contexts, big(3));
    expect(readdirSync(join(directory, key)).sort()).toEqual(['index', 'pack.1']);
    expect(statSync(join(directory, key, 'pack.1')).size).toBeLessThan(1_000_000);
    expect(await sync(contexts, big(3))).toEqual({ sent: [], read: textsOf(big(3)) });
    expect(String(await readFile(context, reader.tree, '/big', 1 << 24)).endsWith('x1')).toBe(true);
  });

  test('is sent anew when what is kept is damaged, or was never whole', async () => {
    const files = { a: { text: 'one', seconds: 1 } };
    const contexts = await IncrementalContexts.open(directory);
    await sync(contexts, files);
    const pack = join(directory, key, 'pack.0');
    truncateSync(pack, 1);
    expect((await sync(contexts, files)).sent).toEqual(['a']);
    writeFileSync(join(directory, key, 'index'), '{"version":1');
    expect(await sync(contexts, files)).toEqual({ sent: ['a'], read: { a: 'one' } });
    // Bytes that no index knows are what a crash leaves.
    writeFileSync(pack, 'oneGARBAGE');
    const more = { ...files, b: { text: 'two', seconds: 1 } };
    expect(await sync(contexts, more)).toEqual({ sent: ['b'], read: { a: 'one', b: 'two' } });
  });

  test('goes, the least used first, when all together take too much', async () => {
    const contexts = await IncrementalContexts.open(directory, { maxTotal: 300_000 });
    const files = { a: { text: 'x'.repeat(200_000), seconds: 1 } };
    await sync(contexts, files, '1'.repeat(64));
    await sync(contexts, files, '2'.repeat(64));
    await sync(contexts, {}, '3'.repeat(64));
    expect((await contexts.list()).map((each) => each.key).sort()).toEqual(['2'.repeat(64), '3'.repeat(64)]);
  });

  test('is given to one update after the other', async () => {
    const files = { a: { text: 'one', seconds: 1 } };
    const contexts = await IncrementalContexts.open(directory);
    const first = await contexts.begin(context, key, recordsOf(files));
    const second = sync(contexts, files);
    const stop = new AbortController();
    const third = contexts.begin({ ...context, signal: stop.signal }, key, []);
    stop.abort(new Error('enough'));
    await expect(third).rejects.toThrow('enough');
    using current = await first.finish(context, send(files, first.wanted));
    expect((await second).sent).toEqual([]);
    await current.kept;
  });
});

describe('an index', () => {
  test('is read back as it was written', () => {
    const file = fc.record({
      ...{
        size: fc.nat(1000),
        seconds: fc.integer(),
        nanoseconds: fc.nat(999_999_999),
        mode: fc.nat(0o7777),
      },
      ...{ offset: fc.nat(1000), content: fc.constant(digestOf('x')) },
    });
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), file), (files) => {
        const index = { pack: 'pack.7', size: 2000, files: new Map(Object.entries(files)) };
        expect(decodeIndex(encodeIndex(index))).toEqual(index);
      }),
    );
  });

  test('that is anything else is none', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => expect(decodeIndex(text)).toBeUndefined()),
    );
    const whole = {
      version: 1,
      pack: 'pack.0',
      size: 10,
      paths: ['a'],
      numbers: [5, 0, 0, 0, 0],
      contents: [digestOf('')],
    };
    expect(decodeIndex(JSON.stringify(whole))?.files.size).toBe(1);
    const changes = [
      { pack: '../x' },
      { version: 2 },
      { size: 4 },
      { numbers: [5, 0, 0, 0] },
      { numbers: [5, 0, 0, 0, -1] },
      { contents: ['x'] },
      { size: null },
    ];
    for (const change of changes)
      expect(decodeIndex(JSON.stringify({ ...whole, ...change }))).toBeUndefined();
  });
});

describe('a client', () => {
  const record = (more: Partial<ContextRecord>): ContextRecord => ({
    ...{ type: 'file', path: 'a', mode: 0o644, size: 1, seconds: 0, nanoseconds: 0, linkName: '', ...more },
  });
  const begin = async (contexts: IncrementalContexts, ...records: ContextRecord[]) =>
    contexts.begin(context, key, records);

  test.each([
    ['leads outside', record({ path: '../a' })],
    ['is absolute', record({ path: '/a' })],
    ['has an empty name', record({ path: 'a//b' })],
    ['has a NUL', record({ path: 'a\0b' })],
    ['has a negative size', record({ size: -1 })],
    ['is a link to nothing', record({ type: 'symlink' })],
    ['is too large', record({ size: 2 ** 40 })],
  ])('cannot name what %s', async (_, bad) => {
    const contexts = await IncrementalContexts.open(directory);
    await expect(begin(contexts, bad)).rejects.toThrow();
    // And nobody waits for it.
    (await begin(contexts, record({})))[Symbol.dispose]();
  });

  test('cannot choose another key than a digest', async () => {
    const contexts = await IncrementalContexts.open(directory);
    await expect(contexts.begin(context, '../../etc', [])).rejects.toThrow(
      'invalid key "../../etc" of a context',
    );
  });

  test('that does not send what is wanted, or other bytes than it says, fails; the next may try', async () => {
    const files = { a: { text: 'one', seconds: 1 } };
    const contexts = await IncrementalContexts.open(directory);
    const finish = async (...parts: TreePart[]): Promise<unknown> =>
      (await begin(contexts, ...recordsOf(files))).finish(
        context,
        (async function* () {
          yield* parts;
        })(),
      );
    await expect(finish()).rejects.toThrow('the context\'s file "a" was not sent');
    await expect(finish({ type: 'file', name: 'a', size: 3 }, Buffer.from('o'))).rejects.toThrow(
      'the context\'s file "a" is torn',
    );
    await expect(finish({ type: 'file', name: '../a', size: 3 })).rejects.toThrow('leads outside');
    expect((await sync(contexts, files)).read).toEqual({ a: 'one' });
  });

  test('cannot place a file by way of a link of its own', async () => {
    const contexts = await IncrementalContexts.open(directory);
    const files = { 'l/passwd': { text: 'x', seconds: 1 } };
    const link = record({ type: 'symlink', path: 'l', linkName: '/../../etc' });
    const pending = await begin(contexts, link, ...recordsOf(files));
    using current = await pending.finish(context, send(files, pending.wanted));
    expect(await current.tree.names(context, '/etc')).toEqual(['passwd']);
    await current.kept;
  });
});
