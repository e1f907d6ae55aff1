import type { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { background } from '../base/context.ts';
import { openDatabase } from '../base/database.ts';
import { codeOf } from '../base/errors.ts';
import { MemoryContentStore } from '../content/memory-store.ts';
import { createRegistryClient } from '../distribution/registry-client.ts';
import { defaultPatience } from '../distribution/retries.ts';
import { RegistryDouble } from '../distribution/testing/registry-double.ts';
import { digestOf } from '../oci/digest.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../oci/tar/writer.ts';
import type { LayerProgress } from './contract.ts';
import { openImages, type StoredImages } from './images.ts';
import { LayerForms } from './layer-forms.ts';
import { imagesSchema } from './schema.ts';
import { MemorySnapshots } from './testing/memory-snapshots.ts';

const context = background();
const patience = { ...defaultPatience, attempts: 2, firstDelay: 1 };
let database: Database;
let content: MemoryContentStore;
let snapshots: MemorySnapshots;
let images: StoredImages;
let registry: RegistryDouble;
let events: string[];

beforeEach(async () => {
  registry = new RegistryDouble();
  database = openDatabase(':memory:', [imagesSchema]);
  content = new MemoryContentStore();
  snapshots = new MemorySnapshots(content);
  events = [];
  images = await reopen();
});
afterEach(async () => {
  database.close();
  await registry[Symbol.asyncDispose]();
});

function reopen(): Promise<StoredImages> {
  const settings = { registryMirrors: [registry.url], insecureRegistries: [] };
  return openImages({
    database,
    content,
    snapshots,
    events: { publish: ({ action, id, attributes }) => events.push(`${action} ${id} ${attributes['name']}`) },
    users: { containersOf: () => [] },
    registries: createRegistryClient(() => settings, patience),
    maxConcurrentDownloads: () => 3,
    maxConcurrentUploads: () => 3,
  });
}

const pull = (name: string, onLayer?: (progress: LayerProgress) => void, signal = context.signal) =>
  images.pull({ ...context, signal }, name, {
    platform: { os: 'linux', architecture: 'amd64' },
    credentials: undefined,
    ...(onLayer === undefined ? {} : { onLayer }),
  });

function tar(text: string): Buffer {
  const body = Buffer.from(text);
  const header = formatTarHeader({ type: 'file', name: 'file', mode: 0o644, size: body.length });
  return Buffer.concat([header, body, tarPadding(body.length), tarEnd]);
}

/** Digests of all blobs in the store. */
async function blobs(): Promise<string[]> {
  const list: string[] = [];
  for await (const { digest } of content.list()) list.push(digest);
  return list.sort();
}

/** The code of what a promise fails with. */
const codeOfFailure = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'it did not fail',
    (error) => codeOf(error),
  );

/** How often layers were asked for. */
const downloads = (): number => registry.targets.filter((target) => target.includes('/blobs/')).length;

