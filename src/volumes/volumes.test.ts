import { describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../base/context.ts';
import { openDatabase } from '../base/database.ts';
import type { Tree, TreePart } from '../runtime/trees/contract.ts';
import type { VolumeRequest } from './contract.ts';
import { volumesSchema } from './schema.ts';
import { createVolumes } from './volumes.ts';

const context = background();

/** Writes plain files only, until a header says otherwise. */
function fakeTree(root: string): Tree {
  return {
    stat: () => Promise.reject(new Error('not asked')),
    read: () => Promise.reject(new Error('not asked')) as never,
    async write(_context, _path, parts) {
      for await (const part of parts) {
        if (part instanceof Uint8Array) continue;
        if (part.type !== 'file') throw new Error('the disk is full');
        writeFileSync(join(root, part.name), '');
      }
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

async function* headers(...names: string[]): AsyncGenerator<TreePart> {
  for (const name of names) yield { type: name === 'fail' ? 'fifo' : 'file', name };
}

class Fixture implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'sampan-volumes-'));
  readonly database = openDatabase(join(this.root, 'state.db'), [volumesSchema]);
  readonly events: string[] = [];
  users: string[] = [];
  volumes = this.open();

  open() {
    return createVolumes({
      root: join(this.root, 'volumes'),
      database: this.database,
      launcher: { run: () => Promise.reject(new Error('nothing is mounted')) },
      trees: { open: async (_context, source) => fakeTree(source.kind === 'directory' ? source.path : '') },
      events: { publish: ({ action, id }) => this.events.push(`${action} ${id}`) },
      usersOf: () => this.users,
    });
  }

  [Symbol.dispose](): void {
    this.database.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

function request(name: string, own: Partial<VolumeRequest> = {}): VolumeRequest {
  return { name, driver: '', labels: {}, options: {}, ...own };
}

describe('local volumes', () => {
  test('are directories that another daemon finds again', async () => {
    using fixture = new Fixture();
    const volume = await fixture.volumes.create(context, request('data', { labels: { a: 'b' } }));
    expect(volume).toMatchObject({ name: 'data', driver: 'local', labels: { a: 'b' }, anonymous: false });
    expect(existsSync(volume.mountpoint)).toBe(true);
    expect(fixture.open().get('data')).toEqual(volume);
    expect(fixture.events).toEqual(['create data']);
  });

  test('are made once, whoever asks and with whatever labels', async () => {
    using fixture = new Fixture();
    const [first, second] = await Promise.all([
      fixture.volumes.create(context, request('data', { labels: { a: '1' } })),
      fixture.volumes.create(context, request('data', { labels: { a: '2' } })),
    ]);
    expect(second).toBe(first);
    expect(await fixture.volumes.create(context, request('data'))).toBe(first);
    expect(fixture.volumes.list()).toHaveLength(1);
  });

  test('without a name get 64 hex digits and the label that tells', async () => {
    using fixture = new Fixture();
    const volume = await fixture.volumes.create(context, request(''));
    expect(volume.name).toMatch(/^[0-9a-f]{64}$/);
    expect(volume.labels).toEqual({ 'com.docker.volume.anonymous': '' });
    expect(volume.anonymous).toBe(true);
  });

  test.each([
    ['a', 'volume name is too short, names should be at least two alphanumeric characters'],
    [
      'a/b',
      'create a/b: "a/b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
    ],
    ['../up', 'includes invalid characters for a local volume name'],
    ['x'.repeat(300), 'includes invalid characters for a local volume name'],
  ])('refuse the name %s', async (name, message) => {
    using fixture = new Fixture();
    await expect(fixture.volumes.create(context, request(name))).rejects.toThrow(message);
  });

  test('refuse other drivers and unknown options', async () => {
    using fixture = new Fixture();
    const create = (own: Partial<VolumeRequest>) => fixture.volumes.create(context, request('data', own));
    await expect(create({ driver: 'nfs' })).rejects.toThrow('plugin "nfs" not found');
    await expect(create({ options: { colour: 'red' } })).rejects.toThrow('invalid option: "colour"');
    await expect(create({ options: { type: 'tmpfs' } })).rejects.toThrow('missing required option: "device"');
    expect(fixture.volumes.list()).toEqual([]);
  });

  test('go with their data, unless a container uses them', async () => {
    using fixture = new Fixture();
    const volume = await fixture.volumes.create(context, request('data'));
    writeFileSync(join(volume.mountpoint, 'file'), 'x');
    fixture.users = ['c1', 'c2'];
    await expect(fixture.volumes.remove(context, 'data')).rejects.toThrow(
      'remove data: volume is in use - [c1, c2]',
    );
    fixture.users = [];
    const removal = fixture.volumes.remove(context, 'data');
    const successor = await fixture.volumes.create(context, request('data'));
    await removal;
    expect(existsSync(successor.mountpoint)).toBe(true);
    expect(existsSync(join(successor.mountpoint, 'file'))).toBe(false);
    expect(() => fixture.volumes.get('other')).toThrow('get other: no such volume');
    await expect(fixture.volumes.remove(context, 'other')).rejects.toThrow('get other: no such volume');
  });

  test('of which a killed daemon had begun the removal are gone at the next start', () => {
    using fixture = new Fixture();
    const trash = join(fixture.root, 'volumes', '.removing-x');
    mkdirSync(trash, { recursive: true });
    fixture.open();
    expect(existsSync(trash)).toBe(false);
  });
});

describe('the first content of a volume', () => {
  const files = (fixture: Fixture) => readdirSync(fixture.volumes.get('data').mountpoint).sort();

  test('is all there or nothing, and is not asked for where there is some', async () => {
    using fixture = new Fixture();
    await fixture.volumes.create(context, request('data'));
    const populate = (...names: string[]) =>
      fixture.volumes.populate(context, 'data', '', async () => headers(...names));
    await expect(populate('a', 'fail')).rejects.toThrow('the disk is full');
    expect(files(fixture)).toEqual([]);
    await populate('a', 'b');
    await fixture.volumes.populate(context, 'data', '', () => Promise.reject(new Error('asked')));
    expect(files(fixture)).toEqual(['a', 'b']);
  });

  test.each([
    [[], []],
    [['c1'], ['half']],
  ])('that a killed daemon left half-made goes, unless a container has it: %p', async (users, left) => {
    using fixture = new Fixture();
    const { mountpoint } = await fixture.volumes.create(context, request('data'));
    writeFileSync(join(mountpoint, 'half'), '');
    fixture.database.run("UPDATE volumes SET filling = ''");
    fixture.users = users;
    fixture.volumes = fixture.open();
    await fixture.volumes.settle(context);
    expect(files(fixture)).toEqual(left);
    // It is whole now: what comes is kept.
    writeFileSync(join(mountpoint, 'later'), '');
    await fixture.volumes.settle(context);
    expect(files(fixture)).toContain('later');
  });

  test('that is half-made is made anew by who comes before it is put away', async () => {
    using fixture = new Fixture();
    const { mountpoint } = await fixture.volumes.create(context, request('data'));
    writeFileSync(join(mountpoint, 'a'), '');
    fixture.database.run("UPDATE volumes SET filling = ''");
    await fixture.volumes.populate(context, 'data', '', async () => headers('a', 'b'));
    expect(files(fixture)).toEqual(['a', 'b']);
  });
});

describe('a volume that is about to be used', () => {
  test('is neither removed nor renamed, until nobody is any more', async () => {
    using fixture = new Fixture();
    await fixture.volumes.create(context, request('data'));
    {
      using _one = fixture.volumes.reserve('data');
      fixture.volumes.reserve('data')[Symbol.dispose]();
      await expect(fixture.volumes.remove(context, 'data')).rejects.toThrow('volume is in use');
      await expect(fixture.volumes.rename(context, 'data', 'other')).rejects.toThrow('volume is in use');
    }
    await fixture.volumes.acquire(context, 'data', 'c1');
    await expect(fixture.volumes.remove(context, 'data')).rejects.toThrow('volume is in use');
    await fixture.volumes.release(context, 'data', 'c1');
    await fixture.volumes.rename(context, 'data', 'other');
    await fixture.volumes.remove(context, 'other');
    expect(fixture.volumes.list()).toEqual([]);
    expect(fixture.events).toEqual(['create data', 'rename other', 'destroy other']);
  });
});

describe('a daemon that was killed', () => {
  const place = (fixture: Fixture, ...names: string[]) => join(fixture.root, 'volumes', ...names);

  test.each([
    ['before the new content was there', ['_data.replaced'], 'old'],
    ['before the old content was away', ['_data.replaced', '_data'], 'new'],
  ])('while it replaced what is in a volume, %s, leaves one of both', async (_when, directories, kept) => {
    using fixture = new Fixture();
    await fixture.volumes.create(context, request('data'));
    rmSync(place(fixture, 'data/_data'), { recursive: true });
    for (const directory of directories) {
      mkdirSync(place(fixture, 'data', directory));
      writeFileSync(place(fixture, 'data', directory, directory === '_data' ? 'new' : 'old'), '');
    }
    const { mountpoint } = fixture.open().get('data');
    expect(readdirSync(mountpoint)).toEqual([kept]);
    expect(readdirSync(place(fixture, 'data'))).toEqual(['_data']);
  });

  test.each([
    ['before', 'data'],
    ['after', 'other'],
  ])('while it renamed a volume, %s the data had the name, leaves it under one', async (_when, name) => {
    using fixture = new Fixture();
    const { mountpoint } = await fixture.volumes.create(context, request('data', { labels: { a: 'b' } }));
    writeFileSync(join(mountpoint, 'file'), '');
    fixture.database.run("INSERT INTO volume_renames VALUES ('data', 'other')");
    if (name === 'other') renameSync(place(fixture, 'data'), place(fixture, 'other'));
    const [volume, ...others] = fixture.open().list();
    expect(others).toEqual([]);
    expect(volume).toMatchObject({ name, labels: { a: 'b' } });
    expect(readdirSync(volume?.mountpoint ?? '')).toEqual(['file']);
    expect(fixture.open().list()).toMatchObject([{ name }]);
  });
});
