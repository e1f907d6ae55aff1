import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../base/context.ts';
import { notFound } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import type { Container } from '../containers/contract.ts';
import type { Image } from '../images/contract.ts';
import type { Volume } from '../volumes/contract.ts';
import type { StorageKind } from './contract.ts';
import { diskBytes } from './disk-walk.ts';
import { createStorage, type StorageParts } from './storage-usage.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'storage-usage-'));
});

afterEach(() => rmSync(root, { recursive: true }));

/** Blocks of everything but directories, by another program. */
function found(directory: string): number {
  const { stdout } = spawnSync('find', [directory, '-xdev', '!', '-type', 'd', '-printf', '%i %b\\n']);
  const blocks = new Map(
    String(stdout)
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' ') as [string, string]),
  );
  return [...blocks.values()].reduce((sum, count) => sum + Number(count) * 512, 0);
}

function fill(directory: string, size: number): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'data'), Buffer.alloc(size, 1));
}

function run(command: string, ...args: string[]): boolean {
  return spawnSync(command, args).status === 0;
}

describe('diskBytes', () => {
  test('counts blocks as find does: of hard links once, of holes none', async () => {
    fill(join(root, 'a/b'), 100_000);
    linkSync(join(root, 'a/b/data'), join(root, 'again'));
    writeFileSync(join(root, 'hole'), 'x');
    truncateSync(join(root, 'hole'), 1_000_000_000);
    symlinkSync('/etc', join(root, 'link'));
    for (let index = 0; index < 100; index++) writeFileSync(join(root, `small-${index}`), 'x');
    expect(await diskBytes(root)).toBe(found(root));
    expect(await diskBytes(root)).toBeLessThan(1_000_000);
  });

  test('counts files whose names are no text', async () => {
    writeFileSync(
      Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe])]),
      Buffer.alloc(50_000, 1),
    );
    expect(await diskBytes(root)).toBe(found(root));
    expect(await diskBytes(root)).toBeGreaterThanOrEqual(50_000);
  });

  test('stays out of what is mounted below', async () => {
    fill(root, 10_000);
    const below = join(root, 'below');
    mkdirSync(below);
    expect(run('mount', '-t', 'tmpfs', 'inner', below)).toBe(true);
    try {
      writeFileSync(join(below, 'foreign'), Buffer.alloc(1_000_000, 1));
      expect(await diskBytes(root)).toBe(found(root));
      expect(await diskBytes(root)).toBeLessThan(100_000);
    } finally {
      run('umount', below);
    }
  });

  test('is 0 where there is no directory', async () => {
    expect(await diskBytes(join(root, 'nowhere'))).toBe(0);
  });
});

const container = (id: string): Container => ({ id, imageId: 'sha256:1' }) as Container;
const volume = (name: string): Volume =>
  ({ name, driver: 'local', mountpoint: join(root, 'volumes', name, '_data') }) as Volume;
const kinds = (...names: StorageKind[]): ReadonlySet<StorageKind> => new Set(names);

function storageOf(changes: Partial<StorageParts>): ReturnType<typeof createStorage> {
  return createStorage({
    images: {
      usage: async () => ({ total: 0, unused: 0, images: new Map() }),
      find: () => ({ size: 7 }) as Image,
    },
    containers: { list: () => [] },
    volumes: { list: () => [], get: volume },
    snapshots: { changesPath: (id) => join(root, 'snapshots', id) },
    builder: { cache: async () => [] },
    directoryOf: (id) => join(root, 'containers', id),
    usersOf: () => [],
    log: silentLogger,
    ...changes,
  });
}

describe('storage usage', () => {
  test('of a container is its changes, logs and other files; its root has the image too', async () => {
    fill(join(root, 'snapshots/c1'), 20_000);
    fill(join(root, 'containers/c1'), 30_000);
    writeFileSync(join(root, 'containers/c1/c1-json.log.1.gz'), Buffer.alloc(9_000));
    const storage = storageOf({ containers: { list: () => [container('c1')] } });
    const usage = await storage.usage(background(), kinds('container'));
    const writable = found(root);
    expect(usage.containers).toEqual(new Map([['c1', { writable, root: writable + 7 }]]));
    expect([usage.images, usage.volumes]).toEqual([undefined, undefined]);
  });

  test('of a container that goes away meanwhile is what is left of it', async () => {
    const storage = storageOf({
      containers: { list: () => [container('c1')] },
      snapshots: {
        changesPath: () => {
          throw notFound('no such snapshot: c1');
        },
      },
    });
    const usage = await storage.usage(background(), kinds('container'));
    expect(usage.containers?.get('c1')).toEqual({ writable: 0, root: 7 });
  });

  test('of volumes is told with their users', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `v${index}`);
    for (const [index, name] of names.entries()) fill(join(root, 'volumes', name), index * 10_000);
    const storage = storageOf({
      volumes: { list: () => names.map(volume), get: volume },
      usersOf: (name) => (name === 'v3' ? ['c1', 'c2'] : []),
    });
    const { volumes } = await storage.usage(background(), kinds('volume'));
    expect([...(volumes?.keys() ?? [])]).toEqual(names);
    const foreign = storageOf({
      volumes: { list: () => [{ ...volume('v3'), driver: 'other' }], get: volume },
    });
    const usage = await foreign.usage(background(), kinds('volume'));
    expect(usage.volumes?.get('v3')?.bytes).toBe(-1);
    expect(volumes?.get('v3')).toEqual({ bytes: found(join(root, 'volumes/v3')), users: 2 });
    expect(await storage.volumeBytes(background(), 'v3')).toBe(found(join(root, 'volumes/v3')));
    expect([...(volumes?.values() ?? [])].reduce((sum, { bytes }) => sum + bytes, 0)).toBe(found(root));
  });

  test('is measured once for all who ask at the same time, and anew for the next', async () => {
    let measured = 0;
    const storage = storageOf({
      images: {
        usage: async () => {
          measured++;
          await Bun.sleep(1);
          return { total: measured, unused: 0, images: new Map() };
        },
        find: () => undefined,
      },
    });
    const asked = Array.from({ length: 5 }, () => storage.usage(background(), kinds('image', 'build-cache')));
    expect((await Promise.all(asked)).map(({ images }) => images?.total)).toEqual([1, 1, 1, 1, 1]);
    expect((await storage.usage(background(), kinds('image'))).images?.total).toBe(2);
  });
});
