import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../base/context.ts';
import { ComparedContexts } from './compared-contexts.ts';
import { formatListing, listingId } from './context-listing.ts';
import { IncrementalContexts } from './files/incremental/incremental-contexts.ts';

const context = background();
const key = 'a'.repeat(64);
let directory: string;
let compared: ComparedContexts;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sampan-compared-'));
  compared = new ComparedContexts(await IncrementalContexts.open(directory));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function* nothing(): AsyncGenerator<Uint8Array, void, void> {
  yield new Uint8Array(1024);
}

test('many contexts that nobody builds from are forgotten, the oldest first, and hold up nobody', async () => {
  const empty = Buffer.from(formatListing({ path: '', mode: null, seconds: 0, entries: [] }));
  const compare = async (): Promise<string> => (await compared.compare(key, [listingId(empty)], false)).id;
  const oldest = await compare();
  let last = '';
  for (let count = 0; count < 64; count++) last = await compare();
  expect(() => compared.list(oldest, [empty])).toThrow('no build context was compared with the ID');
  expect(readdirSync(directory)).toEqual([]);
  expect(compared.list(last, [empty])).toEqual([]);
  using opened = await compared.finish(context, last, nothing());
  expect(await opened.tree.names(context, '/')).toEqual([]);
  expect(() => compared.list(last, [empty])).toThrow('no build context was compared with the ID');
});
