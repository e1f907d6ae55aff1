import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import { conflict } from '../base/errors.ts';
import type { StorageKind } from '../engine/contract.ts';
import type { ApiVersion } from '../wire/versions.ts';
import { renderDiskUsage } from './render/disk-usage.ts';
import { container, image, imageId } from './testing/samples.ts';
import { startTestServer, type TestServer } from './testing/test-server.ts';

let api: TestServer;

beforeEach(async () => {
  api = await startTestServer();
  api.engine.stored.volumes = [
    {
      ...{ name: 'data', driver: 'local', mountpoint: '/volumes/data', labels: {}, options: {} },
      ...{ created: new Date(0), anonymous: false, scope: 'local' },
    },
  ];
});

afterEach(() => api[Symbol.asyncDispose]());

describe('disk usage', () => {
  test('lists all that is kept, with sizes on disk', async () => {
    const { body } = await api.request('GET', '/v1.51/system/df');
    const usage = JSON.parse(body);
    expect(Object.keys(usage)).toEqual(['LayersSize', 'Images', 'Containers', 'Volumes', 'BuildCache']);
    expect(usage).toMatchObject({
      LayersSize: 100,
      Images: [{ Id: imageId, Containers: 1, Size: 90, SharedSize: 30 }],
      Containers: [{ Names: ['/web'], SizeRw: 5, SizeRootFs: 95 }],
      Volumes: [{ Name: 'data', UsageData: { RefCount: 0, Size: 7 } }],
      BuildCache: [
        {
          ...{ ID: 'a1b2c3', Parents: ['d4e5f6'], Type: 'regular', Description: 'RUN make', InUse: false },
          ...{
            Shared: true,
            Size: 5,
            CreatedAt: '2026-01-02T03:04:05.000Z',
            LastUsedAt: null,
            UsageCount: 0,
          },
        },
      ],
    });
  });

  test('measures only the kinds that are asked for', async () => {
    const { body } = await api.request('GET', '/system/df?type=volume&type=build-cache');
    expect(JSON.parse(body)).toMatchObject({ LayersSize: 0, Images: null, Containers: null });
    expect(JSON.parse(body).Volumes).toHaveLength(1);
    expect(api.engine.calls).toEqual([['usage', ['volume', 'build-cache']]]);
  });

  test('before API 1.42 measures every kind, and tells the build cache apart', async () => {
    const { body } = await api.request('GET', '/v1.41/system/df?type=volume');
    expect(JSON.parse(body)).toMatchObject({
      LayersSize: 100,
      BuilderSize: 0,
      Images: [{ VirtualSize: 90 }],
    });
  });

  test('refuses kinds that do not exist', async () => {
    const { status, body } = await api.request('GET', '/system/df?type=odd');
    expect([status, JSON.parse(body).message]).toEqual([400, 'unknown object type: odd']);
  });
});

describe('disk usage from API 1.52 on', () => {
  async function usage(verbose: boolean | undefined, ...names: StorageKind[]) {
    const { engine } = api;
    engine.stored.images = [image(), image({ id: `sha256:${'9'.repeat(64)}`, tags: [] })];
    engine.stored.containers = [
      container(),
      container({ id: 'b'.repeat(64), name: 'old', state: { ...container().state, status: 'exited' } }),
    ];
    const kinds = new Set(names);
    const measured = await engine.storage.usage(background(), kinds);
    const old = ['b'.repeat(64), { writable: 3, root: 93 }] as const;
    const containers = measured.containers && new Map([...measured.containers, old]);
    const version: ApiVersion = '1.52';
    const request = { kinds, version, verbose, now: new Date() };
    return renderDiskUsage(engine, { ...measured, containers }, request);
  }

  test('is told in sums by kind', async () => {
    expect(await usage(false, 'image', 'container', 'volume', 'build-cache')).toEqual({
      ImageUsage: { ActiveCount: 1, TotalCount: 2, Reclaimable: 40, TotalSize: 100 },
      ContainerUsage: { ActiveCount: 1, TotalCount: 2, Reclaimable: 3, TotalSize: 8 },
      VolumeUsage: { ActiveCount: 0, TotalCount: 1, Reclaimable: 7, TotalSize: 7 },
      BuildCacheUsage: { ActiveCount: 0, TotalCount: 1, Reclaimable: 0, TotalSize: 5 },
    });
  });

  test('has the items when asked to be verbose, of the kinds that are asked for', async () => {
    const { ContainerUsage, ...rest } = await usage(true, 'container');
    expect(ContainerUsage?.Items?.map(({ SizeRw }) => SizeRw)).toEqual([5, 3]);
    expect(rest).toEqual({});
  });

  test('keeps the lists for clients that do not know of it', async () => {
    expect(Object.keys(await usage(undefined, 'volume'))).toEqual([
      ...['LayersSize', 'Images', 'Containers', 'Volumes', 'BuildCache'],
      'VolumeUsage',
    ]);
  });
});

describe('prune', () => {
  test.each([
    ['/images/prune', '{"ImagesDeleted":null,"SpaceReclaimed":0}'],
    [
      '/images/prune?filters={"dangling":["false"]}',
      `{"ImagesDeleted":[{"Deleted":"${imageId}"}],"SpaceReclaimed":10}`,
    ],
    [
      '/images/prune?filters={"dangling":["false"],"label!":["maker"]}',
      '{"ImagesDeleted":null,"SpaceReclaimed":0}',
    ],
    [
      '/images/prune?filters={"dangling":["0"],"until":["2025-01-01T00:00:00Z"]}',
      '{"ImagesDeleted":null,"SpaceReclaimed":0}',
    ],
    ['/volumes/prune', '{"VolumesDeleted":[],"SpaceReclaimed":0}'],
    ['/volumes/prune?filters={"all":["1"]}', '{"VolumesDeleted":["data"],"SpaceReclaimed":7}'],
    ['/v1.41/volumes/prune', '{"VolumesDeleted":["data"],"SpaceReclaimed":7}'],
    ['/v1.41/volumes/prune?filters={"label":["x"]}', '{"VolumesDeleted":[],"SpaceReclaimed":0}'],
    ['/networks/prune', '{"NetworksDeleted":null}'],
    ['/build/prune?all=1&filters={"until":["1h"]}', '{"CachesDeleted":["a1b2c3"],"SpaceReclaimed":5}'],
  ])('POST %s', async (target, expected) => {
    const { status, body } = await api.request('POST', target.replaceAll('"', '%22'));
    expect([status, body]).toEqual([200, `${expected}\n`]);
  });
});

test('pruning volumes leaves those that somebody took meanwhile', async () => {
  api.engine.volumes.remove = async () => {
    throw conflict('volume is in use');
  };
  const { body } = await api.request('POST', '/v1.41/volumes/prune');
  expect(body).toBe('{"VolumesDeleted":[],"SpaceReclaimed":0}\n');
});

describe('the image list', () => {
  test('tells what images share when asked to', async () => {
    const figures = async (target: string) => {
      const [first] = JSON.parse((await api.request('GET', target)).body);
      return [first.Size, first.SharedSize];
    };
    expect(await figures('/images/json?shared-size=1')).toEqual([1234, 30]);
    expect(await figures('/images/json')).toEqual([1234, -1]);
    expect(await figures('/v1.41/images/json?shared-size=1')).toEqual([1234, -1]);
  });
});
