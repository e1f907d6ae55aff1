import { beforeEach, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { background } from '../base/context.ts';
import { isCode } from '../base/errors.ts';
import { MemoryContentStore } from '../content/memory-store.ts';
import { digestOf } from '../oci/digest.ts';
import type { Descriptor } from '../oci/image.ts';
import { mediaTypes } from '../oci/media-types.ts';
import type { IndexRecord } from './index-store.ts';
import { parseIndex, readIndex } from './read-index.ts';

let content: MemoryContentStore;

beforeEach(() => {
  content = new MemoryContentStore();
});

async function put(document: unknown, mediaType: string = mediaTypes.ociManifest): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(document));
  await using writer = await content.writer(background());
  await writer.write(bytes);
  const { digest, size } = await writer.commit();
  return { mediaType, digest, size };
}

/** The manifest of an image; `note` makes it another one. */
async function manifest(note: string): Promise<Descriptor> {
  const config = { mediaType: mediaTypes.ociConfig, digest: digestOf(note), size: 2 };
  return put({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [] });
}

function encode(manifests: unknown, more: object = {}): Buffer {
  return Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests, ...more }),
  );
}

function read(manifests: unknown): Promise<IndexRecord> {
  const bytes = encode(manifests);
  return readIndex(content, digestOf(bytes), bytes);
}

const some = { mediaType: mediaTypes.ociManifest, digest: digestOf('x'), size: 1 };

describe('an index', () => {
  test('that names what is no manifest has nothing there', async () => {
    const strangers = [
      await put({ just: 'json' }),
      await put([1]),
      await put({ config: 1, layers: [], manifests: [] }),
    ];
    const { manifests } = await read([...strangers, some]);
    expect(manifests.map(({ image, blobs }) => [image, blobs])).toEqual(
      manifests.map(() => [undefined, undefined]),
    );
  });

  test('believes no descriptor that lies about the size', async () => {
    const one = await manifest('a');
    const { manifests } = await read([{ ...one, size: one.size + 1 }]);
    expect(manifests[0]?.image).toBeUndefined();
  });

  test('that names one manifest many times reads it once', async () => {
    const one = await manifest('a');
    const { readAll } = content;
    let reads = 0;
    content.readAll = (...args) => {
      reads++;
      return readAll.apply(content, args);
    };
    const { manifests } = await read(Array.from({ length: 1_024 }, () => one));
    expect([reads, manifests.length]).toEqual([1, 1_024]);
    expect(new Set(manifests.map(({ image }) => image))).toEqual(new Set([digestOf('a')]));
  });

  test('cannot have one manifest as an image and as something else', async () => {
    const one = await manifest('a');
    const annotations = { 'vnd.docker.reference.type': 'attestation-manifest' };
    const { manifests } = await read([one, { ...one, annotations }]);
    expect(manifests.map(({ kind }) => kind)).toEqual(['image', 'unknown']);
  });

  test('does not follow other indexes', async () => {
    const nested = await put({ schemaVersion: 2, manifests: [await manifest('a')] }, mediaTypes.ociIndex);
    expect((await read([nested])).manifests).toMatchObject([{ kind: 'unknown', image: undefined }]);
  });

  test('keeps of a descriptor what descriptors have, and null is nothing', () => {
    const platform = { os: 'linux', architecture: 'arm', variant: null, 'os.features': ['a'], more: 1 };
    const bytes = encode([{ ...some, platform, urls: null, data: 'x', annotations: { a: 'b' } }]);
    expect(parseIndex(bytes).descriptors).toEqual([
      {
        ...some,
        annotations: { a: 'b' },
        platform: { architecture: 'arm', os: 'linux', 'os.features': ['a'] },
      },
    ]);
  });

  test.each<[string, unknown]>([
    ['a platform that is none', [{ ...some, platform: { os: 'linux' } }]],
    [
      'features that are no list',
      [{ ...some, platform: { os: 'a', architecture: 'b', 'os.features': 'c' } }],
    ],
    ['URLs that are no list', [{ ...some, urls: 'https://example.org' }]],
    ['annotations that are no text', [{ ...some, annotations: { a: 1 } }]],
    ['a short digest', [{ ...some, digest: 'sha256:1' }]],
    ['a negative size', [{ ...some, size: -1 }]],
    ['too many manifests', Array.from({ length: 1_025 }, () => some)],
    ['too many bytes', [{ ...some, annotations: { a: 'x'.repeat(5 << 20) } }]],
    ['no list', {}],
  ])('with %s is refused', (_, manifests) => {
    expect(() => parseIndex(encode(manifests))).toThrow('invalid image index');
  });

  test('that could be taken for a manifest is refused', () => {
    expect(() => parseIndex(encode([], { layers: [] }))).toThrow('invalid image index');
    expect(() => parseIndex(encode([], { config: some }))).toThrow('invalid image index');
    expect(() => parseIndex(encode([], { mediaType: mediaTypes.ociManifest }))).toThrow(
      'invalid image index',
    );
  });

  test('is taken or refused whatever it says', () => {
    const keys = fc.constantFrom(
      'manifests',
      'digest',
      'size',
      'mediaType',
      'platform',
      'os',
      'annotations',
      'urls',
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, 1, '', digestOf('x'), mediaTypes.ociIndex, mediaTypes.ociManifest),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(keys, tie('value'), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(value, (document) => {
        try {
          parseIndex(Buffer.from(JSON.stringify(document)));
        } catch (error) {
          expect(isCode(error, 'invalid-argument')).toBe(true);
        }
      }),
    );
  });
});
