import { afterEach, expect, test } from 'bun:test';
import { writeSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
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

test('filesystem store: a partial survives its process, and is as long as its file then is', async () => {
  const root = await newRoot();
  const digest = digestOf('0123456789');
  const store = await openContentStore(root);
  const killed = await store.partial(context, digest);
  await killed.write(Buffer.from('01234567'));
  await killed[Symbol.asyncDispose]();
  await truncate(join(root, 'partials', hexOf(digest)), 4);
  const again = await openContentStore(root);
  await using partial = await again.partial(context, digest);
  expect(partial.size).toBe(4);
  await partial.write(Buffer.from('456789'));
  await partial.commit({ size: 10 });
  expect(await again.readAll(digest, 10)).toEqual(Buffer.from('0123456789'));
  expect(await readdir(join(root, 'partials'))).toEqual([]);
});

test('filesystem store: a partial that was never written to leaves no file', async () => {
  const root = await newRoot();
  const store = await openContentStore(root);
  {
    await using _ = await store.partial(context, digestOf('x'));
  }
  expect(await readdir(join(root, 'partials'))).toEqual([]);
});

test('filesystem store: a file written by others becomes a blob, or goes', async () => {
  const root = await newRoot();
  const store = await openContentStore(root);
  {
    await using file = await store.file(context);
    writeSync(file.fd, 'hello');
    using lease = store.lease();
    const { digest, size } = await file.publish(digestOf('hello'), lease);
    await store.collect(context, () => false);
    expect([size, await store.readAll(digest, 10)]).toEqual([5, Buffer.from('hello')]);
    await expect(file.publish(digest)).rejects.toThrow('already');
  }
  await using _ = await store.file(context);
});
