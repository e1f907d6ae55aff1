import { expect, test } from 'bun:test';
import { type Digest, digestOf } from '../../oci/digest.ts';
import { type CopySource, makeVertex, type Vertex } from '../definition/vertex.ts';
import type { FileTree } from '../file-tree.ts';
import { copiedContent } from './copied-content.ts';
import type { Roots } from './stage-trail.ts';

const note = { name: '', ignoresCache: false };
const key = digestOf('key');
const paths: Readonly<Record<string, string>> = {
  '/a': 'file',
  '/b': 'file',
  '/d': 'directory',
  '/l': 'symlink',
};

const tree = {
  digest: key,
  stat: async (_context: unknown, path: string) => {
    const type = paths[path];
    return type === undefined
      ? undefined
      : { header: { name: '.', type, linkName: 'd' }, content: undefined };
  },
  names: async () => ['a', 'b', 'd', 'l'],
} as unknown as FileTree;

const context = makeVertex({ kind: 'local', name: 'context', content: key }, [], note);
const stage = makeVertex({ kind: 'scratch' }, [], note);
const roots: Roots = {
  solution: async (vertex) => {
    const result =
      vertex === context ? ({ kind: 'files', tree } as const) : ({ kind: 'layers', layers: [] } as const);
    return { result, key: undefined, quickKey: undefined, made: [], created: undefined, cached: false };
  },
  layersOf: async () => [],
};

function copy(...written: string[]): Vertex {
  const sources = written.map((path): CopySource => {
    if (path === '<<') return { type: 'inline', name: 'x', content: '' };
    const rest = { hasWildcards: /[*?]/.test(path), excludes: [], unpack: false, pivot: '', required: true };
    return { ...rest, type: 'input', input: path.startsWith('from') ? 2 : 1, path: path.replace('from', '') };
  });
  const operation = {
    kind: 'copy',
    sources,
    destination: '/',
    owner: '',
    mode: '',
    link: false,
    keepsParents: false,
  } as const;
  return makeVertex(operation, [stage, context, stage], note);
}

test.each<[kind: string, ...sources: string[]]>([
  ['file', '/a'],
  ['dir', '/d'],
  ['dir', '/l'],
  ['dir', '/'],
  ['multi', '/a', '/b'],
  ['multi', '/*'],
  ['file', '/a*'],
  ['dir', '/d?', '/d'],
  ['file', '/z*', '/a'],
  ['file', '/z*'],
  ['file', '<<'],
  ['multi', '<<', '/a'],
  ['file', 'from/d'],
])('a copy is named %s where it brings %j', async (kind, ...sources) => {
  expect(await copiedContent(copy(...sources), key, roots)).toBe(`${kind}:${key.slice('sha256:'.length)}`);
});

test('what is no copy has no such name', async () => {
  const other: [Vertex, Digest | undefined][] = [
    [stage, key],
    [copy('/a'), undefined],
  ];
  for (const [vertex, its] of other) expect(await copiedContent(vertex, its, roots)).toBe('');
});
