import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { SampanError } from '../../base/errors.ts';
import type { EntryType, TarEntry } from './entry.ts';
import { type LayerNode, modeType } from './layer-node.ts';
import { LayerTree } from './layer-tree.ts';
import { sealTree } from './sealed-tree.ts';

/** A member: a name ending in "/" is a directory, "a -> b" a symbolic link, "a = b" a hard link, all else a file. */
function entryOf(text: string): TarEntry {
  const [name = '', target = ''] = text.split(/ -> | = /);
  const type: EntryType = text.includes(' -> ') ? 'symlink' : text.includes(' = ') ? 'hardlink' : 'file';
  return {
    type: name.endsWith('/') ? 'directory' : type,
    name,
    linkName: target,
    mode: 0o640,
    uid: 1,
    gid: 2,
    userName: '',
    groupName: '',
    size: 0,
    seconds: 3,
    nanoseconds: 4,
    major: 0,
    minor: 0,
    xattrs: undefined,
    dataOffset: 512,
    dataSize: 0,
    extents: undefined,
  };
}

/** The tree as sorted lines: directories end in "/" (opaque ones in "/!"), whiteouts begin with "-". */
function treeOf(...members: string[]): string[] {
  const tree = new LayerTree();
  for (const member of members) tree.add(entryOf(member));
  sealTree(tree);
  return list(tree.root, '');
}

function list(node: LayerNode, path: string): string[] {
  return [...(node.children ?? [])].flatMap(([name, child]) => {
    const full = `${path}${name}`;
    if (child.children !== undefined)
      return [`${full}/${child.opaque ? '!' : ''}`, ...list(child, `${full}/`)];
    if (child.whiteout) return [`-${full}`];
    return [child.type === modeType.symlink ? `${full} -> ${child.target}` : full];
  });
}

describe('names', () => {
  test('layer tree: leading slashes and dots are dropped, parents are implied', () => {
    expect(treeOf('/a', './b', '././/c//d', 'e/../f')).toEqual(['a', 'b', 'c/', 'c/d', 'f']);
  });

  test('layer tree: implied directories are root with mode 0755, explicit ones as they say', () => {
    const tree = new LayerTree();
    tree.add(entryOf('implied/explicit/'));
    const implied = tree.root.children?.get('implied');
    expect(implied).toMatchObject({ mode: 0o40755, uid: 0, seconds: 0 });
    expect(implied?.children?.get('explicit')).toMatchObject({
      mode: 0o40640,
      uid: 1,
      seconds: 3,
      nanoseconds: 4,
    });
    tree.add(entryOf('./'));
    expect(tree.root).toMatchObject({ mode: 0o40640, uid: 1 });
  });

  for (const name of ['..', '../a', '/../a', 'a/../../b', 'a/b/../../../c', './..']) {
    test(`layer tree: ${name} leads outside and is refused`, () => {
      expect(() => treeOf(name)).toThrow('leads outside of the layer');
      expect(() => treeOf('a', `x = ${name}`)).toThrow('leads outside of the layer');
    });
  }

  test('layer tree: names longer than 255 bytes are refused', () => {
    expect(treeOf('a'.repeat(255), `.wh.${'b'.repeat(255)}`)).toHaveLength(2);
    expect(() => treeOf('a'.repeat(256))).toThrow('file name too long');
    expect(() => treeOf(`${'a'.repeat(256)}/b`)).toThrow('file name too long');
  });

  test('layer tree: the root is a directory', () => {
    expect(() => treeOf('.')).toThrow('not a directory');
  });

  test('layer tree: names are sorted by their bytes', () => {
    expect(treeOf('b', 'a\xff', 'a', 'Z', 'a\x01', '\xe9')).toEqual([
      'Z',
      'a',
      'a\x01',
      'a\xff',
      'b',
      '\xe9',
    ]);
  });

  test('layer tree: nesting has a limit', () => {
    expect(() =>
      treeOf(
        ...Array.from({ length: 3 }, (_, i) => `${'l/'.repeat(i)}l -> ${'d/'.repeat(1500)}`),
        `l/${'d/'.repeat(1500)}x`,
      ),
    ).toThrow('too many directories');
  });
});

