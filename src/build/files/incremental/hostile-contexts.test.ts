import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../../../base/context.ts';
import type { TreePart } from '../../../runtime/trees/contract.ts';
import { type ContextListing, formatListing, listingId } from '../../context-listing.ts';
import { IncrementalContexts } from './incremental-contexts.ts';
import { compare, file, contextKey as key, listingsOf, send, sync } from './testing/client-files.ts';

const context = background();
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sampan-contexts-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('a client', () => {
  const begin = async (contexts: IncrementalContexts, ...listings: ContextListing[]) =>
    (await compare(contexts, listings)).pending;
  const listing = (more: Partial<ContextListing> = {}): ContextListing => ({
    ...{ path: '', mode: null, seconds: 0, entries: [file('a', 1)], ...more },
  });

  test.each([
    ['leads outside', listing({ path: '../a' })],
    ['is absolute', listing({ path: '/a' })],
    ['has an empty name', listing({ path: 'a//b' })],
    ['has a path for a name', listing({ entries: [file('a/b', 1)] })],
    ['is its own parent', listing({ entries: [file('..', 1)] })],
    ['has a NUL', listing({ entries: [file('a\0b', 1)] })],
    ['is no bytes', listing({ entries: [file('\u0100', 1)] })],
    ['has a negative size', listing({ entries: [file('a', -1)] })],
    ['is a link to nothing', listing({ entries: [file('a', 0, 1, { mode: 0o120777 })] })],
    ['is a device', listing({ entries: [file('a', 0, 1, { mode: 0o020666 })] })],
    ['is too large', listing({ entries: [file('a', 2 ** 40)] })],
  ])('cannot name what %s', async (_, bad) => {
    const contexts = await IncrementalContexts.open(directory);
    await expect(begin(contexts, bad)).rejects.toThrow();
    expect(readdirSync(directory)).toEqual([]);
  });

  test('cannot send other listings than those that it has named', async () => {
    const contexts = await IncrementalContexts.open(directory);
    const text = Buffer.from(formatListing(listing()));
    const pending = await contexts.begin(key, [listingId(text)]);
    expect(() => pending.list([])).toThrow('expected 1 listings of the context, got 0');
    expect(() => pending.list([Buffer.from('[]')])).toThrow('is not the one that was named');
    pending[Symbol.dispose]();
    const silent = await contexts.begin(key, [listingId(text)]);
    await expect(silent.finish(context, send({}, []))).rejects.toThrow(
      'a listing of the context was not sent',
    );
    await expect(contexts.begin(key, ['no digest'])).rejects.toThrow('a name of a listing is no SHA-256');
  });

  test("gets nothing of another key's context", async () => {
    const files = { a: { text: 'secret', seconds: 1 } };
    const contexts = await IncrementalContexts.open(directory);
    await sync(contexts, files);
    const { pending, wanted } = await compare(contexts, listingsOf(files), 'b'.repeat(64));
    expect(wanted).toEqual(['a']);
    await expect(pending.finish(context, send({}, []))).rejects.toThrow(
      'the context\'s file "a" was not sent',
    );
  });

  test('cannot choose another key than a digest', async () => {
    const contexts = await IncrementalContexts.open(directory);
    await expect(contexts.begin('../../etc', [])).rejects.toThrow('invalid key "../../etc" of a context');
  });

  test('that does not send what is wanted, or other bytes than it says, fails; the next may try', async () => {
    const files = { a: { text: 'one', seconds: 1 } };
    const contexts = await IncrementalContexts.open(directory);
    const finish = async (...parts: TreePart[]): Promise<unknown> =>
      (await begin(contexts, ...listingsOf(files))).finish(
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
    expect(await contexts.list()).toEqual([]);
    expect((await sync(contexts, files)).read).toEqual({ a: 'one' });
  });

  test('cannot place a file by way of a link of its own', async () => {
    const contexts = await IncrementalContexts.open(directory);
    const files = { 'l/passwd': { text: 'x', seconds: 1 } };
    const link = file('l', 0, 1, { mode: 0o120777, target: '/../../etc' });
    const { pending, wanted } = await compare(contexts, [listing({ entries: [link] }), ...listingsOf(files)]);
    using current = await pending.finish(context, send(files, wanted));
    expect(await current.tree.names(context, '/')).toEqual(['l']);
    expect(await current.tree.names(context, '/l')).toEqual(['passwd']);
    await current.kept;
  });
});