describe('pull', () => {
  test('keeps layers as they came and as plain tars, and names the image by tag and digest', async () => {
    const tars = ['a', 'b', 'c'].map(tar);
    const layers = tars.map((bytes, index) =>
      registry.addBlob([gzipSync, zstdCompressSync, (plain: Buffer) => plain][index]?.(bytes) ?? ''),
    );
    const manifest = registry.addImage('library/app', 'v1', layers, tars.map(digestOf));
    const { image, digest, reference, isNew } = await pull('app:v1');
    expect([digest, reference, isNew]).toEqual([manifest.digest, 'app:v1', true]);
    expect([image.tags, image.digests]).toEqual([['app:v1'], [`app@${manifest.digest}`]]);
    expect([image.manifest, image.size]).toEqual([manifest.digest, 6_144]);
    const forms = layers.map(({ digest }) => digest);
    expect(await blobs()).toEqual(
      [...new Set([...tars.map(digestOf), ...forms, manifest.digest, image.id])].sort(),
    );
    const known = new LayerForms(database);
    for (const [position, { digest, mediaType, size }] of layers.entries()) {
      const diffId = digestOf(tars[position] ?? '');
      expect(known.get(digest)).toEqual({ digest, diffId, mediaType, size });
      expect(known.placesOf(digest)).toEqual(['docker.io/library/app']);
    }
    expect(events).toEqual(['pull app:v1 app']);
    expect((await reopen()).get('app:v1')).toEqual(image);
  });

  test('keeps index and manifest until the image goes', async () => {
    const index = registry.addIndex('library/app', 'latest', [
      registry.addImage('library/app', undefined, []),
    ]);
    const { image, digest } = await pull('app');
    expect(digest).toBe(index.digest);
    await images.collect(context);
    expect(await blobs()).toHaveLength(3);
    await images.remove(context, image.id, { force: true, prune: true });
    expect(await blobs()).toEqual([]);
  });

  test('takes a tag from the image that had it, which keeps its digest', async () => {
    const first = registry.addImage('library/app', 'latest', [registry.addBlob(tar('1'))]);
    await pull('app');
    const second = registry.addImage('library/app', 'latest', [registry.addBlob(tar('2'))]);
    expect((await pull('app')).isNew).toBe(true);
    expect((await pull('app')).isNew).toBe(false);
    expect(images.get('app').digests).toEqual([`app@${second.digest}`]);
    expect(images.get(`app@${first.digest}`).tags).toEqual([]);
  });

  test('asks for the layers of the same image once, however many pulls want it', async () => {
    const layers = ['a', 'b'].map((text) => registry.addBlob(tar(text)));
    registry.addImage('library/one', 'latest', layers);
    registry.addImage('library/two', 'latest', layers);
    const steps: string[] = [];
    const listen = ({ step }: LayerProgress) => void steps.push(step);
    await Promise.all([pull('one', listen), pull('one', listen), pull('two', listen)]);
    expect(registry.targets.filter((target) => target.includes(layers[0]?.digest ?? 'x'))).toHaveLength(1);
    expect(registry.targets.filter((target) => target.includes(layers[1]?.digest ?? 'x'))).toHaveLength(1);
    expect(steps.filter((step) => step === 'unpacked').length).toBeGreaterThanOrEqual(2);
    const before = downloads();
    await pull('two');
    expect(downloads()).toBe(before + 1);
  });

  test('that is given up does not take a shared layer from another', async () => {
    const layer = registry.addBlob(tar('a'));
    registry.addImage('library/app', 'latest', [layer]);
    const { promise: release, resolve } = Promise.withResolvers<void>();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    registry.intercept = async (request, url) => {
      if (url.pathname.endsWith(layer.digest)) {
        ask();
        await release;
      }
      return registry.serve(request, url);
    };
    const stop = new AbortController();
    const first = pull('app', undefined, stop.signal);
    await asked;
    const { promise: joined, resolve: join } = Promise.withResolvers<void>();
    const second = pull('app', () => join());
    await joined;
    stop.abort(new Error('given up'));
    await expect(first).rejects.toThrow('given up');
    resolve();
    expect((await second).image.tags).toEqual(['app:latest']);
  });

  test('that everybody gives up leaves nothing', async () => {
    registry.addImage('library/app', 'latest', [registry.addBlob(tar('a'))]);
    const stop = new AbortController();
    const work = pull(
      'app',
      ({ step }) => step === 'receiving' && stop.abort(new Error('given up')),
      stop.signal,
    );
    await expect(work).rejects.toThrow('given up');
    expect([await blobs(), images.list()]).toEqual([[], []]);
  });

  test('succeeds where another that shared its layer failed', async () => {
    await using other = new RegistryDouble();
    const layer = registry.addBlob(tar('a'));
    registry.addImage('library/app', 'latest', [layer]);
    other.addBlob(tar('a'));
    other.addImage('app', 'latest', [layer]);
    const { promise: release, resolve } = Promise.withResolvers<void>();
    other.intercept = async (request, url) => {
      if (!url.pathname.endsWith(layer.digest)) return other.serve(request, url);
      await release;
      return new Response(null, { status: 404 });
    };
    const failing = codeOfFailure(pull(`${other.host}/app`));
    while (!other.targets.some((target) => target.endsWith(layer.digest))) await Bun.sleep(1);
    const succeeding = pull('app', () => resolve());
    expect(await failing).toBe('internal');
    expect((await succeeding).image.tags).toEqual(['app:latest']);
  });

  const plain = tar('a');
  test.each([
    ['another diff ID', plain, [digestOf('other')], 'data-loss'],
    ['fewer diff IDs than layers', plain, [], 'invalid-argument'],
    ['no tar', Buffer.alloc(2_000, 'x'), undefined, 'invalid-argument'],
    ['broken gzip', Buffer.concat([Buffer.from([0x1f, 0x8b, 8]), plain]), undefined, 'invalid-argument'],
    ['bytes behind its gzip', Buffer.concat([gzipSync(plain), plain]), [digestOf(plain)], 'invalid-argument'],
  ])('of a layer with %s fails and leaves nothing', async (_, bytes, diffIds, code) => {
    registry.addImage('library/app', 'latest', [registry.addBlob(bytes)], diffIds);
    const actual = await codeOfFailure(pull('app'));
    expect(actual).toBe(code);
    expect([await blobs(), images.list(), events]).toEqual([[], [], []]);
  });

  test('of one bad layer among many ends the others', async () => {
    const layers = Array.from({ length: 6 }, (_, index) => registry.addBlob(tar(`${index}`)));
    registry.addImage('library/app', 'latest', layers);
    registry.intercept = (_, url) =>
      url.pathname.endsWith(layers[1]?.digest ?? 'x') ? new Response('other') : undefined;
    expect(await codeOfFailure(pull(`${registry.host}/library/app`))).toBe('data-loss');
    expect([await blobs(), images.list()]).toEqual([[], []]);
  });
});
