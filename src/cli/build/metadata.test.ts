import { describe, expect, test } from 'bun:test';
import type { BuildOutcome } from './build-outcome.ts';
import { idOf, type MetadataFacts, metadataOf } from './metadata.ts';

const image = { id: 'sha256:id', platform: 'linux/amd64', manifest: '', isNew: true };
const outcome: BuildOutcome = { images: [image], index: undefined, statements: [], warnings: [] };
const facts: MetadataFacts = { outcome, names: [], pushed: undefined, id: 'ref', annotations: {} };
const index = { digest: 'sha256:index', size: 7 };

describe('metadata of a build', () => {
  test('of one image in the store have its ID', () => {
    expect(metadataOf({ ...facts, names: ['a', 'b:1'] })).toEqual({
      'buildx.build.ref': 'default/default/ref',
      'containerimage.config.digest': 'sha256:id',
      'containerimage.digest': 'sha256:id',
      'image.name': 'docker.io/library/a:latest,docker.io/library/b:1',
    });
  });

  test('of an image that was pushed have what its registry has', () => {
    const pushed = { digest: 'sha256:manifest', size: 5 };
    const docker = metadataOf({ ...facts, pushed });
    expect(docker).toMatchObject({
      'containerimage.digest': 'sha256:manifest',
      'containerimage.descriptor': {
        mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
        ...pushed,
      },
    });
    const own = { ...outcome, images: [{ ...image, manifest: pushed.digest }] };
    expect(metadataOf({ ...facts, outcome: own, pushed })).toMatchObject({
      'containerimage.descriptor': { mediaType: 'application/vnd.oci.image.manifest.v1+json' },
    });
  });

  test('of several images have their index, and how each was made', () => {
    const statement = (Platform: string, PredicateType: string) => ({
      ...{ Platform, PredicateType },
      Data: Buffer.from(JSON.stringify({ predicate: { of: Platform } })).toString('base64'),
    });
    const platforms = ['linux/amd64', 'linux/arm64'];
    const several = {
      ...outcome,
      images: platforms.map((platform) => ({ ...image, platform })),
      index,
      statements: platforms.flatMap((platform) => [
        statement(platform, 'https://spdx.dev/Document'),
        statement(platform, 'https://slsa.dev/provenance/v1'),
      ]),
    };
    expect(metadataOf({ ...facts, outcome: several, annotations: { a: 'b' } })).toEqual({
      'buildx.build.provenance/linux/amd64': { of: 'linux/amd64' },
      'buildx.build.provenance/linux/arm64': { of: 'linux/arm64' },
      'buildx.build.ref': 'default/default/ref',
      'containerimage.descriptor': {
        ...{ mediaType: 'application/vnd.oci.image.index.v1+json', ...index, annotations: { a: 'b' } },
      },
      'containerimage.digest': 'sha256:index',
    });
    expect([idOf(outcome), idOf(several)]).toEqual(['sha256:id', 'sha256:index']);
  });
});
