/**
 * What a layer costs: indexing and receiving a Debian root, against hashing alone and against GNU tar unpacking it; reading
 * it cold through the kernel; unpacking with the overlay driver; memory for 100,000 files.
 *
 * Usage: bun bench/layers.ts [tar]   (without one, a root made by mmdebstrap, kept in build/bench)
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../src/base/context.ts';
import { silentLogger } from '../src/base/log.ts';
import { openContentStore } from '../src/content/filesystem-store.ts';
import { LayerIndexer } from '../src/oci/erofs/layer-indexer.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../src/oci/tar/writer.ts';
import { openLauncher } from '../src/runtime/launcher.ts';
import type { SnapshotDriver } from '../src/snapshots/contract.ts';
import { openErofsDriver } from '../src/snapshots/erofs-driver.ts';
import { openOverlayDriver } from '../src/snapshots/overlay-driver.ts';

const context = background();
const kept = join(import.meta.dir, '../build/bench');

function debianRoot(): string {
  const path = join(kept, 'layer.tar');
  if (existsSync(path)) return path;
  mkdirSync(kept, { recursive: true });
  const made = spawnSync('mmdebstrap', ['--variant=minbase', '--format=tar', 'bookworm', path], {
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`mmdebstrap failed: ${made.stderr}`);
  return path;
}

function* chunksOf(path: string): Generator<Uint8Array> {
  const file = openSync(path, 'r');
  const buffer = Buffer.alloc(1 << 20);
  for (let size = readSync(file, buffer); size > 0; size = readSync(file, buffer))
    yield buffer.subarray(0, size);
  closeSync(file);
}

interface Cost {
  readonly wall: number;
  /** Of this process. */
  readonly cpu: number;
}

async function measure(work: () => unknown): Promise<Cost> {
  const before = process.cpuUsage();
  const begin = performance.now();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { wall: performance.now() - begin, cpu: (user + system) / 1000 };
}

function report(what: string, { wall, cpu }: Cost, note = ''): void {
  console.log(
    `${what.padEnd(46)} ${wall.toFixed(0).padStart(7)} ms ${cpu.toFixed(0).padStart(7)} ms cpu  ${note}`,
  );
}

function run(command: string, ...args: string[]): Cost {
  const begin = performance.now();
  const result = Bun.spawnSync([command, ...args], { stderr: 'inherit' });
  if (result.exitCode !== 0) throw new Error(`${command} ended with ${result.exitCode}`);
  const { user, system } = result.resourceUsage.cpuTime;
  return { wall: performance.now() - begin, cpu: Number(user + system) / 1000 };
}

function dropCaches(): void {
  spawnSync('sync');
  writeFileSync('/proc/sys/vm/drop_caches', '3');
}

async function receive(driver: SnapshotDriver, tar: string): Promise<void> {
  await using receiver = await driver.receive(context);
  for (const chunk of chunksOf(tar)) await receiver.write(chunk);
  await receiver.commit();
}

function index(tar: string): number {
  let bytes = 0;
  const indexer = new LayerIndexer({
    write: (_offset, piece) => {
      bytes += piece.length;
    },
    resize: () => {},
  });
  for (const chunk of chunksOf(tar)) indexer.write(chunk);
  indexer.finish();
  return bytes;
}

function hash(tar: string): void {
  const sha256 = createHash('sha256');
  for (const chunk of chunksOf(tar)) sha256.update(chunk);
  sha256.digest();
}

/** Megabytes of resident memory that 100,000 small files add while they are indexed. */
function memoryOfManyFiles(): number {
  const resident = (): number =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1000;
  Bun.gc(true);
  const before = resident();
  let peak = before;
  const look = (): void => {
    peak = Math.max(peak, resident());
  };
  const sink = { write: look, resize: look };
  const indexer = new LayerIndexer(sink, { onGarbage: () => Bun.gc(true) });
  for (let number = 0; number < 100_000; number++) {
    const name = `usr/lib/directory-${number % 1000}/some-file-${number}.js`;
    indexer.write(formatTarHeader({ type: 'file', name, mode: 0o644, size: 100, seconds: number }));
    indexer.write(new Uint8Array(100));
    indexer.write(tarPadding(100));
  }
  indexer.write(tarEnd);
  indexer.finish();
  return Math.max(peak, resident()) - before;
}

const tar = process.argv[2] ?? debianRoot();
const size = statSync(tar).size;
const names =
  spawnSync('tar', ['-tf', tar], { maxBuffer: 1 << 28 })
    .stdout.toString()
    .split('\n').length - 1;
console.log(`${tar}: ${(size / 1e6).toFixed(0)} MB, ${names} members\n`);

const directory = await mkdtemp(join(tmpdir(), 'sampan-bench-'));
const binary = join(import.meta.dir, '../build/sampan-launcher');
const launcher = await openLauncher({ binary, socket: join(directory, 'socket'), log: silentLogger });
try {
  report('sha256 alone', await measure(() => hash(tar)));
  let bytes = 0;
  for (const title of ['first', 'again']) {
    const cost = await measure(() => {
      bytes = index(tar);
    });
    report(`index, ${title}`, cost, `${(bytes / 1e6).toFixed(2)} MB, ${((bytes / size) * 100).toFixed(2)} %`);
  }
  const options = { launcher, execRoot: join(directory, 'run') };
  const content = await openContentStore(join(directory, 'content'));
  const erofs = await openErofsDriver({ ...options, root: join(directory, 'data'), content });
  report('receive: hash, store, index, sync (erofs)', await measure(() => receive(erofs, tar)));
  const content2 = await openContentStore(join(directory, 'content2'));
  const overlay = await openOverlayDriver({ ...options, root: join(directory, 'data2'), content: content2 });
  report('receive: hash, store, unpack, sync (overlay)', await measure(() => receive(overlay, tar)));
  const unpacked = join(directory, 'unpacked');
  mkdirSync(unpacked);
  report('GNU tar -x', run('tar', '--xattrs', '--xattrs-include=*', '-xpf', tar, '-C', unpacked));
  report('  and sync', run('sync', '-f', unpacked));

  const layers = await Array.fromAsync(erofs.layers());
  const target = join(directory, 'mounted');
  mkdirSync(target);
  report(
    'first mount of the layer',
    await measure(async () => {
      const { operations } = await erofs.view(context, layers, target);
      await launcher.run(context, { before: operations });
    }),
  );
  const catAll = (path: string): Cost =>
    run('sh', '-c', `find ${path}/usr -type f -print0 | xargs -0 cat > /dev/null`);
  for (const [title, path] of [
    ['ext4', unpacked],
    ['erofs', target],
  ] as const) {
    dropCaches();
    report(`cold read of /usr from ${title}`, catAll(path));
    report(`warm read of /usr from ${title}`, catAll(path));
  }
  await launcher.run(context, { before: [{ op: 'unmount', path: target, flags: 0 }] });
  await erofs.release(context, new Set());
  report('prepare a snapshot', await measure(() => erofs.prepare(context, 'one', layers)));
  report('prepare another', await measure(() => erofs.prepare(context, 'two', layers)));
  report('remove it', await measure(() => erofs.remove(context, 'two')));
  console.log(`\nmemory for indexing 100,000 files: ${memoryOfManyFiles().toFixed(0)} MB`);
} finally {
  await launcher[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
}
