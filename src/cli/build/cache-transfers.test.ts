import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../client/index.ts';
import { digestOf, hexOf } from '../../oci/digest.ts';
import type { BuildBlob } from '../../wire/build-messages.ts';
import { CacheTransfers } from './cache-transfers.ts';

let home: string;
let server: ReturnType<typeof Bun.serve>;
/** What the daemon gives, and what it was given. */
let offered: string;
const seen: string[] = [];
const errors: string[] = [];
const io = { err: (text: string) => void errors.push(text) };

const digest = digestOf('blob');
const manifest = { Digest: digest, Size: 4, MediaType: 'application/vnd.oci.image.manifest.v1+json' };

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sampan-caches-'));
  offered = 'blob';
  seen.length = 0;
  errors.length = 0;
  server = Bun.serve({
    unix: join(home, 's.sock'),
    async fetch(request) {
      const { pathname, searchParams } = new URL(request.url);
      const path = pathname.replace(/^\/v[\d.]+/, '');
      if (path === '/_ping') return new Response('OK', { headers: { 'Api-Version': '1.51' } });
      seen.push(`${request.method} ${path} ${searchParams.get('digest') ?? ''} ${await request.text()}`);
      if (path === '/build/directories') return Response.json({ ID: 'known' }, { status: 201 });
      return request.method === 'GET' ? new Response(offered) : new Response(null, { status: 204 });
    },
  });
});
afterEach(async () => {
  await server.stop(true);
  rmSync(home, { recursive: true, force: true });
});

function begin(
  direction: 'imports' | 'exports',
  attributes: Record<string, string>,
): Promise<CacheTransfers> {
  const flags = { imports: [], exports: [], [direction]: [{ type: 'local', attributes }] };
  return CacheTransfers.begin(connect({ host: `unix://${join(home, 's.sock')}` }), flags, io);
}

function blob(Kind: string, change: Partial<BuildBlob> = {}): BuildBlob {
  return { Kind, Directory: 'known', Offset: 0, ...manifest, ...change };
}

describe('a folder that a cache is written to', () => {
  test('gets the blobs, and an index with its tag beside those that it had', async () => {
    const transfers = await begin('exports', { dest: join(home, 'c'), tag: 'one', mode: 'max' });
    expect(transfers.exports).toEqual([{ Type: 'local', Attrs: { mode: 'max' }, Directory: 'known' }]);
    expect(existsSync(join(home, 'c'))).toBe(false);
    transfers.move(blob('offered'));
    await transfers.settled();
    transfers.move(blob('finished'));
    await transfers.settled();
    const second = await begin('exports', { dest: join(home, 'c') });
    second.move(blob('finished', { Size: 5 }));
    await second.settled();
    const { manifests } = JSON.parse(readFileSync(join(home, 'c/index.json'), 'utf8'));
    expect(manifests.map((entry: { annotations: object }) => Object.values(entry.annotations))).toEqual([
      ['one'],
      ['latest'],
    ]);
    expect(readFileSync(join(home, 'c/blobs/sha256', hexOf(digest)), 'utf8')).toBe('blob');
    expect(seen.filter((line) => line.startsWith('POST /build/directories'))).toEqual([
      'POST /build/directories  {"Blobs":[]}',
      `POST /build/directories  {"Blobs":[{"Digest":"${digest}","Size":4}]}`,
    ]);
  });

  test('gets nothing else than what its digest says', async () => {
    offered = 'other';
    const transfers = await begin('exports', { dest: join(home, 'c') });
    transfers.move(blob('offered'));
    await expect(transfers.settled()).rejects.toThrow('unexpected digest');
    expect(readdirSync(join(home, 'c/blobs/sha256'))).toEqual([]);
    expect(transfers.signal.aborted).toBe(true);
  });
});

describe('a folder that cannot be written to', () => {
  beforeEach(() => writeFileSync(join(home, 'file'), ''));

  test('ends the build, unless that shall not matter', async () => {
    const strict = await begin('exports', { dest: join(home, 'file/c') });
    strict.move(blob('offered'));
    await expect(strict.settled()).rejects.toThrow(/^write .*: not a directory$/);
    const lax = await begin('exports', { dest: join(home, 'file/c'), 'ignore-error': 'true' });
    for (const kind of ['offered', 'offered', 'finished']) {
      lax.move(blob(kind));
      await lax.settled();
    }
    expect(errors).toHaveLength(1);
    expect([lax.signal.aborted, errors.join('')]).toEqual([
      false,
      expect.stringContaining('not a directory'),
    ]);
  });
});

describe('a folder that a cache is read from', () => {
  beforeEach(() => {
    mkdirSync(join(home, 'c/blobs/sha256'), { recursive: true });
    writeFileSync(join(home, 'c/blobs/sha256', hexOf(digest)), 'blob');
    const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
    writeFileSync(join(home, 'c/index.json'), JSON.stringify({ manifests: [{ digest, annotations }] }));
  });

  test('is known by its tag, and gives what is wanted from where it is wanted', async () => {
    const transfers = await begin('imports', { src: join(home, 'c') });
    expect(transfers.imports).toEqual([{ Type: 'local', Attrs: { digest }, Directory: 'known' }]);
    transfers.move(blob('wanted', { Offset: 2 }));
    await transfers.settled();
    expect(seen.at(-1)).toBe(`POST /build/directories/known/blobs ${digest} ob`);
  });

  test('is never written to, and gives nothing but its blobs', async () => {
    for (const asked of [
      blob('offered'),
      blob('finished'),
      blob('wanted', { Digest: 'sha256:../../index.json' }),
      blob('wanted', { Directory: 'other' }),
    ]) {
      const transfers = await begin('imports', { src: join(home, 'c') });
      transfers.move(asked);
      await expect(transfers.settled()).rejects.toThrow();
    }
  });

  test('gives nothing of what cannot be read, so that nobody waits for it', async () => {
    const transfers = await begin('imports', { src: join(home, 'c') });
    const other = digestOf('other');
    transfers.move(blob('wanted', { Digest: other }));
    await transfers.settled();
    expect(seen.at(-1)).toBe(`POST /build/directories/known/blobs ${other} `);
    expect(errors.join('')).toMatch(/^WARNING: local cache import: open .*: no such file or directory\n$/);
  });

  test('is left out with a warning where it has no cache', async () => {
    const transfers = await begin('imports', { src: join(home, 'c'), tag: 'other' });
    await begin('imports', { src: join(home, 'nowhere') });
    expect(transfers.imports).toEqual([]);
    expect(errors.join('')).toContain('has no cache with the tag other');
    expect(errors).toHaveLength(2);
  });
});
