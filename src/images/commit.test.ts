import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { digestOf } from '../oci/digest.ts';
import type { CommitRequest } from './contract.ts';
import type { StoredImages } from './images.ts';
import { configOf, savedArchive, stream, tar } from './testing/archives.ts';
import { ImageBench } from './testing/image-bench.ts';

const lower = tar({ 'etc/motd': 'hello\n' });
const upper = tar({ 'etc/issue': 'upper\n' });
const created = new Date('2026-01-02T03:04:05.678Z');
const history = [{ created: '2025-01-01T00:00:00Z', created_by: 'base' }];

let bench: ImageBench;
let images: StoredImages;

beforeEach(async () => {
  bench = new ImageBench();
  images = await bench.open();
  const archive = savedArchive([lower], ['base:v1'], configOf([lower], { history }));
  await images.load(bench.context, stream(archive), { platform: undefined });
});
afterEach(() => bench[Symbol.dispose]());

function request(more: Partial<CommitRequest>): CommitRequest {
  return {
    parent: images.get('base:v1').id,
    layer: stream(upper),
    config: { Cmd: ['top'] },
    platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
    author: 'me',
    comment: 'why',
    createdBy: 'sh',
    created,
    reference: 'child',
    ...more,
  };
}

describe('commit', () => {
  test('puts a layer over the layers of its parent, and tells how it came to be', async () => {
    const image = await images.commit(bench.context, request({}));
    expect(image).toMatchObject({
      tags: ['child:latest'],
      parent: images.get('base:v1').id,
      size: lower.length + upper.length,
      created,
      platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
    });
    const step = { created: created.toISOString(), created_by: 'sh', author: 'me', comment: 'why' };
    expect(image.config).toEqual({
      architecture: 'arm',
      author: 'me',
      config: { Cmd: ['top'] },
      created: created.toISOString(),
      history: [...history, step],
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [digestOf(lower), digestOf(upper)] },
      variant: 'v7',
    });
    expect(Object.keys(image.config)).toEqual(Object.keys(image.config).toSorted());
    expect(bench.events.at(-1)).toBe('tag child:latest');
    expect(images.history('child').map(({ id, tags }) => ({ id, tags }))).toEqual([
      { id: image.id, tags: ['child:latest'] },
      { id: images.get('base:v1').id, tags: ['base:v1'] },
    ]);
  });

  test.each([
    ['without a layer', undefined],
    ['of a tar without members', tar({})],
    ['of no bytes', Buffer.alloc(0)],
  ])('%s has the layers of its parent', async (_, bytes) => {
    const image = await images.commit(bench.context, request({ layer: bytes && stream(bytes) }));
    expect(image.config.rootfs.diff_ids).toEqual([digestOf(lower)]);
    expect(image.config.history?.at(-1)).toMatchObject({ empty_layer: true });
    expect(await Array.fromAsync(bench.snapshots.layers())).toEqual([digestOf(lower)]);
  });

  test('over nothing makes an image of one layer', async () => {
    const image = await images.commit(bench.context, request({ parent: undefined, reference: '' }));
    expect(image).toMatchObject({ tags: [], parent: undefined, size: upper.length });
    expect(image.config.history).toHaveLength(1);
  });

  test('keeps its parent from being removed', async () => {
    await images.commit(bench.context, request({}));
    const { id } = images.get('base:v1');
    await expect(images.remove(bench.context, id, { force: true, prune: true })).rejects.toThrow(
      'image has dependent child images',
    );
  });

  test('whose layer breaks off leaves nothing', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield upper.subarray(0, 600);
      throw new Error('the container is gone');
    }
    const before = images.list().length;
    await expect(images.commit(bench.context, request({ layer: broken() }))).rejects.toThrow('is gone');
    expect(images.list()).toHaveLength(before);
    expect(await Array.fromAsync(bench.snapshots.layers())).toEqual([digestOf(lower)]);
  });

  test('refuses a digest for a name, and an unknown parent', async () => {
    const digest = digestOf('x');
    await expect(images.commit(bench.context, request({ reference: `a@${digest}` }))).rejects.toThrow(
      'digest',
    );
    await expect(images.commit(bench.context, request({ parent: digest }))).rejects.toThrow('No such image');
  });
});
