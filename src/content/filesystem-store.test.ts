import { afterEach, expect, test } from 'bun:test';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../base/context.ts';
import { digestOf, hexOf } from '../oci/digest.ts';
import { openContentStore } from './filesystem-store.ts';
import { testContentStore } from './store-suite.ts';

const context = background();
const roots: string[] = [];

async function newRoot(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'sampan-content-'));
  roots.push(root);
  return root;
}

afterEach(async () => {
  for (const root of roots.splice(0)) {
    // Whatever a test did, no writer leaves its temporary file behind.
    expect(await readdir(join(root, 'ingest'))).toEqual([]);
    await rm(root, { recursive: true });
  }
});

testContentStore('filesystem store', async () => openContentStore(await newRoot()));

test('filesystem store: a blob is a plain file at the path that the store tells', async () => {
  const root = await newRoot();
  const store = await openContentStore(root);
  await using writer = await store.writer(context);
  await writer.write(Buffer.from('hello'));
  const { digest } = await writer.commit();
  expect(store.pathOf(digest)).toBe(join(root, 'blobs', 'sha256', hexOf(digestOf('hello'))));
  expect(await readFile(store.pathOf(digest), 'utf8')).toBe('hello');
});

test('filesystem store: opening again keeps the blobs and clears what a killed writer left', async () => {
  const root = await newRoot();
  const store = await openContentStore(root);
  const writer = await store.writer(context);
  await writer.write(Buffer.from('kept'));
  const { digest } = await writer.commit();
  await writeFile(join(root, 'ingest', '17'), 'half a blo');
  const again = await openContentStore(root);
  expect(await again.readAll(digest, 10)).toEqual(Buffer.from('kept'));
});
