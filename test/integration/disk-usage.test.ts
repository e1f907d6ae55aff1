import { afterAll, beforeAll, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});

afterAll(() => daemon[Symbol.asyncDispose]());

/** Bytes on disk of the files below the data root, each once: directories, the database and its neighbours left out. */
function filesOnDisk(): number {
  const root = join(daemon.home, 'data');
  spawnSync('sync', ['-f', root]);
  const house = ['sampan.db*', 'engine-id', 'daemon.pid', 'layers'].flatMap((name) => ['!', '-name', name]);
  const { stdout } = spawnSync('find', [root, '!', '-type', 'd', ...house, '-printf', '%i %b\\n']);
  const blocks = new Map(
    String(stdout)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' ') as [string, string]),
  );
  return [...blocks.values()].reduce((sum, count) => sum + Number(count) * 512, 0);
}

async function reported(): Promise<{ total: number; usage: Json }> {
  const { body } = await daemon.request('GET', '/system/df');
  const { LayersSize, Containers, Volumes } = body;
  const sizes = [
    LayersSize,
    ...Containers.map((container: Json) => container.SizeRw ?? 0),
    ...Volumes.map((volume: Json) => volume.UsageData.Size),
  ];
  return { total: sizes.reduce((sum: number, size: number) => sum + size, 0), usage: body };
}

test('system df reports all that is on disk: layers, writable parts, rotated logs, volumes, what nobody uses', async () => {
  const logs = ['--log-opt', 'max-size=40k', '--log-opt', 'max-file=3', '--log-opt', 'compress=true'];
  const script =
    'dd if=/dev/zero of=/big bs=1024 count=700; dd if=/dev/zero of=/data/big bs=1024 count=500; ln /data/big /data/again; i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done';
  daemon.sampan('run', '--name', 'writer', ...logs, '-v', 'data:/data', 'busybox', 'sh', '-c', script);
  daemon.sampan('run', '-d', '--name', 'idle', 'busybox', 'sleep', '1000');
  daemon.sampan('commit', 'writer', 'made');
  daemon.sampan('volume', 'create', 'empty');
  await daemon.importBusybox('again');
  const { total, usage } = await reported();
  expect(total).toBe(filesOnDisk());
  expect(usage.Containers.find(({ Names }: Json) => Names[0] === '/writer').SizeRw).toBeGreaterThan(700_000);
  expect(usage.Volumes.find(({ Name }: Json) => Name === 'data').UsageData).toMatchObject({ RefCount: 1 });
});

test('pruning gives back what it says, and df is smaller by it', async () => {
  daemon.sampan('rm', '-f', 'writer', 'idle');
  const before = await reported();
  const { body: volumes } = await daemon.request(
    'POST',
    '/volumes/prune?filters={"all":["1"]}'.replaceAll('"', '%22'),
  );
  expect(volumes.VolumesDeleted.toSorted()).toEqual(['data', 'empty']);
  expect((await reported()).total).toBe(before.total - volumes.SpaceReclaimed);
  const { body: images } = await daemon.request(
    'POST',
    '/images/prune?filters={"dangling":["0"]}'.replaceAll('"', '%22'),
  );
  expect(images.SpaceReclaimed).toBeGreaterThan(0);
  const after = await reported();
  expect(after.usage.Images).toEqual([]);
  expect(after.total).toBe(before.total - volumes.SpaceReclaimed - images.SpaceReclaimed);
  expect(after.total).toBe(filesOnDisk());
});
