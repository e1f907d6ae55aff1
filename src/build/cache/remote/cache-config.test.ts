import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { codeOf } from '../../../base/errors.ts';
import { type Digest, digestOf } from '../../../oci/digest.ts';
import type { Descriptor } from '../../../oci/image.ts';
import { mediaTypes } from '../../../oci/media-types.ts';
import {
  type CacheLayer,
  type CacheStep,
  encodeCacheConfig,
  encodeInlineCache,
  parseCacheConfig,
  parseInlineCache,
  type ReadCache,
} from './cache-config.ts';

const created = new Date('2024-05-06T07:08:09.010Z');

function layerOf(name: string, mediaType: string = mediaTypes.ociLayerGzip): CacheLayer {
  const descriptor = { digest: digestOf(`blob ${name}`), size: name.length, mediaType };
  return { diffId: digestOf(name), descriptor };
}

function stepOf(
  name: string,
  layers: readonly string[] = [name],
  parents: readonly string[] = [],
): CacheStep {
  const keys = parents.map((parent) => digestOf(`key ${parent}`));
  return {
    ...{ key: digestOf(`key ${name}`), parents: keys, created },
    layers: layers.map((layer) => digestOf(layer)),
  };
}

function blobsOf(layers: readonly CacheLayer[]): Map<Digest, Descriptor> {
  return new Map(layers.map(({ descriptor }) => [descriptor.digest, descriptor]));
}

const steps = fc
  .array(fc.tuple(fc.nat(30), fc.array(fc.nat(8), { maxLength: 3 }), fc.array(fc.nat(30), { maxLength: 3 })))
  .map((all) =>
    all.map(([name, layers, parents]) => stepOf(`${name}`, layers.map(String), parents.map(String))),
  );

describe('a cache', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const layers = [...new Set(all.flatMap((step) => step.layers))].map((diffId) => ({
          diffId,
          descriptor: { digest: digestOf(`blob ${diffId}`), size: 7, mediaType: mediaTypes.dockerLayerGzip },
        }));
        const read = parseCacheConfig(encodeCacheConfig(all, layers), blobsOf(layers));
        const last = new Map(all.map((step) => [step.key, step]));
        expect(read.isOurs).toBe(true);
        expect([...read.results.keys()].sort()).toEqual([...last.keys()].sort());
        for (const [key, result] of read.results) {
          expect(result.layers.map(({ diffId }) => diffId)).toEqual([...(last.get(key)?.layers ?? [])]);
          expect(result.created).toEqual(created);
        }
      }),
    );
  });

  test('of an image has the layers by their place in it', () => {
    const base = layerOf('base');
    const layers = [base, layerOf('a'), layerOf('b')];
    const text = encodeInlineCache(
      [stepOf('a'), stepOf('nothing', [], ['a']), stepOf('b', ['b'], ['nothing']), stepOf('elsewhere')],
      layers.map(({ diffId }) => diffId),
    );
    const { results, isOurs } = parseInlineCache(text, layers);
    expect([isOurs, results.size]).toEqual([true, 3]);
    expect(results.get(digestOf('key b'))?.layers).toEqual([layerOf('b')]);
    expect(results.get(digestOf('key nothing'))?.layers).toEqual([]);
    expect(encodeInlineCache([stepOf('elsewhere')], [base.diffId])).toBeUndefined();
  });

  test("is what BuildKit's readers expect: indexes that exist, no circles, every blob beside it", () => {
    const layers = [layerOf('a'), layerOf('b')];
    const all = [stepOf('a'), stepOf('b', ['b'], ['a']), stepOf('c', [], ['b', 'unknown'])];
    const { records, layers: told } = JSON.parse(encodeCacheConfig(all, layers).toString());
    expect(told.map(({ blob, parent }: { blob: string; parent: number }) => [blob, parent])).toEqual(
      layers.map(({ descriptor }) => [descriptor.digest, -1]),
    );
    expect(records[0]).toEqual({ digest: expect.stringMatching(/^sha256:/) });
    expect(records.slice(1).map(({ inputs }: { inputs: unknown }) => inputs)).toEqual([
      [[{ link: 0 }]],
      [[{ link: 1 }]],
      [[{ link: 2 }]],
    ]);
    expect(records[1].chains).toEqual([{ layers: [0], createdAt: created.toISOString() }]);
  });
});

