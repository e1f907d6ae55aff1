import type { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { background, type Context } from '../../base/context.ts';
import { openDatabase } from '../../base/database.ts';
import { silentLogger } from '../../base/log.ts';
import { digestOf } from '../../oci/digest.ts';
import { type LauncherProcess, openLauncher } from '../../runtime/launcher.ts';
import type { TreePart } from '../../runtime/trees/contract.ts';
import { createTrees } from '../../runtime/trees/trees.ts';
import { buildSchema } from '../schema.ts';
import { type CacheMountRequest, type CacheMountSeed, CacheMounts } from './cache-mounts.ts';

const context = background();
const binary = process.env['SAMPAN_LAUNCHER'] ?? join(import.meta.dir, '../../../build/sampan-launcher');

let home: string;
let directory: string;
let database: Database;
let launcher: LauncherProcess;
let mounts: CacheMounts;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'sampan-caches-'));
  directory = join(home, 'cache-mounts');
  database = openDatabase(join(home, 'state.db'), [buildSchema]);
  launcher = await openLauncher({ binary, socket: join(home, 'launcher'), log: silentLogger });
  mounts = await reopen();
});

afterEach(async () => {
  await launcher[Symbol.asyncDispose]();
  database.close();
  rmSync(home, { recursive: true, force: true });
});

/** As another daemon does. */
function reopen(): Promise<CacheMounts> {
  const usage = async (path: string): Promise<number> => readdirSync(path).length * 1000;
  return CacheMounts.open({ database, directory, trees: createTrees(launcher), usage });
}

function acquire(id: string, more: Partial<CacheMountRequest> = {}, own: Context = context) {
  const request = { id, sharing: 'shared', seed: undefined, mode: 0o755, uid: 0, gid: 0, ...more } as const;
  return mounts.acquire(own, request);
}

function seedOf(name: string, ...parts: readonly TreePart[]): CacheMountSeed {
  return {
    identity: digestOf(name),
    async *read() {
      yield { type: 'directory', name: '.', mode: 0o750, uid: 3, gid: 4 };
      yield* parts;
    },
  };
}

