import { afterAll, beforeAll, expect, test } from 'bun:test';
import fc from 'fast-check';
import { openTarTree } from '../files/tar-tree.ts';
import { type Member, pieces, tarOf } from '../files/testing/tars.ts';
import type { Result } from '../solver/result.ts';
import { StepBench } from './testing/step-bench.ts';

let bench: StepBench;
beforeAll(async () => {
  bench = await StepBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

/** A path's text (undefined for a directory) and mode. */
interface Thing {
  readonly text: string | undefined;
  readonly mode: number;
}

/** By path, "a/b"; parents first. */
type Things = Map<string, Thing>;

const name = fc.constantFrom('a', 'b', 'c');
const thing = fc.record({
  path: fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/')),
  text: fc.option(fc.constantFrom('', 'x', 'some text'), { nil: undefined }),
  mode: fc.constantFrom(0o700, 0o755, 0o644, 0o4711),
});

/** A filesystem: what has something below it is a directory. */
const things = fc.array(thing, { maxLength: 8 }).map((list) => {
  const made: Things = new Map();
  for (const { path, text, mode } of list) {
    const above = path
      .split('/')
      .slice(0, -1)
      .map((_, index, names) => names.slice(0, index + 1).join('/'));
    if (above.some((parent) => made.get(parent)?.text !== undefined) || made.has(path)) continue;
    for (const parent of above) if (!made.has(parent)) made.set(parent, { text: undefined, mode: 0o755 });
    made.set(path, { text, mode });
  }
  return made;
});

/** What BuildKit does, said as simply as possible. Undefined where it fails. */
function model(base: Things, source: Things, from: string, to: string): Things | undefined {
  const made: Things = new Map(base);
  const isDirectory = (path: string): boolean => path === '' || made.get(path)?.text === undefined;
  const put = (path: string, what: Thing): boolean => {
    if (made.has(path) && (what.text === undefined) !== isDirectory(path)) return false;
    made.set(path, what);
    return true;
  };
  const makeParents = (path: string): boolean => {
    if (path === '') return true;
    if (!makeParents(path.split('/').slice(0, -1).join('/'))) return false;
    if (!made.has(path)) made.set(path, { text: undefined, mode: 0o755 });
    return isDirectory(path);
  };
  const destination = to.replace(/^\/|\/$/g, '');
  const copied = source.get(from);
  if (copied?.text !== undefined) {
    const intoIt = to.endsWith('/') || (made.has(destination) && isDirectory(destination));
    const target = intoIt ? `${destination}/${from.split('/').at(-1)}`.replace(/^\//, '') : destination;
    if (!makeParents(target.split('/').slice(0, -1).join('/'))) return undefined;
    return put(target, copied) ? made : undefined;
  }
  if (!makeParents(destination)) return undefined;
  const prefix = from === '' ? '' : `${from}/`;
  for (const [path, what] of [...source].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!path.startsWith(prefix)) continue;
    const target = `${destination}/${path.slice(prefix.length)}`.replace(/^\//, '');
    if (!put(target, what)) return undefined;
  }
  return made;
}

function members(all: Things): Member[] {
  return [...all].map(([path, { text, mode }]) =>
    text === undefined ? { name: `${path}/`, mode } : { name: path, mode, text },
  );
}

function inventory(all: Things): Record<string, string> {
  return Object.fromEntries(
    [...all].map(([path, { text, mode }]) => {
      const type = text === undefined ? 'directory' : 'file';
      return [path, `${type} ${mode.toString(8)} 0:0 ${text ?? ''}`];
    }),
  );
}

test('copies are what the model of BuildKit says, or fail where it fails', async () => {
  const destination = fc.tuple(fc.array(name, { maxLength: 3 }), fc.boolean());
  const asked = fc.tuple(things, things, fc.nat(), destination);
  await fc.assert(
    fc.asyncProperty(asked, async ([base, source, choice, [names, slash]]) => {
      const paths = ['', ...source.keys()];
      const from = paths[choice % paths.length] ?? '';
      const to = names.length === 0 ? '/' : `/${names.join('/')}${slash ? '/' : ''}`;
      const expected = model(base, source, from, to);
      const made = await copy(base, source, from, to);
      expect(made).toEqual(expected === undefined ? undefined : inventory(expected));
    }),
    { numRuns: 80 },
  );
}, 60_000);

async function copy(
  base: Things,
  source: Things,
  from: string,
  to: string,
): Promise<Record<string, string> | undefined> {
  const { context, lease, directory } = bench;
  const { diffId } = await bench.parts.images.receiveLayer(context, lease, pieces(tarOf(...members(base))));
  const below: Result = { kind: 'layers', layers: [diffId] };
  const { tree } = await openTarTree(context, pieces(tarOf(...members(source))), {
    directory,
    zeroOwners: true,
  });
  const one = {
    type: 'input',
    input: 1,
    path: `/${from}`,
    hasWildcards: false,
    excludes: [],
    unpack: false,
    pivot: '',
    required: true,
  } as const;
  const operation = {
    kind: 'copy',
    sources: [one],
    destination: to,
    owner: '',
    mode: '',
    link: false,
    keepsParents: false,
  } as const;
  try {
    return await bench.inventory(await bench.on(operation, [below, { kind: 'files', tree }]));
  } catch (error) {
    expect(String(error)).toMatch(/cannot copy to non-directory|cannot replace to directory|not a directory/);
    return undefined;
  } finally {
    tree[Symbol.dispose]();
  }
}