describe('replacement', () => {
  test('layer tree: the last member of a name wins, directories are merged', () => {
    expect(treeOf('a', 'a/')).toEqual(['a/']);
    expect(treeOf('a/b', 'a')).toEqual(['a']);
    expect(treeOf('a/b', 'a/', 'a/c')).toEqual(['a/', 'a/b', 'a/c']);
    expect(treeOf('a', 'a/b')).toEqual(['a/', 'a/b']);
    expect(treeOf('a -> x', 'a/')).toEqual(['a/']);
    expect(treeOf('d/a', 'd', 'd/b')).toEqual(['d/', 'd/b']);
  });
});

describe('symbolic links in the way', () => {
  test('layer tree: a link of the layer is followed, inside of the layer', () => {
    expect(treeOf('usr/lib/', 'lib -> usr/lib', 'lib/x')).toEqual([
      'lib -> usr/lib',
      'usr/',
      'usr/lib/',
      'usr/lib/x',
    ]);
    expect(treeOf('lib -> /usr/lib', 'lib/x')).toEqual(['lib -> /usr/lib', 'usr/', 'usr/lib/', 'usr/lib/x']);
    expect(treeOf('d/up -> ../../../etc', 'd/up/x')).toEqual(['d/', 'd/up -> ../../../etc', 'etc/', 'etc/x']);
    expect(treeOf('self -> .', 'self/self/x')).toEqual(['self -> .', 'x']);
  });

  test('layer tree: a loop of links is refused', () => {
    expect(() => treeOf('a -> b', 'b -> a', 'a/x')).toThrow('too many symbolic links');
  });

  test('layer tree: links that lead through long links cannot keep the reader busy', () => {
    const long = 'a/../'.repeat(800);
    const links = Array.from({ length: 39 }, (_, index) => `l${index} -> ${long}l${index + 1}`);
    const tree = new LayerTree();
    for (const member of ['a/', 'l39/', ...links]) tree.add(entryOf(member));
    expect(() => {
      for (let index = 0; index < 100_000; index++) tree.add(entryOf(`l0/${index}/x`));
    }).toThrow('too long symbolic links');
  });

  test('layer tree: the last name is never followed', () => {
    expect(treeOf('etc/', 'a -> etc/passwd', 'a')).toEqual(['a', 'etc/']);
    expect(treeOf('a -> b', 'h = a')).toEqual(['a -> b', 'h -> b']);
  });

  test('layer tree: where a name goes is looked up again when a link has changed', () => {
    expect(treeOf('one/', 'two/', 'l -> one', 'l/x', 'l -> two', 'l/y')).toEqual([
      'l -> two',
      'one/',
      'one/x',
      'two/',
      'two/y',
    ]);
  });
});

describe('hard links', () => {
  test('layer tree: names of one file share it, whatever becomes of the first', () => {
    const tree = new LayerTree();
    for (const member of ['a', 'b = ./a', 'c = /b', 'a']) tree.add(entryOf(member));
    sealTree(tree);
    const [a, b, c] = ['a', 'b', 'c'].map((name) => tree.root.children?.get(name));
    expect(b).toBe(c as LayerNode);
    expect(a).not.toBe(b as LayerNode);
    expect([a?.links, b?.links, tree.root.links]).toEqual([1, 2, 2]);
  });

  test('layer tree: a link to nothing, to a directory or to a removed file is refused', () => {
    expect(() => treeOf('a = missing')).toThrow('invalid hardlink "a" -> "missing"');
    expect(() => treeOf('d/', 'a = d')).toThrow('invalid hardlink');
    expect(() => treeOf('.wh.d', 'a = d')).toThrow('invalid hardlink');
  });
});

