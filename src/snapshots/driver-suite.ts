import { afterEach, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../base/context.ts';
import { isCode } from '../base/errors.ts';
import { mountPointsBelow } from '../base/mount-points.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../oci/tar/writer.ts';
import type { Launcher } from '../plan/contract.ts';
import type { SnapshotDriver } from './contract.ts';
import { DriverBench, type DriverParts } from './testing/driver-bench.ts';

const context = background();
const missing: Digest = `sha256:${'0'.repeat(64)}`;

type Member = Omit<TarHeader, 'type'> & { readonly type?: TarHeader['type']; readonly text?: string };

/** An archive of small files: names ending in "/" are directories, others are files with a text. */
function tarOf(...members: Member[]): Buffer {
  const blocks = members.map(({ text = '', ...member }) => {
    const data = Buffer.from(text);
    const type = member.type ?? (member.name.endsWith('/') ? 'directory' : 'file');
    const mode = type === 'directory' ? 0o755 : 0o644;
    const header = formatTarHeader({ mode, ...member, type, size: data.length });
    return Buffer.concat([header, data, tarPadding(data.length)]);
  });
  return Buffer.concat([...blocks, tarEnd]);
}

async function codeOfFailure(promise: Promise<unknown>, code: Parameters<typeof isCode>[1]): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(isCode(error, code) ? code : error).toBe(code);
}

/** What lies below every snapshot. */
const scaffold = ['.dockerenv', 'dev', 'etc', 'proc', 'sys'];

/** Names in a snapshot's root that come from its layers. */
async function namesIn(root: string): Promise<string[]> {
  return (await readdir(root)).filter((name) => !scaffold.includes(name));
}