/** Lets whatever can go on do so. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('a cache mount', () => {
  test('is the same directory for the same name, for later daemons too', async () => {
    using first = await acquire('/root/.cache', { mode: 0o700, uid: 1, gid: 2 });
    expect(statSync(first.path)).toMatchObject({ uid: 1, gid: 2, mode: 0o040700 });
    writeFileSync(join(first.path, 'kept'), 'x');
    mounts = await reopen();
    using second = await acquire('/root/.cache', { mode: 0o777 });
    using other = await acquire('/root/cache');
    expect(second.path).toBe(first.path);
    expect(other.path).not.toBe(first.path);
    expect(readFileSync(join(second.path, 'kept'), 'utf8')).toBe('x');
    expect(statSync(second.path).mode & 0o777).toBe(0o700);
  });

  test('lies in the directory of all, whatever it is called', async () => {
    const names = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('..', '../../etc', '/', '.', 'a/../../b', 'x\0y', 'new-1', ''),
    );
    await fc.assert(
      fc.asyncProperty(names, async (name) => {
        using mount = await acquire(name);
        expect(dirname(mount.path)).toBe(directory);
        expect(mount.path.slice(directory.length)).toMatch(/^\/[0-9a-f]{64}$/);
      }),
      { numRuns: 50 },
    );
  });

  test('begins with its seed, and is another one with another seed', async () => {
    const file = { type: 'file', name: 'a', size: 2, mode: 0o604, uid: 5, gid: 6 } as const;
    using seeded = await acquire('x', { seed: seedOf('one', file, Buffer.from('1\n')) });
    using other = await acquire('x', { seed: seedOf('two') });
    using plain = await acquire('x');
    expect(new Set([seeded.path, other.path, plain.path]).size).toBe(3);
    expect(readFileSync(join(seeded.path, 'a'), 'utf8')).toBe('1\n');
    expect(statSync(join(seeded.path, 'a'))).toMatchObject({ mode: 0o100604, uid: 5, gid: 6 });
    expect(statSync(seeded.path)).toMatchObject({ mode: 0o040750, uid: 3, gid: 4 });
    writeFileSync(join(seeded.path, 'a'), 'changed');
    using again = await acquire('x', { seed: seedOf('one', file, Buffer.from('1\n')) });
    expect(readFileSync(join(again.path, 'a'), 'utf8')).toBe('changed');
  });

  test('that cannot be seeded is not there afterwards', async () => {
    const seed: CacheMountSeed = {
      identity: digestOf('broken'),
      async *read() {
        yield { type: 'directory', name: 'd', mode: 0o755 };
        throw new Error('the seed is rotten');
      },
    };
    await expect(acquire('x', { seed })).rejects.toThrow('the seed is rotten');
    expect(readdirSync(directory)).toEqual([]);
    expect(await mounts.list()).toEqual([]);
    using _mount = await acquire('x', { seed: { ...seed, read: seedOf('').read } });
    expect(await mounts.list()).toHaveLength(1);
  });

  test('that several want at once is made once', async () => {
    let read = 0;
    const seed = seedOf('one');
    const counted: CacheMountSeed = {
      ...seed,
      read: (own) => {
        read++;
        return seed.read(own);
      },
    };
    const all = await Promise.all([1, 2, 3].map(() => acquire('x', { seed: counted })));
    expect(new Set(all.map(({ path }) => path)).size).toBe(1);
    expect(read).toBe(1);
    for (const mount of all) mount[Symbol.dispose]();
  });
});

describe('sharing of a cache mount', () => {
  test('private: whoever finds it in use gets another one, and those are used again', async () => {
    const first = await acquire('x', { sharing: 'private' });
    using second = await acquire('x', { sharing: 'private' });
    expect(second.path).not.toBe(first.path);
    first[Symbol.dispose]();
    using third = await acquire('x', { sharing: 'private' });
    expect(third.path).toBe(first.path);
  });

  test('locked: one waits for the other, in the order of asking', async () => {
    const order: string[] = [];
    const first = await acquire('x', { sharing: 'locked' });
    const waiting = ['a', 'b'].map(async (name) => {
      const mount = await acquire('x', { sharing: 'locked' });
      order.push(name);
      await settle();
      mount[Symbol.dispose]();
    });
    await settle();
    expect(order).toEqual([]);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    await Promise.all(waiting);
    expect(order).toEqual(['a', 'b']);
  });

  test('locked: waits for those who share it, who wait for it in turn', async () => {
    const shared = [await acquire('x'), await acquire('x')];
    const locked = acquire('x', { sharing: 'locked' });
    await settle();
    const late = acquire('x');
    await settle();
    expect(Bun.peek.status(locked)).toBe('pending');
    for (const mount of shared) mount[Symbol.dispose]();
    const alone = await locked;
    await settle();
    expect(Bun.peek.status(late)).toBe('pending');
    alone[Symbol.dispose]();
    (await late)[Symbol.dispose]();
  });

  test('locked: whoever is given up while waiting holds nobody up', async () => {
    const first = await acquire('x', { sharing: 'locked' });
    const stop = new AbortController();
    const second = acquire('x', { sharing: 'locked' }, { ...context, signal: stop.signal });
    const third = acquire('x', { sharing: 'locked' });
    stop.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    first[Symbol.dispose]();
    (await third)[Symbol.dispose]();
    expect((await mounts.list())[0]?.inUse).toBe(false);
  });
});

describe('the records of cache mounts', () => {
  test('say what they are, how large, and how often they were used', async () => {
    (await acquire('x'))[Symbol.dispose]();
    using mount = await acquire('x');
    writeFileSync(join(mount.path, 'a'), '');
    expect(await mounts.list()).toMatchObject([
      { type: 'exec.cachemount', description: 'cached mount x', inUse: true, size: 1000, uses: 2 },
    ]);
    expect((await mounts.list())[0]?.lastUsed?.getTime()).toBeGreaterThan(Date.now() - 60_000);
  });

  test('go with their directories, but not while they are in use', async () => {
    const mount = await acquire('x');
    writeFileSync(join(mount.path, 'a'), '');
    const id = (await mounts.list())[0]?.id ?? '';
    await expect(mounts.remove(id)).rejects.toMatchObject({ code: 'conflict' });
    mount[Symbol.dispose]();
    expect(await mounts.remove(id)).toBe(1000);
    expect(readdirSync(directory)).toEqual([]);
    await expect(mounts.remove(id)).rejects.toMatchObject({ code: 'not-found' });
    using again = await acquire('x');
    expect(readdirSync(again.path)).toEqual([]);
  });

  test('and directories agree after a daemon was killed half-way', async () => {
    (await acquire('gone'))[Symbol.dispose]();
    const kept = await acquire('kept');
    const lost = await acquire('lost');
    rmSync(lost.path, { recursive: true });
    mkdirSync(join(directory, 'new-0123456789abcdef', 'half'), { recursive: true });
    database.query('DELETE FROM cache_mounts WHERE id LIKE ?').run('%gone%');
    mounts = await reopen();
    expect(readdirSync(directory).map((name) => join(directory, name))).toEqual([kept.path]);
    expect((await mounts.list()).map(({ description }) => description)).toEqual(['cached mount kept']);
  });
});

describe('a cache mount that is filled', () => {
  async function* parts(text: string, mode = 0o755): AsyncGenerator<TreePart> {
    yield { type: 'directory', name: '.', mode, uid: 5, gid: 6 };
    yield { type: 'file', name: 'file', size: text.length };
    yield Buffer.from(text);
  }
  const contentOf = async (id: string): Promise<string> => {
    using mount = await acquire(id);
    return readFileSync(join(mount.path, 'file'), 'utf8');
  };

  test('is made, or has another content from then on, for later daemons too', async () => {
    const id = await mounts.fill(context, 'npm', parts('first', 0o700));
    expect(await contentOf('npm')).toBe('first');
    expect(await mounts.fill(context, id.slice(0, 12), parts('second'))).toBe(id);
    mounts = await reopen();
    expect(await contentOf('npm')).toBe('second');
    expect((await mounts.list()).map(({ description }) => description)).toEqual(['cached mount npm']);
    expect(readdirSync(directory)).toEqual([id]);
  });

  test('stays as it was while it is used, and when the content fails', async () => {
    await mounts.fill(context, 'npm', parts('first'));
    using _used = await acquire('npm');
    await expect(mounts.fill(context, 'npm', parts('second'))).rejects.toMatchObject({ code: 'conflict' });
    async function* broken(): AsyncGenerator<TreePart> {
      yield { type: 'file', name: 'file', size: 5 };
      throw new Error('broken');
    }
    await expect(mounts.fill(context, 'new', broken())).rejects.toThrow('broken');
    expect(readdirSync(directory)).toHaveLength(1);
    expect(await contentOf('npm')).toBe('first');
  });

  test('has its old content back when the daemon was killed before the other was in its place', async () => {
    await mounts.fill(context, 'npm', parts('first'));
    const [name = ''] = readdirSync(directory);
    renameSync(join(directory, name), join(directory, `${name}.replaced`));
    mkdirSync(join(directory, 'new-0123456789abcdef'));
    mounts = await reopen();
    expect(await contentOf('npm')).toBe('first');
    expect(readdirSync(directory)).toEqual([name]);
    await mounts.fill(context, 'npm', parts('second'));
    expect(readdirSync(directory)).toEqual([name]);
    mkdirSync(join(directory, `${name}.replaced`));
    mounts = await reopen();
    expect(await contentOf('npm')).toBe('second');
    expect(readdirSync(directory)).toEqual([name]);
  });

  test('keeps its content when the other cannot take its place', async () => {
    await mounts.fill(context, 'npm', parts('first'));
    const [name = ''] = readdirSync(directory);
    let other = '';
    async function* immovable(): AsyncGenerator<TreePart> {
      yield* parts('second');
      other = join(directory, readdirSync(directory).find((one) => one !== name) ?? '');
      execFileSync('mount', ['--bind', other, other]);
    }
    try {
      await expect(mounts.fill(context, 'npm', immovable())).rejects.toMatchObject({ code: 'EBUSY' });
    } finally {
      execFileSync('umount', [other]);
    }
    expect(await contentOf('npm')).toBe('first');
  });

  test('is used by its name or ID, which must mean one alone', async () => {
    await expect(mounts.use(context, 'npm')).rejects.toMatchObject({ code: 'not-found' });
    const id = await mounts.fill(context, 'npm', parts('first'));
    for (const name of ['npm', id, id.slice(0, 12)]) {
      using mount = await mounts.use(context, name);
      expect(readFileSync(join(mount.path, 'file'), 'utf8')).toBe('first');
    }
    using _seeded = await acquire('npm', { seed: seedOf('other') });
    await expect(mounts.use(context, 'npm')).rejects.toMatchObject({ code: 'conflict' });
    expect(await mounts.fill(context, id.slice(0, 8), parts('another'))).not.toBe(id);
    await expect(mounts.fill(context, 'npm', parts('x'))).rejects.toThrow('name one by its ID, of ');
  });
});
