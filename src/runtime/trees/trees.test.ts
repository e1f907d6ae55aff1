import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../../base/log.ts';
import type { Operation } from '../../plan/operations.ts';
import type { TreePart } from './contract.ts';
import { treeFrames } from './protocol.ts';
import {
  collect,
  contents,
  context,
  everything,
  file,
  partsOf,
  rejection,
  TreesFixture,
} from './testing/fixture.ts';

const binary = process.env['SAMPAN_LAUNCHER'] ?? join(import.meta.dir, '../../../build/sampan-launcher');

let fixture: TreesFixture;
beforeAll(async () => {
  fixture = await TreesFixture.open(binary);
});
afterAll(() => fixture[Symbol.asyncDispose]());

/** PIDs of the launcher's sessions and of what watches them: their socket is the fixture's. */
function sessions(): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.filter((pid) => {
    try {
      const parents = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return parents.includes(fixture.socket) && readlinkSync(`/proc/${pid}/cwd`).startsWith('/proc/');
    } catch {
      return false;
    }
  });
}

async function gone(): Promise<void> {
  while (sessions().length > 0) await Bun.sleep(1);
}

test('the numbers are those of native/tree-wire.h', () => {
  const header = readFileSync(join(import.meta.dir, '../../../native/tree-wire.h'), 'utf8');
  const numbers = [...header.matchAll(/FRAME_TREE_(\w+) = (0x\w+),/g)].map(([, name = '', number]) => [
    name.toLowerCase(),
    Number(number),
  ]);
  expect(Object.fromEntries(numbers)).toEqual(treeFrames);
});

