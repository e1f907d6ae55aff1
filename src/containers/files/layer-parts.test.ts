import { expect, test } from 'bun:test';
import { background } from '../../base/context.ts';
import { type Member, MemoryTree } from '../testing/fake-trees.ts';
import { layerParts } from './layer-parts.ts';
import { isHeader } from './tree-parts.ts';

const opaque = Buffer.from('y');

async function layerOf(...members: Member[]): Promise<string[]> {
  const image = { has: async (name: string) => name !== '.dockerenv' };
  const lines: string[] = [];
  for await (const part of layerParts(background(), new MemoryTree(...members), image)) {
    const attributes = isHeader(part) ? [...(part.xattrs?.keys() ?? [])].join() : '';
    lines.push(isHeader(part) ? `${part.type} ${part.name} ${attributes}`.trim() : part.toString());
  }
  return lines;
}

test('an empty writable part makes no layer', async () => {
  expect(await layerOf()).toEqual([]);
});

test('files have their bytes, directories a slash, and no attributes of the overlay', async () => {
  const members: Member[] = [
    { name: 'd', type: 'directory', xattrs: new Map([['user.x', opaque]]) },
    { name: 'd/f', text: 'bytes' },
    { name: 'd/o', type: 'directory', xattrs: new Map([['trusted.overlay.opaque', opaque]]) },
  ];
  expect(await layerOf(...members)).toEqual([
    'directory d/ user.x',
    'file d/f',
    'bytes',
    'directory d/o/',
    'file d/o/.wh..wh..opq',
  ]);
});

test('what was removed of the image is whited out, of the mount points it is not told', async () => {
  const device = { type: 'character', major: 0, minor: 0 } as const;
  const members: Member[] = [
    { name: '.dockerenv', ...device },
    { name: 'etc', type: 'directory' },
    { name: 'etc/gone', type: 'hardlink', linkName: '.dockerenv' },
    { name: 'null', ...device, major: 1, minor: 3 },
  ];
  expect(await layerOf(...members)).toEqual(['directory etc/', 'file etc/.wh.gone', 'character null']);
});