describe('a cache that others wrote', () => {
  test('is known as such, and has nothing of use', () => {
    const a = layerOf('a');
    const theirs = {
      layers: [{ blob: a.descriptor.digest, parent: -1 }],
      records: [
        { digest: digestOf('x'), layers: [{ layer: 0, createdAt: '0001-01-01T00:00:00Z' }] },
        { digest: digestOf('y'), inputs: [[{ link: 1, selector: 's' }]] },
      ],
    };
    expect(read(theirs, [a])).toEqual({ isOurs: false, results: new Map() });
    expect(read({})).toEqual({ isOurs: false, results: new Map() });
  });

  const key = digestOf('key');
  const layer = { blob: layerOf('a').descriptor.digest, annotations: { diffID: digestOf('a') } };
  test.each<[string, unknown]>([
    ['a layer that the manifest has not', { layers: [{ ...layer, blob: digestOf('foreign') }], chain: [0] }],
    ['a layer without a diff ID', { layers: [{ blob: layer.blob }], chain: [0] }],
    ['a number that no layer has', { layers: [layer], chain: [1] }],
    ['numbers that are none', { layers: [layer], chain: [0.5] }],
    ['a key of a prototype', { layers: [layer], chain: ['length'] }],
    ['more layers than a filesystem has', { layers: [layer], chain: new Array(129).fill(0) }],
  ])('does not pass off %s', (_, hostile) => {
    const { layers, chain } = hostile as { layers: unknown; chain: unknown };
    const records = [{ digest: key, chains: [{ layers: chain }] }];
    expect(read({ layers, records }, [layerOf('a')]).results.size).toBe(0);
  });

  test('does not pass off blobs that are no layers', () => {
    const other = layerOf('a', 'text/html');
    const records = [{ digest: key, chains: [{ layers: [0] }] }];
    expect(read({ layers: [layer], records }, [other]).results.size).toBe(0);
  });

  test('may have records in a circle: they are not followed', () => {
    const records = [
      { digest: key, inputs: [[{ link: 1 }]], chains: [{ layers: [0] }] },
      { digest: digestOf('other'), inputs: [[{ link: 0 }]], chains: [{ layers: null }] },
    ];
    expect(read({ layers: [layer], records }, [layerOf('a')]).results.size).toBe(2);
  });

  test('is refused with a million records, or bytes without end', () => {
    const records = new Array(1_000_000).fill(0);
    expect(failure(Buffer.from(JSON.stringify({ records })))).toBe('invalid-argument');
    expect(failure(Buffer.alloc(17 << 20, ' '))).toBe('invalid-argument');
  });

  test('is read or refused, whatever it says', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        expect(['', 'invalid-argument']).toContain(failure(Buffer.from(text)));
      }),
    );
    const record = fc.record({ digest: fc.constantFrom(key, 'x', 1), chains: fc.jsonValue() });
    fc.assert(
      fc.property(fc.record({ layers: fc.jsonValue(), records: fc.array(record) }), (value) => {
        expect(['', 'invalid-argument']).toContain(failure(Buffer.from(JSON.stringify(value))));
      }),
    );
  });
});

function read(value: unknown, layers: readonly CacheLayer[] = []): ReadCache {
  return parseCacheConfig(Buffer.from(JSON.stringify(value)), blobsOf(layers));
}

function failure(bytes: Uint8Array): string {
  try {
    parseCacheConfig(bytes, new Map());
    return '';
  } catch (error) {
    return codeOf(error);
  }
}
