import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { SampanError } from '../base/errors.ts';
import { digestOf } from '../oci/digest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { fittingManifests, parseDocument } from './manifests.ts';

const parse = (value: unknown, type = '') => parseDocument(Buffer.from(JSON.stringify(value)), type);
const descriptor = { mediaType: mediaTypes.ociLayer, digest: digestOf('x'), size: 1 };
const config = { ...descriptor, mediaType: mediaTypes.ociConfig };

describe('parseDocument', () => {
  test.each([
    ['its own word', { mediaType: mediaTypes.dockerManifest }, 'application/json', mediaTypes.dockerManifest],
    ["its sender's", {}, `${mediaTypes.ociManifest}; charset=utf-8`, mediaTypes.ociManifest],
    ['nobody', {}, 'text/plain', undefined],
  ])('takes the media type from %s', (_, own, said, expected) => {
    const parsed = parse({ schemaVersion: 2, config, layers: [], ...own }, said);
    expect(parsed.mediaType).toBe(expected);
  });

  test('keeps where a layer may be had besides', () => {
    const urls = Array.from({ length: 20 }, (_, n) => `https://example.com/${n}`);
    const parsed = parse({ schemaVersion: 2, config, layers: [{ ...descriptor, urls }] });
    expect(parsed.kind === 'manifest' && parsed.manifest.layers[0]?.urls).toEqual(urls.slice(0, 8));
  });

  test('fails on nothing but with its own failures', () => {
    const keys = [
      'schemaVersion',
      'mediaType',
      'config',
      'layers',
      'manifests',
      'digest',
      'size',
      'platform',
      'urls',
    ];
    const leaf = fc.oneof(fc.jsonValue(), fc.constantFrom<unknown>(2, descriptor, config, [descriptor]));
    const value = fc.dictionary(fc.constantFrom(...keys), leaf);
    fc.assert(
      fc.property(
        value,
        fc.constantFrom('', mediaTypes.ociIndex, mediaTypes.ociManifest),
        (document, type) => {
          try {
            const parsed = parse({ schemaVersion: 2, ...document }, type);
            if (parsed.kind === 'index') {
              fittingManifests(parsed.index, { os: 'linux', architecture: 'amd64' });
            }
          } catch (error) {
            expect(error).toBeInstanceOf(SampanError);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('fails on bytes that are no JSON', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(() => parseDocument(bytes, '')).toThrow('invalid manifest: ');
      }),
    );
  });
});
