import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { codeOf } from '../../../base/errors.ts';
import { digestOf } from '../../../oci/digest.ts';
import type { Descriptor } from '../../../oci/image.ts';
import { mediaTypes } from '../../../oci/media-types.ts';
import { CACHE_CONFIG } from './cache-config.ts';
import { encodeCacheManifest, layerDescriptor, parseCacheDocument } from './cache-manifest.ts';

const config: Descriptor = { mediaType: CACHE_CONFIG, digest: digestOf('config'), size: 2 };
const layer: Descriptor = { mediaType: mediaTypes.dockerLayerGzip, digest: digestOf('layer'), size: 9 };

describe('the manifest of a cache', () => {
  test.each([
    [true, true, mediaTypes.ociManifest, mediaTypes.ociLayerGzip],
    [true, false, mediaTypes.ociIndex, mediaTypes.ociLayerGzip],
    [false, true, mediaTypes.dockerManifest, mediaTypes.dockerLayerGzip],
    [false, false, mediaTypes.dockerManifestList, mediaTypes.dockerLayerGzip],
  ])('OCI %p, manifest %p is read as it was written', (ociMediaTypes, imageManifest, type, layerType) => {
    const form = { ociMediaTypes, imageManifest };
    const own = layerDescriptor(layer, digestOf('tar'), form);
    const { bytes, descriptor } = encodeCacheManifest(config, [own], form);
    expect([descriptor.mediaType, descriptor.digest, own.mediaType]).toEqual([
      type,
      digestOf(bytes),
      layerType,
    ]);
    const { digest, size } = layer;
    expect(parseCacheDocument(bytes)).toMatchObject({
      ...{ kind: 'cache', config },
      blobs: new Map([
        [digest, { mediaType: layerType, digest, size }],
        ...(imageManifest ? [] : [[config.digest, config] as const]),
      ]),
    });
  });

  test('is told from those of images', () => {
    const image = { config: { ...config, mediaType: mediaTypes.ociConfig }, layers: [layer] };
    expect(read(image).kind).toBe('image');
    expect(read({ manifests: [{ ...layer, mediaType: mediaTypes.ociManifest }] }).kind).toBe('index');
  });

  test.each<[string, unknown]>([
    ['both', { manifests: [], layers: [], config }],
    ['an index that calls itself a manifest', { mediaType: mediaTypes.ociManifest, manifests: [config] }],
    ['a manifest that calls itself an index', { mediaType: mediaTypes.ociIndex, config, layers: [] }],
    ['neither', {}],
    ['a size that is none', { config: { ...config, size: -1 } }],
    ['a digest that is none', { config, layers: [{ ...layer, digest: 'sha256:../x' }] }],
    ['descriptors without end', { config, layers: new Array(10_001).fill(layer) }],
  ])('is refused when it is %s', (_, value) => {
    expect(() => read(value)).toThrow('invalid cache');
  });

  test('is read or refused, whatever it says', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        try {
          parseCacheDocument(Buffer.from(text));
        } catch (error) {
          expect(codeOf(error)).toBe('invalid-argument');
        }
      }),
    );
  });
});

function read(value: unknown): ReturnType<typeof parseCacheDocument> {
  return parseCacheDocument(Buffer.from(JSON.stringify(value)));
}
