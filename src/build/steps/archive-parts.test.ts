import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import type { CopyOperation } from '../definition/vertex.ts';
import { SingleFileTree } from '../files/single-file-tree.ts';
import { type Member, pieces, tarOf } from '../files/testing/tars.ts';
import type { Result } from '../solver/result.ts';
import { StepBench, scratch } from './testing/step-bench.ts';

let bench: StepBench;
beforeAll(async () => {
  bench = await StepBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

function add(unpack: boolean, more: Partial<CopyOperation> = {}): CopyOperation {
  const path = '/x.tar';
  const source = {
    type: 'input',
    input: 1,
    path,
    hasWildcards: false,
    excludes: [],
    unpack,
    pivot: '',
    required: true,
  } as const;
  return {
    kind: 'copy',
    sources: [source],
    destination: '/to/',
    owner: '',
    mode: '',
    link: false,
    keepsParents: false,
    ...more,
  };
}

function archive(bytes: Uint8Array): Result {
  return { kind: 'files', tree: new SingleFileTree({ type: 'file', name: 'x.tar', mode: 0o644 }, bytes) };
}

async function layer(...members: Member[]): Promise<Result> {
  const { diffId } = await bench.parts.images.receiveLayer(
    bench.context,
    bench.lease,
    pieces(tarOf(...members)),
  );
  return { kind: 'layers', layers: [diffId] };
}

const unpacked = async (
  bytes: Uint8Array,
  base: Result = scratch,
  more: Partial<CopyOperation> = {},
): Promise<Record<string, string>> =>
  bench.inventory(await bench.on(add(true, more), [base, archive(bytes)]));

describe('an archive that is added', () => {
  const members: Member[] = [
    { name: 'd/', mode: 0o700, uid: 4, gid: 5 },
    { name: 'd/f', text: 'f', uid: 4, gid: 5 },
    { name: 'd/g', type: 'hardlink', linkName: 'd/f' },
  ];

  test('is unpacked in any compression, with its owners, or those asked for', async () => {
    const expected = {
      to: 'directory 755 0:0 ',
      'to/d': 'directory 700 4:5 ',
      'to/d/f': 'file 644 4:5 f',
      'to/d/g': 'hardlink to/d/f',
    };
    const tar = tarOf(...members);
    expect(await unpacked(tar)).toEqual(expected);
    expect(await unpacked(gzipSync(tar))).toEqual(expected);
    expect(await unpacked(Bun.spawnSync(['xz', '-c'], { stdin: tar }).stdout)).toEqual(expected);
    expect((await unpacked(tar, scratch, { owner: '8:9' }))['to/d/f']).toBe('file 644 8:9 f');
  });

  test('stays a file where that is asked for, or where it is none', async () => {
    const packed = await bench.on(add(false), [scratch, archive(tarOf(...members))]);
    expect(Object.keys(await bench.inventory(packed))).toEqual(['to', 'to/x.tar']);
    for (const bytes of [
      Buffer.from('text'),
      Buffer.alloc(2048),
      gzipSync('no tar'),
      Buffer.from('\x1f\x8b\x08broken', 'latin1'),
    ]) {
      expect(Object.keys(await unpacked(bytes))).toEqual(['to', 'to/x.tar']);
    }
  });

  test('goes by links of the root where it does not name a directory, and replaces what it does name', async () => {
    const base = await layer(
      { name: 'to/lib', type: 'symlink', linkName: '/usr/lib' },
      { name: 'to/bin', type: 'symlink', linkName: '/usr/bin' },
      { name: 'usr/lib/', mode: 0o711, uid: 3 },
      { name: 'usr/bin/', mode: 0o711 },
      { name: 'to/was', text: 'a file' },
    );
    const tar = tarOf(
      { name: 'lib/so', text: 'so' },
      { name: 'bin/' },
      { name: 'bin/sh', text: 'sh' },
      { name: 'was/' },
      { name: 'was/x', text: '' },
    );
    expect(await unpacked(tar, base)).toMatchObject({
      'to/lib': 'symlink 0:0 /usr/lib',
      'usr/lib': 'directory 711 3:0 ',
      'usr/lib/so': 'file 644 0:0 so',
      'to/bin': 'directory 755 0:0 ',
      'to/bin/sh': 'file 644 0:0 sh',
      'usr/bin': 'directory 711 0:0 ',
      'to/was/x': 'file 644 0:0 ',
    });
  });

  test('brings devices and pipes along, but none that stands for a removal', async () => {
    const made = await unpacked(
      tarOf(
        { name: 'null', type: 'character', major: 1, minor: 3 },
        { name: 'sda', type: 'block', major: 8, minor: 0 },
        { name: 'pipe', type: 'fifo' },
        { name: 'gone', type: 'character', major: 0, minor: 0 },
        { name: 'f', text: '' },
      ),
    );
    expect(Object.keys(made)).toEqual(['to', 'to/f', 'to/null', 'to/pipe', 'to/sda']);
  });

  test('cannot lead outside, nor remove what is below', async () => {
    const base = await layer({ name: 'to/keep', text: 'k' }, { name: 'etc/passwd', text: 'p' });
    const hostile = tarOf(
      { name: 'l', type: 'symlink', linkName: '../../../../etc' },
      { name: 'l/passwd', text: 'evil' },
      { name: '.wh.keep', text: '' },
    );
    const made = await unpacked(hostile, base);
    expect(made['to/keep']).toBe('file 644 0:0 k');
    expect(made['etc/passwd']).toBe('file 644 0:0 p');
    expect(made['to/etc/passwd']).toBe('file 644 0:0 evil');
    await expect(unpacked(tarOf({ name: '../out', text: '' }), base)).rejects.toThrow('leads outside');
  });
});
