import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { background } from '../../../base/context.ts';
import { digestOf } from '../../../oci/digest.ts';
import { packTar } from '../../../oci/tar/pack.ts';
import type { TreePart } from '../../../runtime/trees/contract.ts';
import { type ContextListing, formatListing } from '../../context-listing.ts';
import { readFile } from '../read-file.ts';
import { openTarTree } from '../tar-tree.ts';
import { decodeIndex, encodeIndex } from './context-index.ts';
import { IncrementalContexts } from './incremental-contexts.ts';
import { storeListing } from './stored-listing.ts';
import {
  compare,
  type Files,
  file,
  filesOf,
  contextKey as key,
  listingsOf,
  send,
  sync,
  textsOf,
} from './testing/client-files.ts';

const context = background();
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sampan-contexts-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

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
    const { pending } = await compare(contexts, listingsOf(big(1)));
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
    truncateSync(join(directory, key, 'index'), 50);
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

  test('does not wait for an update of another build, whatever becomes of that', async () => {
    const old = { a: { text: 'one', seconds: 1 }, 'd/b': { text: 'two', seconds: 1 } };
    const contexts = await IncrementalContexts.open(directory);
    await sync(contexts, old);
    const left = await compare(contexts, listingsOf({ ...old, a: { text: 'ONE', seconds: 2 } }));
    const mine = { ...old, a: { text: 'eins', seconds: 3 } };
    const theirs = { ...old, c: { text: 'new', seconds: 3 } };
    const { pending: first, wanted } = await compare(contexts, listingsOf(mine));
    // Another build brings something between, and one writes while this one reads.
    expect((await sync(contexts, theirs)).sent).toEqual(['c']);
    using current = await first.finish(context, send(mine, wanted));
    expect(await filesOf(current)).toEqual(textsOf(mine));
    expect(await sync(contexts, theirs)).toEqual({ sent: [], read: textsOf(theirs) });
    left.pending[Symbol.dispose]();
    expect(await filesOf(current)).toEqual(textsOf(mine));
    await current.kept;
  });

  test("is this build's alone where it is removed or packed anew before its files come", async () => {
    const files = { a: { text: 'one', seconds: 1 }, b: { text: 'two', seconds: 1 } };
    const changed = { ...files, b: { text: 'TWO', seconds: 2 } };
    const contexts = await IncrementalContexts.open(directory);
    await sync(contexts, files);
    const { pending, wanted } = await compare(contexts, listingsOf(changed));
    expect(await contexts.remove(key)).toBe(true);
    using current = await pending.finish(context, send(changed, wanted));
    expect(await filesOf(current)).toEqual(textsOf(changed));
    expect(await contexts.list()).toEqual([]);
  });

  test('sends a file again whose stamp alone is another, and one that changed while it was sent', async () => {
    const listing = (stamp: string, path = ''): ContextListing => ({
      ...{ path, mode: null, seconds: 0, entries: [file('f', 3, 1, { stamp })] },
    });
    const contexts = await IncrementalContexts.open(directory);
    const build = async (
      stamp: string,
      sent: { text: string; seconds: number },
    ): Promise<string | undefined> => {
      const { pending, wanted } = await compare(contexts, [listing(stamp)]);
      using current = await pending.finish(context, send({ f: sent }, wanted));
      await current.kept;
      expect(await filesOf(current)).toEqual({ f: wanted.length === 0 ? 'one' : sent.text });
      return wanted[0];
    };
    const one = { text: 'one', seconds: 1 };
    expect(await build('1', one)).toBe('f');
    expect(await build('1', one)).toBeUndefined();
    expect(await build('2', { text: 'grown', seconds: 2 })).toBe('f');
    // What it was listed as is not what came.
    expect(await build('2', one)).toBe('f');
    expect(await build('2', one)).toBeUndefined();
  });

  test('keeps for a while what builds of other parts of it do not name', async () => {
    const contexts = await IncrementalContexts.open(directory);
    const files = { 'a/f': { text: 'one', seconds: 1 }, 'b/f': { text: 'two', seconds: 1 } };
    const build = async (text: string, only: string): Promise<readonly string[]> => {
      const all = { ...files, [`${only}/f`]: { text, seconds: text.length } };
      const listings = listingsOf(all).filter(({ path }) => path === only);
      const { pending, wanted } = await compare(contexts, listings, key, true);
      using current = await pending.finish(context, send(all, wanted));
      await current.kept;
      expect(await filesOf(current)).toEqual({ [`${only}/f`]: text });
      return wanted;
    };
    expect((await sync(contexts, files)).sent).toEqual(['a/f', 'b/f']);
    expect(await build('three', 'a')).toEqual(['a/f']);
    expect((await sync(contexts, files)).sent).toEqual([]);
    // All of it was named: what was not is no more.
    expect(await build('three', 'a')).toEqual(['a/f']);
    for (let round = 0; round < 20; round++) await build('.'.repeat(round + 6), 'a');
    expect((await sync(contexts, files)).sent).toEqual(['a/f', 'b/f']);
  });

  test('is told in several listings of one directory, links and empty directories with it', async () => {
    const contexts = await IncrementalContexts.open(directory);
    const link = file('l', 0, 1, { mode: 0o120777, target: '../x' });
    const listings: ContextListing[] = [
      { path: 'd', mode: 0o700, seconds: 5, entries: [file('z', 1), link] },
      {
        path: 'd',
        mode: 0o700,
        seconds: 5,
        entries: [file('a', 1, 1, { mode: 0o104755 }), file('.wh.a', 0)],
      },
      { path: 'empty', mode: 0o1777, seconds: 6, entries: [] },
      { path: 'way/to', mode: null, seconds: 0, entries: [] },
    ];
    const files = { 'd/z': { text: 'z', seconds: 1 }, 'd/.wh.a': { text: '', seconds: 1 } };
    const sent = { ...files, 'd/a': { text: 'a', seconds: 1 } };
    const run = async (): Promise<unknown[]> => {
      const { pending, wanted } = await compare(contexts, listings);
      async function* parts(): AsyncGenerator<TreePart, void, void> {
        for await (const part of send(sent, wanted)) {
          yield part instanceof Uint8Array || part.name !== 'd/a' ? part : { ...part, mode: 0o4755 };
        }
      }
      using current = await pending.finish(context, parts());
      await current.kept;
      const entries = await Array.fromAsync(current.tree.list(context, '/'));
      const seen = entries.map(({ header: { type, name, mode, seconds, linkName } }) => {
        return [type, name, mode, seconds, linkName];
      });
      return [wanted.length, current.tree.digest, await current.tree.names(context, '/'), ...seen];
    };
    const [wanted, digest, names, ...seen] = await run();
    expect([wanted, names]).toEqual([3, ['d', 'empty', 'way']]);
    expect(seen).toEqual([
      ['directory', '.', 0o755, 0, ''],
      ['directory', 'd', 0o700, 5, ''],
      ['file', 'd/a', 0o4755, 1, ''],
      ['symlink', 'd/l', 0o777, 1, '../x'],
      ['file', 'd/z', 0o644, 1, ''],
      ['directory', 'empty', 0o1777, 6, ''],
      ['directory', 'way', 0o755, 0, ''],
      ['directory', 'way/to', 0o755, 0, ''],
    ]);
    expect((await run()).slice(0, 2)).toEqual([0, digest]);
  });

  test('has the digests of the same files from an archive, whole, in part, and without some', async () => {
    const text = fc.string({ maxLength: 5 });
    const paths = fc.dictionary(fc.constantFrom('a', 'b', 'c/d', 'c/e/f', 'c/e/g', 'h/i'), text, {
      minKeys: 1,
    });
    await fc.assert(
      fc.asyncProperty(paths, async (texts) => {
        const files = Object.fromEntries(
          Object.entries(texts).map(([path, value]) => [
            path,
            { text: value.replace(/[^ -~]/g, '.'), seconds: 1 },
          ]),
        );
        const contexts = await IncrementalContexts.open(mkdtempSync(join(directory, 'run-')));
        const { pending, wanted } = await compare(contexts, listingsOf(files));
        using current = await pending.finish(context, send(files, wanted));
        await current.kept;
        const tar = packTar(send(files, Object.keys(files)));
        const { tree } = await openTarTree(context, tar, { directory, zeroOwners: true });
        using _tree = tree;
        for (const path of ['/', '/a', '/c', '/c/e'])
          expect(current.tree.digestAt(path)).toBe(tree.digestAt(path));
        const without = ['a', 'c/e/f', 'nothing/here'];
        expect(current.tree.withoutFiles(without).digest).toBe(tree.withoutFiles(without).digest);
      }),
      { numRuns: 30 },
    );
  });
});

describe('an index', () => {
  test('of another version, damaged or cut off is none', async () => {
    const listing = { path: 'd', mode: null, seconds: -5, entries: [file('f', 3)] };
    const place = { offset: 7, content: digestOf('one') };
    const entries = [{ ...file('f', 3), place }];
    const listings = [storeListing(listing, entries, Buffer.from(formatListing(listing)))];
    const whole = encodeIndex({ pack: 'pack.7', size: 10, listings });
    expect(decodeIndex(whole)).toEqual({ pack: 'pack.7', size: 10, listings });
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Buffer.from(whole);
        damaged[at] = (damaged[at] ?? 0) ^ change;
        expect(decodeIndex(damaged)).toBeUndefined();
        expect(decodeIndex(whole.subarray(0, at))).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => expect(decodeIndex(Buffer.from(bytes))).toBeUndefined()),
    );
  });
});
