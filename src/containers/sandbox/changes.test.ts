import { describe, expect, test } from 'bun:test';
import { background } from '../../base/context.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import { OPAQUE_XATTR } from '../files/writable-part.ts';
import { type Member, MemoryTree } from '../testing/fake-trees.ts';
import { readChanges } from './changes.ts';
import type { SandboxRequest } from './contract.ts';
import { MountPoints } from './mount-points.ts';

const context = background();

function directory(name: string, more: Partial<TarHeader> = {}): Member {
  return { type: 'directory', name, mode: 0o755, ...more };
}

const opaque = { xattrs: new Map([[OPAQUE_XATTR, Buffer.from('y')]]) };
const whiteout = { type: 'character', major: 0, minor: 0 } as const;

async function changesOf(
  above: readonly Member[],
  below: readonly Member[],
  targets: readonly string[] = [],
): Promise<string[]> {
  const points = new MountPoints();
  const mounts = targets.map((target) => ({ type: 'tmpfs' as const, target, size: 0 }));
  await points.add(context, { mounts, files: [] } as unknown as SandboxRequest, undefined);
  const names: string[] = [];
  const parts = readChanges(context, new MemoryTree(...above), new MemoryTree(...below), points);
  for await (const part of parts)
    names.push(part instanceof Uint8Array ? Buffer.from(part).toString() : part.name);
  return names;
}

describe('readChanges', () => {
  test('keeps files with their bytes and the directories around them', async () => {
    const above = [directory('a'), directory('a/b'), { name: 'a/b/c', text: 'words' }, directory('z')];
    const below = [directory('a'), directory('a/b'), directory('z')];
    expect(await changesOf(above, below)).toEqual(['a/', 'a/b/', 'a/b/c', 'words']);
  });

  test('keeps directories that are new, or differ in more than times', async () => {
    const above = [directory('mode', { mode: 0o700 }), directory('new'), directory('owner', { uid: 5 })];
    const more = [directory('same', { seconds: 9 }), directory('was-file')];
    const below = [directory('mode'), directory('owner'), directory('same'), { name: 'was-file' }];
    expect(await changesOf([...above, ...more], below)).toEqual(['mode/', 'new/', 'owner/', 'was-file/']);
  });

  test('drops a tree of directories of which none changed, and goes on after it', async () => {
    const above = [directory('a'), directory('a/b'), directory('a/b/c'), directory('a/d'), { name: 'a/e' }];
    const below = [directory('a'), directory('a/b'), directory('a/b/c'), directory('a/d')];
    expect(await changesOf(above, below)).toEqual(['a/', 'a/e']);
    expect(await changesOf(above.slice(0, 4), below)).toEqual([]);
  });

  test('says that a directory hides what is below only where there is something', async () => {
    const above = [directory('new', opaque), directory('old', opaque)];
    expect(await changesOf(above, [directory('old'), { name: 'old/x' }])).toEqual([
      'new/',
      'old/',
      'old/.wh..wh..opq',
    ]);
  });

  test('says of what is gone only what was below', async () => {
    const above = [directory('etc'), { name: 'etc/mtab', ...whiteout }, { name: 'etc/passwd', ...whiteout }];
    expect(await changesOf(above, [directory('etc'), { name: 'etc/passwd' }])).toEqual([
      'etc/',
      'etc/.wh.passwd',
    ]);
  });

  test('drops mount points that are empty, and those alone', async () => {
    const above = [
      ...[directory('opt', opaque), directory('opt/cache'), directory('opt/cache/x'), { name: 'opt/secret' }],
      ...[directory('srv'), { name: 'srv/empty' }, { name: 'srv/point', text: 'full' }],
    ];
    const targets = ['/opt/cache/x', '/opt/secret', '/srv/point'];
    expect(await changesOf(above, [directory('srv')], targets)).toEqual([
      'srv/',
      'srv/empty',
      'srv/point',
      'full',
    ]);
  });

  test('does not take a mount point that was below for one that was made', async () => {
    const above = [directory('data', { mode: 0o700 }), { name: 'file' }];
    expect(await changesOf(above, [directory('data'), { name: 'file' }], ['/data', '/file'])).toEqual([
      'data/',
      'file',
    ]);
  });

  test('finds mount points behind links, in whatever circles they lead', async () => {
    const below = [
      ...([{ type: 'symlink', name: 'out', linkName: '../../real' }, directory('real')] as const),
      ...([{ type: 'symlink', name: 'loop', linkName: 'loop' }] as const),
      ...([{ type: 'symlink', name: 'dangling', linkName: 'nothing/here' }] as const),
    ];
    const above = [
      ...[directory('loop'), directory('nothing', opaque), directory('nothing/here')],
      ...[directory('nothing/here/x'), directory('real'), directory('real/point')],
    ];
    const targets = ['/out/point', '/dangling/x', '/loop/y'];
    expect(await changesOf(above, below, targets)).toEqual(['loop/']);
  });
});
