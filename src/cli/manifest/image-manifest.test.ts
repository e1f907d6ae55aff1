import { describe, expect, test } from 'bun:test';
import { digestOf } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { parseReference } from '../../oci/reference.ts';
import { blobsOf, decodeImageManifest, encodeImageManifest, type ImageManifest } from './image-manifest.ts';

const blob = (name: string) => ({ mediaType: 'x', size: 1, digest: digestOf(Buffer.from(name)) });
const text = `{\n  "schemaVersion": 2, "config": ${JSON.stringify(blob('config'))},\n  "layers": [${JSON.stringify(blob('a<&>'))}]}`;

function image(mediaType: string): ImageManifest {
  const bytes = Buffer.from(text);
  return {
    reference: parseReference('registry.example/team/a:1'),
    descriptor: {
      mediaType,
      digest: digestOf(bytes),
      size: bytes.length,
      platform: { architecture: 'arm64', os: 'linux', 'os.features': ['f<'], variant: 'v8' },
    },
    text,
  };
}

describe('an image of a manifest list', () => {
  for (const mediaType of [mediaTypes.dockerManifest, mediaTypes.ociManifest]) {
    test(`is read as it was written (${mediaType})`, () => {
      const json = encodeImageManifest(image(mediaType));
      expect(decodeImageManifest(json)).toEqual(image(mediaType));
      expect(Object.keys(JSON.parse(json))).toEqual([
        'Ref',
        'Descriptor',
        'Raw',
        mediaType === mediaTypes.ociManifest ? 'OCIManifest' : 'SchemaV2Manifest',
      ]);
      expect(json).not.toMatch(/[<>&]/);
    });
  }

  test('is read without its bytes where an old version kept none', () => {
    const indented = JSON.stringify(JSON.parse(text), null, 3);
    const { Raw: _, ...rest } = JSON.parse(encodeImageManifest(image(mediaTypes.dockerManifest)));
    rest.Descriptor.digest = digestOf(Buffer.from(indented));
    expect(decodeImageManifest(JSON.stringify(rest)).text).toBe(indented);
  });

  test('names its configuration and its layers', () => {
    expect(blobsOf(image(mediaTypes.ociManifest))).toEqual([blob('config').digest, blob('a<&>').digest]);
  });

  test('is refused when it is not what its digest says', () => {
    const value = JSON.parse(encodeImageManifest(image(mediaTypes.ociManifest)));
    value.Raw = Buffer.from('{}').toString('base64');
    expect(() => decodeImageManifest(JSON.stringify(value))).toThrow('does not have the digest');
  });

  test('is refused when a part is missing or something else', () => {
    const whole = JSON.parse(encodeImageManifest(image(mediaTypes.ociManifest)));
    for (const [change, message] of [
      [{ Ref: 5 }, 'is no name of an image'],
      [{ Ref: 'BAD' }, 'must be lowercase'],
      [{ Descriptor: undefined }, 'its descriptor is missing'],
      [{ Descriptor: { ...whole.Descriptor, digest: 'sha256:12' } }, 'no sha256 digest'],
      [{ Descriptor: { ...whole.Descriptor, size: '5' } }, 'no size'],
      [{ OCIManifest: [] }, 'it has no manifest'],
    ] as const) {
      expect(() => decodeImageManifest(JSON.stringify({ ...whole, ...change }))).toThrow(message);
    }
    expect(() => decodeImageManifest('[]')).toThrow('it is not a JSON object');
  });
});