describe('whiteouts', () => {
  test('layer tree: they stand for removals below, and yield to the files of the layer itself', () => {
    expect(treeOf('.wh.a', 'd/.wh.b')).toEqual(['-a', 'd/', '-d/b']);
    expect(treeOf('.wh.a', 'a')).toEqual(['a']);
    expect(treeOf('a', '.wh.a')).toEqual(['a']);
    expect(treeOf('a/b', '.wh.a')).toEqual(['a/!', 'a/b']);
    expect(treeOf('.wh.a', 'a/b')).toEqual(['a/!', 'a/b']);
    expect(treeOf('.wh.a', 'a/')).toEqual(['a/!']);
  });

  test('layer tree: an opaque mark hides what is below, not what is beside it', () => {
    expect(treeOf('d/x', 'd/.wh..wh..opq', 'd/y')).toEqual(['d/!', 'd/x', 'd/y']);
    expect(treeOf('d/.wh..wh..opq', 'd/')).toEqual(['d/!']);
  });

  test('layer tree: metadata of AUFS are dropped, links to them stay files', () => {
    expect(treeOf('.wh..wh.aufs', '.wh..wh.plnk/', '.wh..wh.plnk/1.2', 'a = .wh..wh.plnk/1.2')).toEqual([
      'a',
    ]);
  });

  for (const name of ['.wh.', '.wh..', '.wh...', 'd/.wh..']) {
    test(`layer tree: ${name} removes nothing that could exist and is refused`, () => {
      expect(() => treeOf(name)).toThrow('bad whiteout');
    });
  }
});

describe('extended attributes', () => {
  const withXattrs = (xattrs: Record<string, string>): Map<string, Uint8Array> | undefined => {
    const map = new Map(Object.entries(xattrs).map(([name, value]) => [name, Buffer.from(value)]));
    return new LayerTree().add({ ...entryOf('a'), xattrs: map })?.xattrs;
  };

  test('layer tree: those that Linux keeps are kept, those of overlayfs are not', () => {
    const kept = withXattrs({
      'user.a': '1',
      'security.capability': '2',
      'trusted.b': '3',
      'system.posix_acl_access': '4',
      'trusted.overlay.opaque': 'y',
      'trusted.overlay.redirect': '/etc',
      'lustre.x': '5',
      'user.': '6',
    });
    expect([...(kept ?? new Map()).keys()]).toEqual([
      'user.a',
      'security.capability',
      'trusted.b',
      'system.posix_acl_access',
    ]);
  });

  test('layer tree: more than the kernel takes is refused', () => {
    expect(() => withXattrs({ [`user.${'n'.repeat(251)}`]: '' })).toThrow('extended attributes');
    expect(() => withXattrs({ 'user.a': 'x'.repeat(40_000), 'user.b': 'x'.repeat(40_000) })).toThrow(
      'extended attributes',
    );
  });
});

test('layer tree: any sequence of members gives a tree or a SampanError, and links are counted right', () => {
  const part = fc.constantFrom('a', 'b', 'c', '..', '.', '.wh.a', '.wh..wh..opq', '.wh..wh.x', '');
  const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
  const member = fc.oneof(
    path,
    path.map((name) => `${name}/`),
    fc.tuple(path, path).map((names) => names.join(' -> ')),
    fc.tuple(path, path).map((names) => names.join(' = ')),
  );
  fc.assert(
    fc.property(fc.array(member, { maxLength: 20 }), (members) => {
      const tree = new LayerTree();
      for (const text of members) {
        try {
          tree.add(entryOf(text));
        } catch (error) {
          expect(error).toBeInstanceOf(SampanError);
        }
      }
      const { nodes, parents } = sealTree(tree);
      const names = new Map<LayerNode, number>();
      for (const node of nodes)
        for (const child of node.children?.values() ?? []) names.set(child, (names.get(child) ?? 0) + 1);
      for (const [index, node] of nodes.entries()) {
        expect(node.index).toBe(index);
        const below = [...(node.children?.values() ?? [])].filter(
          (child) => child.children !== undefined,
        ).length;
        const own = node === tree.root ? 1 : (names.get(node) ?? 0);
        expect(node.links).toBe(node.children === undefined ? own : own + 1 + below);
        expect(parents[index]?.children).toBeDefined();
      }
    }),
    { numRuns: 500 },
  );
});
