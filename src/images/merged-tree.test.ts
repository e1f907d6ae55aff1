import { expect, test } from 'bun:test';
import fc from 'fast-check';
import type { TarEntry } from '../oci/tar/entry.ts';
import { LayerTree } from '../oci/tar/layer-tree.ts';
import { MergedTree } from './merged-tree.ts';

interface Member {
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'whiteout' | 'opaque';
  readonly size: number;
}

const member: fc.Arbitrary<Member> = fc.record({
  path: fc
    .array(fc.constantFrom('a', 'b', 'b.c'), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join('/')),
  kind: fc.constantFrom('file', 'directory', 'whiteout', 'opaque'),
  size: fc.integer({ min: 1, max: 9 }),
});

function ancestors(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** Members that do not contradict each other. */
const layer = fc.array(member, { maxLength: 8 }).map((members) => {
  const kept = new Map<string, Member>();
  for (const one of members) {
    const isTaken = [...kept.keys()].some((path) => path === one.path || path.startsWith(`${one.path}/`));
    const isBelowNone = ancestors(one.path).some((path) =>
      ['file', 'whiteout'].includes(kept.get(path)?.kind ?? ''),
    );
    if (!isTaken && !isBelowNone) kept.set(one.path, one);
  }
  return [...kept.values()];
});

function treeOf(members: readonly Member[]): LayerTree {
  const tree = new LayerTree();
  const add = (name: string, type: TarEntry['type'], size = 0): unknown =>
    tree.add({
      ...{
        type,
        name,
        size,
        dataSize: size,
        linkName: '',
        mode: 0o755,
        uid: 0,
        gid: 0,
        userName: '',
        groupName: '',
      },
      ...{
        seconds: 0,
        nanoseconds: 0,
        major: 0,
        minor: 0,
        xattrs: undefined,
        dataOffset: 0,
        extents: undefined,
      },
    });
  for (const { path, kind, size } of members) {
    if (kind === 'file') add(path, 'file', size);
    else if (kind === 'whiteout') add(path.replace(/([^/]+)$/, '.wh.$1'), 'file');
    else add(path, 'directory');
    if (kind === 'opaque') add(`${path}/.wh..wh..opq`, 'file');
  }
  return tree;
}

/** Sizes by path, as the image specification has it: first what a layer hides goes, then what it has comes. */
function laid(below: ReadonlyMap<string, number>, members: readonly Member[]): Map<string, number> {
  const merged = new Map(below);
  const drop = (root: string, itself: boolean): void => {
    for (const path of merged.keys()) {
      if (path.startsWith(`${root}/`) || (itself && path === root)) merged.delete(path);
    }
  };
  const directories = new Set<string>();
  for (const { path, kind } of members) {
    for (const directory of ancestors(path)) directories.add(directory);
    if (kind === 'directory' || kind === 'opaque') directories.add(path);
    if (kind === 'whiteout' || kind === 'file') drop(path, true);
    if (kind === 'opaque') drop(path, false);
  }
  for (const { path, kind, size } of members) if (kind === 'file') merged.set(path, size);
  for (const directory of directories) merged.set(directory, 0);
  return merged;
}

test('a layer adds, changes and removes what the paths before and after tell', () => {
  fc.assert(
    fc.property(fc.array(layer, { minLength: 1, maxLength: 4 }), (layers) => {
      const tree = new MergedTree();
      let below = new Map<string, number>();
      for (const members of layers) {
        const seen: Record<string, string[]> = { added: [], changed: [], removed: [] };
        const order: string[] = [];
        tree.apply(treeOf(members), (kind, path) => {
          seen[kind]?.push(path.slice(1));
          order.push(path);
        });
        const after = laid(below, members);
        expect(seen['added']?.toSorted()).toEqual(
          [...after.keys()].filter((path) => !below.has(path)).sort(),
        );
        expect(seen['removed']?.toSorted()).toEqual(
          [...below.keys()].filter((path) => !after.has(path)).sort(),
        );
        expect(seen['changed']?.every((path) => below.has(path) && after.has(path))).toBe(true);
        expect(order).toEqual(order.toSorted());
        below = after;
      }
    }),
    { numRuns: 500 },
  );
});
