import { expect, test } from 'bun:test';
import { digestOf } from '../oci/digest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { parseReference } from '../oci/reference.ts';
import { ClientBench, context, failureOf } from './testing/client-bench.ts';

const bench = ClientBench.open();
const find = (name: string) => bench.client().artifact(context, parseReference(bench.here(name)), undefined);

test('an artifact is what its name says, whatever that is, with documents and blobs beside it', async () => {
  const blob = bench.registry.addBlob('bytes', 'application/x-thing');
  const manifest = bench.registry.addManifest('things', undefined, { config: blob, layers: [] });
  const index = bench.registry.addManifest(
    'things',
    '1',
    { manifests: [manifest, blob] },
    mediaTypes.ociIndex,
  );
  const found = await find('things:1');
  expect([found.root.digest, found.root.mediaType]).toEqual([index.digest, mediaTypes.ociIndex]);
  expect((await found.document(context, manifest)).digest).toBe(manifest.digest);
  expect(await found.size(context, blob.digest)).toBe(5);
  expect(await found.size(context, digestOf('other'))).toBeUndefined();
  const parts = await Array.fromAsync(found.blob(context, blob, { offset: 2 }));
  expect(Buffer.concat(parts).toString()).toBe('tes');
});

test('an artifact that is not there, or a blob that lies, is told', async () => {
  expect(await failureOf(find('none:1'))).toStartWith('not-found: manifest for');
  const blob = bench.registry.addBlob('bytes');
  bench.registry.addManifest('things', '1', { config: blob, layers: [] });
  const found = await find('things:1');
  bench.registry.intercept = (_, { pathname }) =>
    pathname.includes('/blobs/') ? new Response('bites') : undefined;
  expect(await failureOf(Array.fromAsync(found.blob(context, blob)))).toStartWith('data-loss: ');
});