/** What every snapshot driver does, on the real kernel. `launcher` carries the plans out. */
export function testSnapshotDriver(
  name: string,
  launcher: () => Launcher,
  openDriver: (parts: DriverParts) => Promise<SnapshotDriver>,
): void {
  const benches: DriverBench[] = [];

  async function newBench(maxLayerBytes?: number): Promise<DriverBench> {
    const bench = new DriverBench(await mkdtemp(join(tmpdir(), 'sampan-snapshots-')), openDriver, launcher());
    benches.push(bench);
    await bench.open(maxLayerBytes);
    return bench;
  }

  afterEach(async () => {
    for (const bench of benches.splice(0)) {
      await bench.unmountAll();
      await bench.driver.release(context, new Set());
      expect([...mountPointsBelow(bench.directory)]).toEqual([]);
      await rm(bench.directory, { recursive: true, force: true });
    }
  });

  test(`${name}: a received layer is known, and its tar is in the content store`, async () => {
    const bench = await newBench();
    const tar = tarOf({ name: 'etc/' }, { name: 'etc/motd', text: 'hello' });
    expect(await bench.driver.hasLayer(digestOf(tar))).toBe(false);
    const layer = await bench.receive(tar);
    expect(layer).toBe(digestOf(tar));
    expect(await bench.driver.hasLayer(layer)).toBe(true);
    expect(await Array.fromAsync(bench.driver.layers())).toEqual([layer]);
    expect(digestOf(await bench.content.readAll(layer, 1 << 20))).toBe(layer);
    const again = await Promise.all([
      bench.receive(tar),
      bench.receive(tar),
      bench.receive(tarOf()),
      bench.receive(tarOf()),
    ]);
    expect(again.slice(0, 2)).toEqual([layer, layer]);
  });

  test(`${name}: a tar that is in the content store can be unpacked, more than once at once`, async () => {
    const bench = await newBench();
    await using writer = await bench.content.writer(context);
    await writer.write(tarOf({ name: 'file', text: 'x' }));
    const { digest } = await writer.commit();
    await Promise.all([bench.driver.unpack(context, digest), bench.driver.unpack(context, digest)]);
    await bench.driver.unpack(context, digest);
    expect(await bench.driver.hasLayer(digest)).toBe(true);
    await codeOfFailure(bench.driver.unpack(context, missing), 'not-found');
  });

  test(`${name}: a layer of an other diff ID, a broken one and one that is too large leave nothing`, async () => {
    const bench = await newBench(3000);
    const good = tarOf({ name: 'file', text: 'x' });
    const send = async (tar: Uint8Array, diffId?: Digest): Promise<void> => {
      await using receiver = await bench.driver.receive(context, diffId === undefined ? {} : { diffId });
      await receiver.write(tar);
      await receiver.commit();
    };
    await codeOfFailure(send(good, missing), 'data-loss');
    await codeOfFailure(send(Buffer.alloc(2000, 'junk')), 'invalid-argument');
    await codeOfFailure(send(good.subarray(0, 512)), 'invalid-argument');
    await codeOfFailure(send(tarOf({ name: '../outside', text: 'x' })), 'invalid-argument');
    await codeOfFailure(send(tarOf({ name: 'large', text: 'x'.repeat(3000) })), 'exhausted');
    const receiver = await bench.driver.receive(context);
    await receiver.write(good);
    await receiver.cancel();
    expect(await Array.fromAsync(bench.driver.layers())).toEqual([]);
  });

  test(`${name}: a snapshot shows its layers, and its changes go to its own directory`, async () => {
    const bench = await newBench();
    const layer = await bench.receive(
      tarOf(
        { name: 'a', text: 'one' },
        { name: 'dir/', mode: 0o700, uid: 7 },
        { name: 'dir/b', text: 'two' },
      ),
    );
    const root = await bench.start('c1', [layer]);
    expect(await readFile(join(root, 'dir/b'), 'utf8')).toBe('two');
    expect(await stat(join(root, 'dir'))).toMatchObject({ mode: 0o40700, uid: 7 });
    await writeFile(join(root, 'a'), 'changed');
    await rm(join(root, 'dir/b'));
    await mkdir(join(root, 'new'));
    const upper = bench.driver.changesPath('c1');
    expect((await readdir(upper)).sort()).toEqual(['a', 'dir', 'new']);
    expect((await lstat(join(upper, 'dir/b'))).rdev).toBe(0);
    const other = await bench.start('c2', [layer]);
    expect(await readFile(join(other, 'a'), 'utf8')).toBe('one');
    expect((await stat(root)).mode).toBe(0o40755);
    expect(await Array.fromAsync(bench.driver.snapshots())).toEqual(['c1', 'c2']);
  });

  test(`${name}: a file keeps its device number below a snapshot, whichever layer it is from`, async () => {
    const bench = await newBench();
    const layers = [
      await bench.receive(tarOf({ name: 'a', text: 'one' })),
      await bench.receive(tarOf({ name: 'b', text: 'two' })),
    ];
    const root = await bench.start('c1', layers);
    await writeFile(join(root, 'c'), 'three');
    const devices = await Promise.all(
      ['.', 'a', 'b', 'c'].map(async (file) => (await stat(join(root, file))).dev),
    );
    expect(new Set(devices).size).toBe(1);
  });

  test(`${name}: upper layers replace, remove and hide what lower ones have`, async () => {
    const bench = await newBench();
    const lower = await bench.receive(
      tarOf(
        { name: 'kept', text: '1' },
        { name: 'removed', text: '1' },
        { name: 'replaced', text: '1' },
        { name: 'merged/old', text: '1' },
        { name: 'hidden/old', text: '1' },
        { name: 'anew/old', text: '1' },
      ),
    );
    const upper = await bench.receive(
      tarOf(
        { name: '.wh.removed' },
        { name: 'replaced/' },
        { name: 'merged/new', text: '2' },
        { name: 'hidden/new', text: '2' },
        { name: 'hidden/.wh..wh..opq' },
        { name: '.wh.anew' },
        { name: 'anew/new', text: '2' },
        { name: '.wh..wh.plnk/' },
        { name: '.wh..wh.plnk/1.2', text: 'x' },
      ),
    );
    const root = await bench.start('c1', [lower, upper]);
    expect((await namesIn(root)).sort()).toEqual(['anew', 'hidden', 'kept', 'merged', 'replaced']);
    expect((await readdir(join(root, 'merged'))).sort()).toEqual(['new', 'old']);
    expect(await readdir(join(root, 'hidden'))).toEqual(['new']);
    expect(await readdir(join(root, 'anew'))).toEqual(['new']);
    expect((await stat(join(root, 'replaced'))).isDirectory()).toBe(true);
  });

  test(`${name}: a view is read-only, of no layer, of one and of many`, async () => {
    const bench = await newBench();
    const one = await bench.receive(tarOf({ name: 'one', text: '1' }));
    const two = await bench.receive(tarOf({ name: 'two', text: '2' }));
    for (const layers of [[], [one], [one, two], [one, two, one]]) {
      const root = await bench.mount((target) => bench.driver.view(context, layers, target));
      expect((await namesIn(root)).sort()).toEqual(['one', 'two'].slice(0, layers.length));
      await expect(writeFile(join(root, 'new'), '')).rejects.toThrow('EROFS');
    }
  });

  test(`${name}: a view on the host is mounted once, found again and gives no privileges`, async () => {
    const bench = await newBench();
    const one = await bench.receive(tarOf({ name: 'one', text: '1', mode: 0o4755 }));
    const path = await bench.driver.showView(context, 'image', [one]);
    try {
      expect(await readFile(join(path, 'one'), 'utf8')).toBe('1');
      await expect(writeFile(join(path, 'new'), '')).rejects.toThrow('EROFS');
      const line = (await readFile('/proc/self/mountinfo', 'utf8'))
        .split('\n')
        .find((text) => text.includes(path));
      expect(line).toMatch(/ ro,nosuid,nodev,/);
      await bench.open();
      const runs = bench.runs;
      expect([...bench.driver.shownViews()]).toEqual([['image', path]]);
      expect(await bench.driver.showView(context, 'image', [one])).toBe(path);
      expect(bench.runs).toBe(runs);
    } finally {
      expect(await bench.driver.hideView(context, 'image')).toBe(true);
    }
    expect(await bench.driver.hideView(context, 'image')).toBe(false);
    expect([...bench.driver.shownViews()]).toEqual([]);
  });

  test(`${name}: tells what it keeps of a layer besides its tar`, async () => {
    const bench = await newBench();
    const one = await bench.receive(tarOf({ name: 'one', text: '1' }));
    expect(await bench.driver.layerUsage(one)).toBeGreaterThan(0);
    expect(await bench.driver.layerUsage(missing)).toBe(0);
  });

  test(`${name}: what lies below a snapshot is read-only, the scaffold with it, of no layer and of one`, async () => {
    const bench = await newBench();
    const layer = await bench.receive(tarOf({ name: 'one', text: '1' }));
    for (const [key, layers] of [
      ['c0', []],
      ['c1', [layer]],
    ] as const) {
      await writeFile(join(await bench.start(key, layers), 'own'), '');
      const root = await bench.mount((target) => bench.driver.below(context, key, target));
      expect((await readdir(root)).sort()).toEqual([...scaffold, ...(key === 'c1' ? ['one'] : [])].sort());
      await expect(writeFile(join(root, 'new'), '')).rejects.toThrow('EROFS');
    }
  });

  test(`${name}: a snapshot of no layers has the scaffold alone`, async () => {
    const bench = await newBench();
    const root = await bench.start('scratch', []);
    expect((await readdir(root)).sort()).toEqual(scaffold);
    await writeFile(join(root, 'file'), 'x');
  });

  test(`${name}: a second snapshot of the same layers needs no further plan`, async () => {
    const bench = await newBench();
    const layer = await bench.receive(tarOf({ name: 'file', text: 'x' }));
    await bench.start('c1', [layer]);
    const { runs } = bench;
    await bench.start('c2', [layer]);
    expect(bench.runs).toBe(runs);
  });

  test(`${name}: 128 layers make one snapshot`, async () => {
    const bench = await newBench();
    const layers: Digest[] = [];
    for (let index = 0; index < 128; index++) {
      layers.push(
        await bench.receive(tarOf({ name: 'last', text: String(index) }, { name: `file-${index}` })),
      );
    }
    const root = await bench.start('c1', layers);
    expect((await namesIn(root)).length).toBe(129);
    expect(await readFile(join(root, 'last'), 'utf8')).toBe('127');
  }, 60_000);

  test(`${name}: a layer stays while a snapshot uses it`, async () => {
    const bench = await newBench();
    const layer = await bench.receive(tarOf({ name: 'file', text: 'x' }));
    await bench.start('c1', [layer]);
    await codeOfFailure(bench.driver.removeLayer(context, layer), 'conflict');
    await bench.unmountAll();
    await bench.driver.remove(context, 'c1');
    await bench.driver.remove(context, 'c1');
    await bench.driver.removeLayer(context, layer);
    await bench.driver.removeLayer(context, layer);
    expect(await bench.driver.hasLayer(layer)).toBe(false);
    expect(await Array.fromAsync(bench.driver.snapshots())).toEqual([]);
  });

  test(`${name}: a layer that got lost is made again from its tar when it is mounted`, async () => {
    const bench = await newBench();
    const layer = await bench.receive(tarOf({ name: 'file', text: 'x' }));
    await bench.driver.removeLayer(context, layer);
    const root = await bench.start('c1', [layer]);
    expect(await namesIn(root)).toEqual(['file']);
  });

  test(`${name}: a key is used once and is no path`, async () => {
    const bench = await newBench();
    await bench.driver.prepare(context, 'c1', []);
    await codeOfFailure(bench.driver.prepare(context, 'c1', []), 'conflict');
    await codeOfFailure(bench.driver.prepare(context, '../c2', []), 'invalid-argument');
    await codeOfFailure(bench.driver.mount(context, 'c3', '/mnt'), 'not-found');
  });

  test(`${name}: a new process finds layers and snapshots, and mounts that are still there`, async () => {
    const bench = await newBench();
    const layer = await bench.receive(tarOf({ name: 'file', text: 'x' }));
    const root = await bench.start('c1', [layer]);
    await writeFile(join(root, 'own'), 'y');
    const { runs } = bench;
    await mkdir(join(bench.directory, 'data/snapshots/half-made/upper'), { recursive: true });
    await writeFile(join(bench.directory, 'data/snapshots/half-made/layers.new'), '');
    await bench.open();
    expect(await Array.fromAsync(bench.driver.layers())).toEqual([layer]);
    expect(await Array.fromAsync(bench.driver.snapshots())).toEqual(['c1']);
    await bench.unmountAll();
    const again = await bench.mount((target) => bench.driver.mount(context, 'c1', target));
    expect((await namesIn(again)).sort()).toEqual(['file', 'own']);
    expect(bench.runs).toBe(runs);
  });

  test(`${name}: release keeps what a used snapshot needs`, async () => {
    const bench = await newBench();
    const used = await bench.receive(tarOf({ name: 'used', text: 'x' }));
    const idle = await bench.receive(tarOf({ name: 'idle', text: 'x' }));
    await bench.start('c1', [used]);
    await bench.start('c2', [idle, used]);
    const { runs } = bench;
    await bench.driver.release(context, new Set(['c1']));
    const released = bench.runs;
    await bench.start('c3', [used]);
    expect(bench.runs).toBe(released);
    expect(released - runs).toBeLessThanOrEqual(1);
  });

  test(`${name}: usage counts the writable part, describe tells where it is`, async () => {
    const bench = await newBench();
    const layer = await bench.receive(tarOf({ name: 'file', text: 'not counted' }));
    const root = await bench.start('c1', [layer]);
    await mkdir(join(root, 'dir'));
    await writeFile(join(root, 'dir/five'), '12345');
    await writeFile(Buffer.from(`${root}/\xff`, 'latin1'), '12');
    expect(await bench.driver.usage('c1')).toEqual({ bytes: 7, inodes: 4 });
    const data = bench.driver.describe('c1');
    expect(Object.keys(data).sort()).toEqual(['LowerDir', 'MergedDir', 'UpperDir', 'WorkDir']);
    expect(data['UpperDir']).toBe(bench.driver.changesPath('c1'));
    expect(existsSync(join(data['LowerDir'] ?? '', 'file'))).toBe(true);
  });
}
