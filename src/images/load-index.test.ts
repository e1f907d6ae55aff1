import { expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { SampanError } from '../base/errors.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { configOf, stream, tar } from './testing/archives.ts';
import { ImageBench } from './testing/image-bench.ts';
import { LayoutBuilder, named } from './testing/layout.ts';

const plain = { platform: undefined };
const layers = ['lower', 'upper'].map((text) => tar({ 'etc/motd': text }));
const architectures = ['amd64', 's390x', 'unknown'];

/** A layout with images for two platforms, statements about one, and what an index may name by mistake. */
function material() {
  const layout = new LayoutBuilder();
  const images = layers.map((layer, position) =>
    layout.manifest(configOf([layer], { architecture: architectures[position] }), [gzipSync(layer)]),
  );
  const statements = layout.blob(
    JSON.stringify({
      ...{ schemaVersion: 2, mediaType: mediaTypes.ociManifest },
      config: layout.blob('{"architecture":"unknown","os":"unknown"}', mediaTypes.ociConfig),
      layers: [layout.blob('{"made":"here"}', 'application/vnd.in-toto+json')],
    }),
    mediaTypes.ociManifest,
  );
  const strangers = [layout.blob('{"a":1}', 'a/b'), layout.blob('none of it', 'a/b'), layout.index(images)];
  const missing = { ...statements, digest: `sha256:${'0'.repeat(64)}` };
  return { layout, descriptors: [...images, statements, ...strangers, missing] };
}

const { descriptors } = material();
const sound = descriptors.slice(0, 3);
/** Mostly the first. */
const mostly = <T>(usual: fc.Arbitrary<T>, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: fc.constantFrom(...others) });
const text = fc.constantFrom(...architectures, 'linux', 'windows', '');
const descriptor = fc
  .tuple(
    mostly(fc.constantFrom(...sound), ...descriptors.slice(3)),
    fc.option(fc.record({ os: text, architecture: text })),
    fc.option(fc.constantFrom(...descriptors)),
    mostly(fc.constant<unknown>(undefined), mediaTypes.ociIndex, mediaTypes.ociManifest, 1),
  )
  .map(([one, platform, subject, mediaType]) => ({
    ...one,
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(platform === null ? {} : { platform }),
    ...(subject === null
      ? {}
      : {
          annotations: {
            'vnd.docker.reference.type': 'attestation-manifest',
            'vnd.docker.reference.digest': subject.digest,
          },
        }),
  }));
const index = fc.record({
  schemaVersion: fc.constant(2),
  mediaType: mostly(
    fc.constantFrom(undefined, mediaTypes.ociIndex, mediaTypes.dockerManifestList),
    mediaTypes.ociManifest,
  ),
  manifests: fc.array(descriptor, { maxLength: 6 }),
});

test('whatever an index says, it is taken or refused, can be pushed and saved or not, and goes again', async () => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(
      index,
      mostly(fc.constant<string | undefined>(undefined), ...architectures),
      async (document, architecture) => {
        using bench = new ImageBench();
        const images = await bench.open();
        const { layout } = material();
        const entry = named(layout.blob(JSON.stringify(document), mediaTypes.ociIndex), 'r.example/app:1');
        const platform = architecture === undefined ? undefined : { os: 'linux', architecture };
        const attempt = async (work: Promise<unknown>): Promise<boolean> => {
          const failure = await work.then(
            () => undefined,
            (error: unknown) => error,
          );
          if (failure !== undefined) expect(failure).toBeInstanceOf(SampanError);
          return failure === undefined;
        };
        const archive = stream(layout.archive([entry]), 10_000);
        if (await attempt(images.load(bench.context, archive, { platform }))) {
          taken++;
          expect(images.find('r.example/app:1')).toBeDefined();
          await images.manifests(bench.context, 'r.example/app:1');
          await Array.fromAsync(images.save(bench.context, ['r.example/app:1'], plain));
          await attempt(images.push(bench.context, 'r.example/app:1', { ...plain, credentials: undefined }));
          const again = await bench.open();
          expect(again.list()).toEqual(images.list());
          await images.remove(bench.context, 'r.example/app:1', { force: false, prune: true });
        }
        expect(images.list()).toEqual([]);
        expect(await Array.fromAsync(bench.snapshots.layers())).toEqual([]);
        expect(await Array.fromAsync(bench.content.list())).toEqual([]);
      },
    ),
    { numRuns: 300 },
  );
  expect(taken).toBeGreaterThan(0);
});
