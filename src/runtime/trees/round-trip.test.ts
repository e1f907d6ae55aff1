import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { packTar } from '../../oci/tar/pack.ts';
import { unpackTar } from '../../oci/tar/unpack.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { TreePart } from './contract.ts';
import { collect, context, everything, type Member, TreesFixture } from './testing/fixture.ts';

const binary = process.env['SAMPAN_LAUNCHER'] ?? join(import.meta.dir, '../../../build/sampan-launcher');

let fixture: TreesFixture;
beforeAll(async () => {
  fixture = await TreesFixture.open(binary);
});
afterAll(() => fixture[Symbol.asyncDispose]());

/** A name of one component: any bytes but NUL and slash. */
const component = fc
  .uint8Array({ minLength: 1, maxLength: 255 })
  .map((bytes) =>
    Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte))).toString('latin1'),
  )
  .filter((name) => name !== '.' && name !== '..');

const identity = fc.record({
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 0xfffffffe }),
  gid: fc.integer({ min: 0, max: 0xfffffffe }),
  seconds: fc.integer({ min: 1 - 2 ** 31, max: 2 ** 33 }),
  nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
});

const xattrs = fc.option(
  fc
    .array(fc.tuple(fc.stringMatching(/^[a-z.=%]{1,20}$/), fc.uint8Array({ maxLength: 300 })), {
      minLength: 1,
      maxLength: 4,
    })
    .map((pairs) => new Map(pairs.map(([name, value]) => [`user.${name}`, value]))),
  { nil: undefined },
);

interface Node {
  readonly name: string;
  readonly header: Omit<TarHeader, 'name'>;
  readonly data: Uint8Array;
  readonly children: readonly Node[];
}

const none = new Uint8Array(0);
const size = fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.constantFrom(4096, 8192, 70_000, 300_000));
/** Runs of zeros and of other bytes. */
const content = fc
  .tuple(size, fc.integer({ min: 0, max: 255 }), fc.boolean())
  .map(([length, byte, holes]) => {
    const data = Buffer.alloc(length, byte);
    if (holes) data.fill(0, length >> 2, length >> 1);
    return data;
  });

const { node } = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    fc
      .record({ name: component, identity, xattrs, data: content })
      .map(({ name, identity: who, xattrs: extended, data }) => ({
        name,
        header: { ...who, type: 'file' as const, size: data.length, xattrs: extended },
        data,
        children: [],
      })),
    fc.record({ name: component, identity, link: component }).map(({ name, identity: who, link }) => ({
      name,
      header: { ...who, mode: 0o777, type: 'symlink' as const, linkName: `/${link}` },
      data: none,
      children: [],
    })),
    fc
      .record({
        name: component,
        identity,
        major: fc.integer({ min: 1, max: 4095 }),
        minor: fc.integer({ min: 0, max: 1048575 }),
      })
      .map(({ name, identity: who, major, minor }) => ({
        name,
        header: { ...who, type: 'character' as const, major, minor },
        data: none,
        children: [],
      })),
    fc.record({ name: component, identity }).map(({ name, identity: who }) => ({
      name,
      header: { ...who, type: 'fifo' as const },
      data: none,
      children: [],
    })),
    fc
      .record({
        name: component,
        identity,
        xattrs,
        children: fc.uniqueArray(tie('node'), { maxLength: 5, selector: ({ name }) => name }),
      })
      .map(({ name, identity: who, xattrs: extended, children }) => ({
        name,
        header: { ...who, type: 'directory' as const, xattrs: extended },
        data: none,
        children,
      })),
  ),
}));

const forest = fc.uniqueArray(node, { minLength: 1, maxLength: 6, selector: ({ name }) => name });

/** As a walk gives them: names sorted by their bytes. */
function* partsOf(nodes: readonly Node[], prefix = ''): Generator<TreePart, void, void> {
  const sorted = [...nodes].sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const { name, header, data, children } of sorted) {
    yield { ...header, name: prefix + name };
    if (data.length > 0) yield data;
    yield* partsOf(children, `${prefix}${name}/`);
  }
}

async function* streamOf(parts: Iterable<TreePart>): AsyncGenerator<TreePart, void, void> {
  yield* parts;
}

function plain({ header, data }: Member): object {
  const { linkName = '', size: bytes = 0, major = 0, minor = 0, ...rest } = header;
  const extended = [...(header.xattrs ?? [])]
    .map(([name, value]) => [name, Buffer.from(value).toString('hex')])
    .sort();
  return {
    type: rest.type,
    name: rest.name,
    mode: rest.mode,
    uid: rest.uid,
    gid: rest.gid,
    seconds: rest.seconds,
    nanoseconds: rest.nanoseconds,
    linkName,
    bytes,
    major,
    minor,
    extended,
    data: Bun.hash(data),
  };
}

test('a tree that was written is read as it was, directly and through an archive', async () => {
  let made = 0;
  await using tree = await fixture.tree();
  await fc.assert(
    fc.asyncProperty(forest, async (nodes) => {
      const path = `/${++made}`;
      for (const name of [path, `${path}-again`]) mkdirSync(fixture.inside(name));
      const expected = (await collect(streamOf(partsOf(nodes)))).map(plain);
      await tree.write(context, path, streamOf(partsOf(nodes)), { keepKinds: true });
      expect((await collect(tree.read(context, path, everything))).slice(1).map(plain)).toEqual(expected);
      await using other = await fixture.tree();
      const archive = packTar(other.read(context, path, everything));
      await tree.write(context, `${path}-again`, unpackTar(archive), { keepKinds: true });
      expect((await collect(tree.read(context, `${path}-again`, everything))).slice(1).map(plain)).toEqual(
        expected,
      );
    }),
    { numRuns: 60 },
  );
}, 60_000);
