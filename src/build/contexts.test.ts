import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { background } from '../base/context.ts';
import { packTar } from '../oci/tar/pack.ts';
import type { TreePart } from '../runtime/trees/contract.ts';
import { ComparedContexts } from './compared-contexts.ts';
import { formatListing, listingId } from './context-listing.ts';
import { type ContextParts, openContext, openTree } from './contexts.ts';
import { IncrementalContexts } from './files/incremental/incremental-contexts.ts';
import { readFile } from './files/read-file.ts';
import { SingleFileTree } from './files/single-file-tree.ts';
import type { StepMakers } from './solver/step.ts';

const context = background();
const key = 'a'.repeat(64);
let directory: string;
let parts: ContextParts;
/** What the web and Git give, by URL. */
const web = new Map<string, Uint8Array>();
const asked: unknown[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sampan-contexts-'));
  const compared = new ComparedContexts(await IncrementalContexts.open(join(directory, 'kept')));
  const steps = {
    http: {
      make: async ({ operation }: { operation: { url: string } }) => tree('download', web.get(operation.url)),
    },
    git: {
      make: async ({ operation }: { operation: object }) => {
        asked.push(operation);
        return tree('Dockerfile', Buffer.from('FROM git'));
      },
    },
  } as unknown as StepMakers;
  const lease = { hold: () => {}, [Symbol.dispose]: () => {} };
  parts = { steps, directory, compared, maker: { leaseLayers: () => lease } };
});
afterAll(() => rmSync(directory, { recursive: true }));

function tree(name: string, bytes: Uint8Array | undefined) {
  return {
    kind: 'files',
    tree: new SingleFileTree({ type: 'file', name, mode: 0o644 }, bytes ?? Buffer.from('')),
  };
}

async function tarOf(files: Readonly<Record<string, string>>): Promise<Uint8Array> {
  async function* members(): AsyncGenerator<TreePart> {
    for (const [name, text] of Object.entries(files)) {
      yield { type: 'file', name, mode: 0o644, size: text.length, seconds: 1 };
      yield Buffer.from(text);
    }
  }
  return Buffer.concat(await Array.fromAsync(packTar(members())));
}

async function* stream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function fromTar(
  files: Readonly<Record<string, string>>,
  dockerfile = '',
  style: 'classic' | 'buildkit' = 'classic',
) {
  return openContext(context, parts, { kind: 'tar', tar: stream(await tarOf(files)) }, dockerfile, style);
}

const fromUrl = (url: string, dockerfile = '') =>
  openContext(context, parts, { kind: 'remote', url }, dockerfile, 'classic');

describe('a build context', () => {
  test('has its Dockerfile where it is looked for, in small letters too if no name is given', async () => {
    using plain = await fromTar({ Dockerfile: 'FROM a', x: '1' });
    expect([plain.filename, plain.dockerfile]).toEqual(['Dockerfile', 'FROM a']);
    using small = await fromTar({ dockerfile: 'FROM b' });
    expect([small.filename, small.dockerfile]).toEqual(['dockerfile', 'FROM b']);
    using named = await fromTar({ 'a/b': 'FROM c', Dockerfile: 'FROM d' }, './a/../a/b');
    expect([named.filename, named.dockerfile]).toEqual(['a/b', 'FROM c']);
    await expect(fromTar({ x: 'FROM a' })).rejects.toThrow('Cannot locate specified Dockerfile: Dockerfile');
    await expect(fromTar({ Dockerfile: 'x' }, '../../etc/passwd')).rejects.toThrow('Cannot locate');
    await expect(fromTar({ Dockerfile: ' \n' })).rejects.toThrow(
      'the Dockerfile (Dockerfile) cannot be empty',
    );
    const missing = fromTar({ x: '' }, 'a', 'buildkit');
    await expect(missing).rejects.toThrow('failed to read dockerfile: open a: no such file or directory');
    await expect(fromTar({ Dockerfile: '' }, '', 'buildkit')).rejects.toThrow(
      'the Dockerfile cannot be empty',
    );
  });

  test('hides what clients have to send though it is ignored, and nothing else', async () => {
    const files = { Dockerfile: 'FROM a', x: '1', '.dockerignore': 'Dockerfile\n.dockerignore\nx' };
    using opened = await fromTar(files);
    expect(await opened.tree.names(context, '/')).toEqual(['x']);
    using other = await fromTar({ ...files, '.dockerignore': 'x' });
    expect(await other.tree.names(context, '/')).toEqual(['.dockerignore', 'Dockerfile', 'x']);
  });

  test('comes from Git in all the ways that its URLs are written', async () => {
    for (const url of ['https://x.example/a.git#b:c', 'git@x.example:a', 'github.com/a/b#c']) {
      using opened = await fromUrl(url);
      expect(opened.dockerfile).toBe('FROM git');
    }
    expect(asked).toMatchObject([
      { url: 'https://x.example/a.git', ref: 'b', subdirectory: 'c' },
      { url: 'git@x.example:a' },
      { url: 'https://github.com/a/b.git', ref: 'c' },
    ]);
    await expect(fromUrl('nonsense')).rejects.toThrow('remoteURL (nonsense) could not be recognized as URL');
  });

  test('from the web is an archive, or a Dockerfile with nothing around it', async () => {
    const tar = await tarOf({ D: 'FROM web', y: '2' });
    web.set('http://x.example/plain', tar).set('http://x.example/packed', gzipSync(tar));
    web.set('http://x.example/file', Buffer.from('FROM file'));
    for (const name of ['plain', 'packed']) {
      using opened = await fromUrl(`http://x.example/${name}`, 'D');
      expect([opened.dockerfile, await opened.tree.names(context, '/')]).toEqual(['FROM web', ['D', 'y']]);
    }
    using file = await fromUrl('http://x.example/file');
    expect([file.dockerfile, await file.tree.names(context, '/')]).toEqual(['FROM file', []]);
    using one = await openTree(context, parts, { kind: 'remote', url: 'http://x.example/file' });
    expect(await one.tree.names(context, '/')).toEqual(['download']);
  });

  test('that was compared is brought up to date by what was wanted of it', async () => {
    const file = (name: string, size: number, seconds: number) => ({
      ...{ name, mode: 0o100644, size, seconds, stamp: '', target: '' },
    });
    const build = async (
      text: string,
      seconds: number,
      sent: Readonly<Record<string, string>>,
    ): Promise<number[]> => {
      const entries = [file('Dockerfile', 6, 1), file('x', text.length, seconds)];
      const listing = Buffer.from(formatListing({ path: '', mode: null, seconds: 0, entries }));
      const { id, unknown } = await parts.compared.compare(key, [listingId(listing)], false);
      const wanted = unknown.length === 0 ? [] : parts.compared.list(id, [listing]);
      const source = { kind: 'compared', id, tar: stream(await tarOf(sent)) } as const;
      using opened = await openContext(context, parts, source, '', 'classic');
      expect(opened.dockerfile).toBe('FROM a');
      expect(String(await readFile(context, opened.tree, '/x', 100))).toBe(text);
      const again = openContext(context, parts, source, '', 'classic');
      await expect(again).rejects.toThrow('no build context was compared with the ID');
      return [...wanted];
    };
    expect(await build('one', 1, { Dockerfile: 'FROM a', x: 'one' })).toEqual([0, 1]);
    expect(await build('one', 1, {})).toEqual([]);
    expect(await build('three', 2, { x: 'three' })).toEqual([1]);
  });

  test('leaves no file behind', () => {
    expect(readdirSync(directory)).toEqual(['kept']);
  });
});
