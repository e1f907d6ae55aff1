import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { containerId, imageId } from './testing/samples.ts';
import { startTestServer, type TestServer } from './testing/test-server.ts';

let api: TestServer;

beforeEach(async () => {
  api = await startTestServer();
});

afterEach(() => api[Symbol.asyncDispose]());

test('mounting an image answers with its ID and the path', async () => {
  const { status, body } = await api.request('POST', '/images/busybox:latest/mount');
  expect([status, JSON.parse(body)]).toEqual([200, { Id: imageId, Path: '/run/view' }]);
  expect((await api.request('GET', '/images/mounts')).body).toBe(
    `[{"Id":"${imageId}","Path":"/run/view"}]\n`,
  );
  expect((await api.request('POST', '/images/nothing/mount')).status).toBe(404);
});

test('unmounting is by the whole ID, and 304 when there is nothing to unmount', async () => {
  expect((await api.request('DELETE', `/images/${imageId}/mount`)).status).toBe(204);
  expect((await api.request('DELETE', `/images/sha256:${'5'.repeat(64)}/mount`)).status).toBe(304);
});

test('an image whose name ends in "mount" can be removed', async () => {
  const { body } = await api.request('DELETE', '/images/busybox/mount');
  expect(JSON.parse(body).message).toBe('No such image: busybox/mount:latest');
});

test('layers are told with what they change', async () => {
  const { body } = await api.request('GET', '/images/busybox/layers');
  const sum = { Count: 1, Bytes: 2 };
  expect(JSON.parse(body)).toEqual([
    {
      ...{ DiffId: imageId, Digests: [], CreatedBy: 'ADD', Size: 3, DiskSize: 4, Files: 5 },
      ...{ Added: sum, Changed: sum, Removed: sum, Wasted: 6 },
    },
  ]);
});

test('changes of a layer come one per line', async () => {
  const { headers, body } = await api.request('GET', `/images/busybox/layers/${imageId}/changes`);
  expect(headers.get('content-type')).toBe('application/json');
  expect(body).toBe(
    `{"Kind":"added","Path":"/${imageId}","Size":1}\n{"Kind":"removed","Path":"/b\\n","Size":0}\n`,
  );
  expect((await api.request('GET', `/images/nothing/layers/${imageId}/changes`)).status).toBe(404);
  expect((await api.request('GET', '/images/busybox/layers/sha256:5/changes')).status).toBe(404);
});

test('an image is removed only for the platform that it has', async () => {
  const platform = (architecture: string) =>
    encodeURIComponent(JSON.stringify({ os: 'linux', architecture }));
  const other = await api.request('DELETE', `/images/busybox?platforms=${platform('s390x')}`);
  expect([other.status, JSON.parse(other.body).message]).toEqual([
    404,
    'image with reference busybox was found but does not provide the specified platform (linux/s390x)',
  ]);
  const own = await api.request('DELETE', `/images/busybox?platforms=${platform('amd64')}`);
  expect([own.status, JSON.parse(own.body)]).toEqual([200, [{ Untagged: 'busybox' }, { Deleted: imageId }]]);
});

describe('the manifests of an image', () => {
  const descriptor = { mediaType: 'a/index', digest: imageId, size: 7 };
  const platform = { os: 'linux', architecture: 'amd64' };
  const entry = { descriptor, contentSize: 3, unpackedSize: 4 };

  beforeEach(() => {
    api.engine.stored.manifests = {
      target: descriptor,
      manifests: [
        {
          ...{ ...entry, kind: 'image', available: true, platform },
          ...{ image: imageId, subject: undefined },
        },
        {
          ...{ ...entry, kind: 'attestation', available: false, unpackedSize: 0 },
          ...{ platform: undefined, image: undefined, subject: imageId },
        },
      ],
    };
  });

  const rendered = [
    {
      ...{ ID: imageId, Descriptor: descriptor, Available: true },
      ...{ Size: { Content: 3, Total: 7 }, Kind: 'image' },
      ImageData: {
        Platform: { architecture: 'amd64', os: 'linux' },
        Containers: [containerId],
        Size: { Unpacked: 4 },
      },
    },
    {
      ...{ ID: imageId, Descriptor: descriptor, Available: false },
      ...{ Size: { Content: 3, Total: 3 }, Kind: 'attestation', AttestationData: { For: imageId } },
    },
  ];

  test('are told when it is inspected with manifests, and the descriptor always', async () => {
    const inspect = async (target: string) => JSON.parse((await api.request('GET', target)).body);
    const plain = await inspect('/images/busybox/json');
    expect([plain.Descriptor, plain.Manifests]).toEqual([descriptor, undefined]);
    expect((await inspect('/images/busybox/json?manifests=1')).Manifests).toMatchObject(rendered);
    const old = await inspect('/v1.47/images/busybox/json?manifests=1');
    expect([old.Descriptor, old.Manifests]).toEqual([undefined, undefined]);
  });

  test('are told in lists with manifests, and count as its size', async () => {
    const list = async (target: string) => JSON.parse((await api.request('GET', target)).body)[0];
    expect(await list('/images/json')).not.toContainKey('Manifests');
    expect(await list('/images/json?manifests=1')).toMatchObject({
      Descriptor: descriptor,
      Manifests: rendered,
    });
    expect(await list('/v1.46/images/json?manifests=1')).not.toContainKey('Manifests');
  });
});

test('lists show one image for all that a name stands for', async () => {
  const [first] = api.engine.stored.images;
  if (first === undefined) throw new Error('the engine has no image');
  api.engine.stored.images.push({ ...first, id: `sha256:${'9'.repeat(64)}`, listedAs: first.id });
  expect(JSON.parse((await api.request('GET', '/images/json')).body)).toHaveLength(1);
});
