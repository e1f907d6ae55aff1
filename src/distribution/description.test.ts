import { describe, expect, test } from 'bun:test';
import { digestOf } from '../oci/digest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { parseReference } from '../oci/reference.ts';
import { ClientBench, context, failureOf } from './testing/client-bench.ts';
import { failure } from './testing/registry-double.ts';

const bench = ClientBench.open();
const describing = (name: string) =>
  bench.client().describe(context, parseReference(bench.here(name)), undefined);

describe('describe', () => {
  test('an image, whose platform is in its configuration', async () => {
    const platform = { os: 'linux', architecture: 'arm64', variant: 'v8' };
    const { digest, size } = bench.registry.addImage('app', 'latest', [], [], platform);
    const told = await describing('app');
    expect(told.descriptor).toEqual({ mediaType: mediaTypes.ociManifest, digest, size });
    expect(told.platforms).toEqual([platform]);
    expect(digestOf(told.bytes)).toBe(digest);
  });

  test('an index, without its attestations', async () => {
    const of = (os: string, architecture: string) => ({
      ...bench.registry.addImage('app', undefined, [], [], { os, architecture }),
      platform: { os, architecture, 'os.version': '10.0.1', 'os.features': ['win32k'] },
    });
    const entries = [of('linux', 'amd64'), of('windows', 'amd64'), of('unknown', 'unknown')];
    bench.registry.addIndex('app', 'latest', entries);
    const { platforms, descriptor } = await describing('app');
    expect(descriptor.mediaType).toBe(mediaTypes.ociIndex);
    expect(platforms).toEqual(entries.slice(0, 2).map(({ platform }) => platform));
    expect(bench.registry.requests).toHaveLength(1);
  });

  test('something else than an image, which has no platform', async () => {
    const config = bench.registry.addBlob('{}', 'application/vnd.cncf.helm.config.v1+json');
    bench.registry.addManifest('chart', '1', { schemaVersion: 2, config, layers: [] });
    expect((await describing('chart:1')).platforms).toEqual([]);
  });

  test.each([
    [401, 'UNAUTHORIZED', 'unauthenticated: unauthorized: no'],
    [403, 'DENIED', 'permission-denied: denied: no'],
    [404, 'MANIFEST_UNKNOWN', 'not-found: manifest unknown: no'],
    [400, 'NAME_INVALID', 'internal: name invalid: no'],
  ])('tells %d %s', async (status, code, expected) => {
    bench.registry.intercept = () => failure(status, code, 'no');
    expect(await failureOf(describing('app'))).toBe(expected);
  });
});
