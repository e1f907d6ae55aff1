import { expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { packTar } from './pack.ts';
import type { TreePart } from './part.ts';
import { unpackTar } from './unpack.ts';

async function* streamOf<T>(items: Iterable<T>): AsyncGenerator<T, void, void> {
  yield* items;
}

async function joined(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(chunks));
}

/** Headers as they are, each with all of its data. */
async function members(parts: AsyncIterable<TreePart>): Promise<[TreePart, Buffer][]> {
  const found: [TreePart, Buffer[]][] = [];
  for await (const part of parts) {
    if (part instanceof Uint8Array) found.at(-1)?.[1].push(Buffer.from(part));
    else found.push([part, []]);
  }
  return found.map(([header, chunks]) => [header, Buffer.concat(chunks)]);
}

const someFiles = fc.array(
  fc.record({
    name: fc.stringMatching(/^[a-z]{1,30}(\/[a-z]{1,90}){0,4}$/),
    data: fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 4 }),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
  }),
  { maxLength: 8 },
);

test('unpackTar gives the parts that packTar took, however the archive is cut', async () => {
  await fc.assert(
    fc.asyncProperty(someFiles, fc.integer({ min: 1, max: 5000 }), async (files, cut) => {
      const parts = files.flatMap(({ name, data, mode, nanoseconds }): TreePart[] => [
        { type: 'file', name, mode, seconds: 1_000_000_000, nanoseconds, size: Buffer.concat(data).length },
        ...data,
      ]);
      const archive = await joined(packTar(streamOf(parts)));
      const pieces = Array.from({ length: Math.ceil(archive.length / cut) }, (_, index) =>
        archive.subarray(index * cut, (index + 1) * cut),
      );
      const found = await members(unpackTar(streamOf(pieces)));
      expect(found.length).toBe(files.length);
      for (const [index, { name, data, mode, nanoseconds }] of files.entries()) {
        expect(found[index]?.[0]).toMatchObject({ type: 'file', name, mode, nanoseconds });
        expect(found[index]?.[1]).toEqual(Buffer.concat(data));
      }
    }),
    { numRuns: 50 },
  );
});

test('packTar gathers small members into large chunks that stay as they are', async () => {
  const parts = Array.from({ length: 2000 }, (_, index): TreePart[] => [
    { type: 'file', name: `${index}`, size: 100 },
    Buffer.alloc(100, index),
  ]).flat();
  const chunks = await Array.fromAsync(packTar(streamOf(parts)));
  const copies = chunks.map((chunk) => Buffer.from(chunk));
  expect(chunks.length).toBeLessThan(12);
  expect(chunks.map((chunk, index) => copies[index]?.equals(chunk))).toEqual(chunks.map(() => true));
  const listed = spawnSync('tar', ['-tf', '-'], { input: Buffer.concat(chunks), encoding: 'utf8' });
  expect(listed.stdout.trim().split('\n')).toEqual(Array.from({ length: 2000 }, (_, index) => `${index}`));
});

test('packTar wants as many bytes as a header says', async () => {
  const header: TreePart = { type: 'file', name: 'a', size: 5 };
  const broken: TreePart[][] = [
    [header],
    [header, new Uint8Array(4)],
    [header, new Uint8Array(6)],
    [new Uint8Array(1)],
    [header, header],
  ];
  for (const parts of broken) {
    const error = await joined(packTar(streamOf(parts))).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'invalid-argument' });
  }
});

test('unpackTar fills the holes of sparse files and leaves notes out', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sampan-unpack-'));
  try {
    const sparse = join(directory, 'sparse');
    const content = Buffer.alloc(3 << 20);
    content.write('middle', 1 << 20);
    content.write('end', 2 << 20);
    writeFileSync(join(directory, 'empty-sparse'), '');
    truncateSync(join(directory, 'empty-sparse'), 1 << 20);
    spawnSync('dd', ['if=/dev/stdin', `of=${sparse}`, 'conv=sparse', 'bs=4096'], { input: content });
    truncateSync(sparse, content.length);
    for (const format of ['gnu', 'pax']) {
      const args = [
        '-C',
        directory,
        '--sparse',
        `--format=${format}`,
        '--label=a note',
        '-cf',
        '-',
        'sparse',
        'empty-sparse',
      ];
      const { stdout } = spawnSync('tar', args, { maxBuffer: 16 << 20 });
      expect(stdout.length).toBeLessThan(1 << 20);
      const found = await members(unpackTar(streamOf([stdout])));
      expect(found.map(([header]) => header)).toMatchObject([
        { type: 'file', name: 'sparse', size: content.length },
        { type: 'file', name: 'empty-sparse', size: 1 << 20 },
      ]);
      expect(found[0]?.[1].equals(content)).toBe(true);
      expect(found[1]?.[1].equals(Buffer.alloc(1 << 20))).toBe(true);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('unpackTar holds to limits and refuses archives that end too soon', async () => {
  const archive = await joined(
    packTar(streamOf<TreePart>([{ type: 'file', name: 'a', size: 600 }, new Uint8Array(600)])),
  );
  const unpacked = (bytes: Uint8Array, limits = {}) =>
    members(unpackTar(streamOf([bytes]), limits)).catch((error: unknown) => error);
  expect(await unpacked(archive, { fileSize: 599 })).toMatchObject({ code: 'invalid-argument' });
  expect(await unpacked(archive.subarray(0, 600))).toMatchObject({ code: 'invalid-argument' });
});