describe('the sources of trees', () => {
  test('a directory that is not there is not found', async () => {
    const opening = fixture.trees.open(context, { kind: 'directory', path: fixture.path('missing') });
    expect(await rejection(opening)).toMatchObject({ code: 'not-found' });
  });

  test('a mounted source is seen by the tree alone, and gone when the tree is closed', async () => {
    const lower = fixture.path('lower');
    const [upper, work, target] = ['upper', 'work', 'target'].map((name) => fixture.path(name)) as [
      string,
      string,
      string,
    ];
    for (const path of [lower, upper, work, target]) mkdirSync(path);
    writeFileSync(`${lower}/below`, 'below');
    const overlay: Operation = {
      op: 'overlay',
      target,
      layersDir: fixture.path(),
      lower: ['lower'],
      upper,
      work,
      options: [],
      attributes: 0,
    };
    const shm: Operation = {
      op: 'bind',
      sourceDir: -1,
      sourcePath: '/dev/shm',
      root: -1,
      path: `${target}/inner`,
      create: 1,
      recursive: 0,
      set: 1,
      clear: 0,
      recursiveAttributes: 0,
      propagation: 0,
    };
    {
      await using tree = await fixture.trees.open(context, {
        kind: 'mounted',
        operations: [overlay, shm],
        root: target,
      });
      expect((await contents(tree)).get('below')?.data.toString()).toBe('below');
      expect(readdirSync(target)).toEqual([]);
      await tree.write(context, '/', partsOf(...file('new', 'x')), { keepKinds: true });
      expect(await tree.stat(context, '/inner', true)).toMatchObject({ readOnly: true });
      expect(await tree.stat(context, '/', true)).toMatchObject({ readOnly: false });
      expect(
        await rejection(tree.write(context, '/inner', partsOf(...file('x')), { keepKinds: true })),
      ).toMatchObject({ errno: 30 });
      expect(
        (await contents(tree, '/', { ...everything, crossMounts: false })).get('inner')?.header.type,
      ).toBe('directory');
    }
    expect(readFileSync(`${upper}/new`, 'utf8')).toBe('x');
    expect(sessions()).toEqual([]);
  });

  test('steps that fail say which, and why', async () => {
    const step: Operation = {
      op: 'erofs',
      image: fixture.path('missing'),
      devices: [],
      target: fixture.path('nowhere'),
    };
    const opening = fixture.trees.open(context, {
      kind: 'mounted',
      operations: [step],
      root: fixture.path('nowhere'),
    });
    expect(await rejection(opening)).toMatchObject({ failure: { operation: 'erofs', errno: 2 } });
  });

  test('a live process has its own root, with and without what is mounted below', async () => {
    const script = `mount --make-rprivate / && mount --bind ${fixture.busybox} ${fixture.busybox} && mkdir -p ${fixture.busybox}/mnt && mount -t tmpfs x ${fixture.busybox}/mnt && echo hidden > ${fixture.busybox}/mnt/secret && cd ${fixture.busybox} && pivot_root . mnt/../var && exec chroot . /bin/sh -c 'umount -l /var; echo ready; read end'`;
    const child = spawn('unshare', ['-m', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    const pid = child.pid ?? 0;
    try {
      {
        await using whole = await fixture.trees.open(context, { kind: 'process', pid, bare: false });
        const found = await contents(whole);
        expect(found.get('mnt/secret')?.data.toString()).toBe('hidden\n');
        expect(found.get('bin/sh')?.header.type).toBe('symlink');
        await whole.write(context, '/mnt', partsOf(...file('written', 'x')), { keepKinds: true });
      }
      await using bare = await fixture.trees.open(context, { kind: 'process', pid, bare: true });
      const found = await contents(bare);
      expect(found.get('mnt')?.header.type).toBe('directory');
      expect(found.has('mnt/secret')).toBe(false);
      expect(found.has('bin/busybox')).toBe(true);
      expect(await bare.stat(context, '/etc/passwd', true)).toMatchObject({
        path: '/etc/passwd',
        type: 'file',
      });
      child.stdin.end();
      await once(child, 'exit');
      // What was opened stays open.
      expect(await bare.stat(context, '/bin/busybox', true)).toMatchObject({ type: 'file' });
    } finally {
      child.kill('SIGKILL');
    }
    for (const isBare of [false, true]) {
      const opening = fixture.trees.open(context, { kind: 'process', pid, bare: isBare });
      expect(await rejection(opening)).toMatchObject({ code: 'not-found' });
    }
  });
});

describe('the life of a tree', () => {
  test('its process ends with it, also in the middle of a verb', async () => {
    mkdirSync(fixture.inside('large'));
    writeFileSync(fixture.inside('large/file'), Buffer.alloc(32 << 20));
    const tree = await fixture.tree();
    expect(sessions().length).toBeGreaterThan(0);
    const reading = tree.read(context, '/large', everything)[Symbol.asyncIterator]();
    await reading.next();
    await reading.next();
    await tree[Symbol.asyncDispose]();
    await gone();
    expect(await rejection(tree.stat(context, '/', true))).toMatchObject({
      code: 'unavailable',
      message: 'the tree was closed',
    });
    await tree[Symbol.asyncDispose]();
  });

  test('an operation that is given up fails with its reason, and takes the tree with it', async () => {
    const stalled = async function* (): AsyncGenerator<TreePart> {
      yield* file('begun', 'x');
      await new Promise(() => {});
    };
    const tree = await fixture.tree();
    const aborted = new AbortController();
    const writing = tree.write({ signal: aborted.signal, log: silentLogger }, '/', stalled(), {
      keepKinds: true,
    });
    const waiting = tree.stat(context, '/', true);
    setTimeout(() => aborted.abort(new Error('enough')), 5);
    expect(String(await rejection(writing))).toContain('enough');
    expect(String(await rejection(waiting))).toContain('enough');
    await gone();
    const late = { signal: aborted.signal, log: silentLogger };
    expect(String(await rejection(fixture.trees.open(late, { kind: 'directory', path: '/' })))).toContain(
      'enough',
    );
  });

  test('verbs that are asked for at once are done one after the other', async () => {
    await using tree = await fixture.tree();
    mkdirSync(fixture.inside('order'));
    const work = [
      tree.write(context, '/order', partsOf(...file('a', '1')), { keepKinds: true }),
      collect(tree.read(context, '/order', everything)),
      tree.write(context, '/order', partsOf(...file('a', '2')), { keepKinds: true }),
      tree.stat(context, '/order/a', true),
      collect(tree.read(context, '/order/a', everything)),
    ] as const;
    const [, first, , found, second] = await Promise.all(work);
    expect(first.at(-1)?.data.toString()).toBe('1');
    expect(found).toMatchObject({ type: 'file', size: 1 });
    expect(second.at(-1)?.data.toString()).toBe('2');
  });

  test('a source that fails ends the write with its error, and the tree goes on', async () => {
    const broken = async function* (): AsyncGenerator<TreePart> {
      yield* file('first', 'x');
      throw new Error('the source broke');
    };
    await using tree = await fixture.tree();
    const error = await rejection(tree.write(context, '/', broken(), { keepKinds: true }));
    expect(String(error)).toContain('the source broke');
    expect(await tree.stat(context, '/first', true)).toMatchObject({ size: 1 });
    const impossible = partsOf({ type: 'note', name: 'note' });
    expect(await rejection(tree.write(context, '/', impossible, { keepKinds: true }))).toMatchObject({
      code: 'invalid-argument',
    });
    expect(await tree.stat(context, '/note', true)).toBeUndefined();
  });

  test('a failure is told while the source has nothing to say', async () => {
    const stalled = async function* (): AsyncGenerator<TreePart> {
      yield* file('../out');
      yield Buffer.alloc(64 << 10);
      await new Promise(() => {});
    };
    await using tree = await fixture.tree();
    const error = await rejection(tree.write(context, '/', stalled(), { keepKinds: true }));
    expect(error).toMatchObject({ code: 'invalid-argument' });
  });

  test('what one tree reads another writes, no faster than it is taken', async () => {
    const size = 64 << 20;
    let ahead = 0;
    const pattern = Buffer.alloc(1 << 20, 'pattern');
    const source = async function* (): AsyncGenerator<TreePart> {
      yield { type: 'file', name: 'huge', size };
      for (; ahead < size; ahead += pattern.length) yield pattern;
    };
    await using one = await fixture.tree();
    mkdirSync(fixture.inside('copy'));
    await one.write(context, '/', source(), { keepKinds: true });
    await using other = await fixture.tree(fixture.inside('copy'));
    await other.write(context, '/', one.read(context, '/large', everything), { keepKinds: true });
    expect(existsSync(fixture.inside('copy/file'))).toBe(true);
    const reading = one.read(context, '/huge', everything)[Symbol.asyncIterator]();
    await reading.next();
    const before = process.memoryUsage().rss;
    await Bun.sleep(50);
    expect(process.memoryUsage().rss - before).toBeLessThan(size / 4);
    await reading.return?.();
  });
});
