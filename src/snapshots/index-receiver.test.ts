import { afterEach, beforeEach, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../base/context.ts';
import { codeOf } from '../base/errors.ts';
import type { FileContentStore } from '../content/contract.ts';
import { openContentStore } from '../content/filesystem-store.ts';
import { digestOf, hexOf } from '../oci/digest.ts';
import { LayerIndexer } from '../oci/erofs/layer-indexer.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../oci/tar/writer.ts';
import type { SnapshotDriver } from './contract.ts';
import { openErofsDriver } from './erofs-driver.ts';

const context = background();
let root: string;
let content: FileContentStore;
let driver: SnapshotDriver;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sampan-receiver-'));
  content = await openContentStore(join(root, 'content'));
  // Nothing is mounted here.
  const launcher = { run: () => Promise.reject(new Error('not wanted')) };
  driver = await openErofsDriver({
    root: join(root, 'data'),
    execRoot: join(root, 'run'),
    content,
    launcher: launcher as never,
    maxLayerBytes: 20_000_000,
  });
});
afterEach(async () => {
  expect(await readdir(join(root, 'content/ingest'))).toEqual([]);
  await rm(root, { recursive: true });
});

function member(name: string, body: Uint8Array): Buffer {
  const header = formatTarHeader({ type: 'file', name, mode: 0o644, size: body.length });
  return Buffer.concat([header, body, tarPadding(body.length)]);
}

/** Of many members, and more than several slots long. */
function longTar(): Buffer {
  const members = Array.from({ length: 400 }, (_, n) => member(`directory/file-${n}`, randomBytes(n * 37)));
  return Buffer.concat([...members, tarEnd]);
}

async function receive(tar: Uint8Array, size: number, expected = digestOf(tar)): Promise<void> {
  await using receiver = await driver.receive(context, { diffId: expected });
  for (let at = 0; at < tar.length; at += size) await receiver.write(tar.subarray(at, at + size));
  expect(await receiver.commit()).toEqual({ diffId: digestOf(tar), size: tar.length });
}

const indexes = (): Promise<string[]> => readdir(join(root, 'data/erofs'));

/** The index that the main thread would make. */
function indexOf(tar: Uint8Array): Buffer {
  let index = Buffer.alloc(0);
  const indexer = new LayerIndexer({
    write(offset, bytes) {
      if (index.length < offset + bytes.length)
        index = Buffer.concat([index, Buffer.alloc(offset + bytes.length - index.length)]);
      index.set(bytes, offset);
    },
    resize(length) {
      index = Buffer.concat([index, Buffer.alloc(Math.max(0, length - index.length))]).subarray(0, length);
    },
  });
  indexer.write(tar);
  indexer.finish(digestOf(tar));
  return index;
}

test.each([
  ['a short tar, without a thread', () => Buffer.concat([member('file', randomBytes(100)), tarEnd])],
  ['a long tar, in a thread', longTar],
])('a receiver makes tar and index of %s', async (_, make) => {
  const tar = make();
  for (const size of [tar.length, 65_536, 10_007]) {
    await receive(tar, size);
    const diffId = digestOf(tar);
    expect(await content.readAll(diffId, tar.length)).toEqual(tar);
    const index = readFileSync(join(root, 'data/erofs', `${hexOf(diffId)}.erofs`));
    expect(index.equals(indexOf(tar))).toBe(true);
    await driver.removeLayer(context, diffId);
    await content.delete(diffId);
  }
});

test('receivers at the same time do not disturb each other', async () => {
  const tars = Array.from({ length: 5 }, longTar);
  await Promise.all([...tars, ...tars].map((tar, n) => receive(tar, 30_000 + n)));
  for (const tar of tars) expect(await content.readAll(digestOf(tar), tar.length)).toEqual(tar);
  expect(await indexes()).toHaveLength(5);
});

test.each([
  [
    'what is no tar',
    () => Buffer.concat([longTar().subarray(0, -1024), randomBytes(900_000)]),
    'invalid-argument',
  ],
  ['a tar that is cut off', () => longTar().subarray(0, 2_000_100), 'invalid-argument'],
  ['a tar that is too long', () => member('large', Buffer.alloc(20_000_001)), 'exhausted'],
])('a receiver of %s fails and leaves nothing', async (_, make, code) => {
  const error = await receive(make(), 100_000).catch((reason: unknown) => reason);
  expect(codeOf(error)).toBe(code as never);
  expect([await indexes(), await Array.fromAsync(content.list())]).toEqual([[], []]);
});

test('a receiver of another tar than was expected fails and leaves nothing', async () => {
  for (const tar of [longTar(), Buffer.concat([member('file', randomBytes(10)), tarEnd])]) {
    const error = await receive(tar, 100_000, digestOf('other')).catch((reason: unknown) => reason);
    expect(codeOf(error)).toBe('data-loss');
  }
  expect([await indexes(), await Array.fromAsync(content.list())]).toEqual([[], []]);
});

test('a receiver that is cancelled at any moment leaves nothing', async () => {
  const tar = longTar();
  for (const end of [0, 100, 600_000, 1_500_000, tar.length]) {
    const receiver = await driver.receive(context);
    for (let at = 0; at < end; at += 50_000) await receiver.write(tar.subarray(at, at + 50_000));
    await receiver.cancel();
  }
  expect([await indexes(), await Array.fromAsync(content.list())]).toEqual([[], []]);
});

test('the thread ends when no layer is received', async () => {
  await untilNoThread();
  await receive(longTar(), 100_000);
  expect(threads()).toBe(1);
  await untilNoThread();
  await receive(longTar(), 100_000);
});

async function untilNoThread(): Promise<void> {
  for (let tries = 0; threads() > 0; tries++) {
    if (tries > 500) throw new Error('the thread does not end');
    await Bun.sleep(10);
  }
}

function threads(): number {
  return readdirSync('/proc/self/task').filter((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/comm`, 'utf8').startsWith('Worker');
    } catch {
      return false;
    }
  }).length;
}

test('what an earlier process left of an index goes at the start', async () => {
  await writeFile(join(root, 'data/erofs/new-0'), 'half an index');
  await openErofsDriver({
    root: join(root, 'data'),
    execRoot: join(root, 'run'),
    content,
    launcher: {} as never,
  });
  expect(await indexes()).toEqual([]);
});
