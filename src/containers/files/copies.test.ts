import { expect, test } from 'bun:test';
import { packTar } from '../../oci/tar/pack.ts';
import { unpackTar } from '../../oci/tar/unpack.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { TreePart } from '../../runtime/trees/contract.ts';
import { Harness } from '../testing/harness.ts';
import { isHeader } from './tree-parts.ts';

async function headers(tar: AsyncIterable<Uint8Array>): Promise<TarHeader[]> {
  const found: TarHeader[] = [];
  for await (const part of unpackTar(tar)) if (isHeader(part)) found.push(part);
  return found;
}

async function* archive(...members: readonly TarHeader[]): AsyncGenerator<Uint8Array> {
  async function* parts(): AsyncGenerator<TreePart> {
    yield* members;
  }
  yield* packTar(parts());
}

const plain = { noOverwriteDirNonDir: false, copyOwners: false };

test('where links lead is told within the container, as far as there is anything', async () => {
  using harness = new Harness();
  const id = await harness.run();
  const tree = harness.trees.trees.process;
  tree.add({ name: 'etc', type: 'directory' });
  tree.add({ name: 'etc/passwd', text: 'x' });
  const links = { there: '../../etc/passwd', gone: 'etc/none', chain: 'again', again: 'gone', loop: 'loop' };
  for (const [name, linkName] of Object.entries(links))
    tree.add({ name, type: 'symlink', mode: 0o777, linkName });
  const targets = await Promise.all(
    Object.keys(links).map(
      async (name) => (await harness.containers.statPath(harness.context, id, name)).linkTarget,
    ),
  );
  expect(targets).toEqual(['/etc/passwd', '/etc/none', '/etc/none', '/etc/none', '/loop']);
});

test('volumes are read in place of what is below them, the kernel filesystems are not entered', async () => {
  using harness = new Harness();
  const id = await harness.run({
    hostConfig: { Binds: ['/srv:/d/vol', '/srv:/other'], Tmpfs: { '/d/mem': '' } },
  });
  const tree = harness.trees.trees.process;
  for (const name of ['d', 'd/mem', 'd/vol', 'd/volume']) tree.add({ name, type: 'directory', mode: 0o755 });
  for (const name of ['d/mem/m', 'd/vol/v', 'd/volume/x']) tree.add({ name });
  tree.add({ name: 'd/vol/hard', type: 'hardlink', linkName: 'v' });
  const { tar } = await harness.containers.readPath(harness.context, id, '/d');
  const found = await headers(tar);
  expect(found.map(({ name, linkName }) => (linkName ? `${name} = ${linkName}` : name))).toEqual([
    'd/',
    'd/volume/',
    'd/volume/x',
    'd/mem/',
    'd/mem/m',
    'd/vol/',
    'd/vol/hard = d/vol/v',
    'd/vol/v',
  ]);
});

test('times are in whole seconds', async () => {
  using harness = new Harness();
  const id = await harness.run();
  harness.trees.trees.process.add({ name: 'f', seconds: 5, nanoseconds: 7 });
  const { tar } = await harness.containers.readPath(harness.context, id, '/f');
  expect(await headers(tar)).toMatchObject([{ name: 'f', seconds: 5, nanoseconds: 0 }]);
});

test('names are written below the directory, whatever they look like', async () => {
  using harness = new Harness();
  const id = await harness.run();
  const tree = harness.trees.trees.process;
  tree.add({ name: 'd', type: 'directory' });
  const members: TarHeader[] = [
    { type: 'directory', name: './', mode: 0o700, uid: 5 },
    { type: 'file', name: '/abs', uid: 5, xattrs: new Map([['trusted.overlay.opaque', Buffer.from('y')]]) },
    { type: 'file', name: 'a/../b' },
    { type: 'hardlink', name: './hard', linkName: '/abs' },
  ];
  await harness.containers.writePath(harness.context, id, '/d', archive(...members), plain);
  expect([...tree.members.keys()]).toEqual(['/', '/d', '/d/abs', '/d/b', '/d/hard']);
  expect(tree.members.get('/d/abs')?.xattrs?.size).toBe(0);
  expect(tree.members.get('/d/hard')?.linkName).toBe('abs');
  expect(tree.members.get('/d')?.uid).toBeUndefined();
});

test.each<[string, TarHeader]>([
  ['names', { type: 'file', name: 'a/../../b' }],
  ['names of nothing but ..', { type: 'directory', name: '..' }],
  ["hard links' targets", { type: 'hardlink', name: 'a', linkName: '../b' }],
])('%s that lead out are refused', async (_, member) => {
  using harness = new Harness();
  const id = await harness.run();
  const writing = harness.containers.writePath(harness.context, id, '/', archive(member), plain);
  await expect(writing).rejects.toMatchObject({ code: 'invalid-argument' });
});

test('a running container is not written where the kernel takes orders, a stopped one has nothing there', async () => {
  using harness = new Harness();
  const { id } = await harness.create();
  const trees = harness.trees.trees;
  for (const tree of [trees.process, trees.mounted])
    tree.add({ name: 'proc', type: 'directory', mode: 0o555 });
  const write = (path: string, member: TarHeader) =>
    harness.containers.writePath(harness.context, id, path, archive(member), plain);
  await write('/proc', { type: 'file', name: 'f' });
  await harness.containers.start(harness.context, id);
  const refused = { code: 'permission-denied', message: expect.stringContaining('belong to the kernel') };
  await expect(write('/proc', { type: 'file', name: 'f' })).rejects.toMatchObject(refused);
  await expect(write('/', { type: 'file', name: 'proc/sys/f' })).rejects.toMatchObject(refused);
  await write('/', { type: 'directory', name: 'proc', mode: 0o755 });
  expect(trees.process.members.get('/proc')?.mode).toBe(0o555);
});

test.each([
  ['mallory', { uid: 12, gid: 13 }],
  ['12', { uid: 12, gid: 13 }],
  ['99', { uid: 99, gid: 0 }],
  ['99:98', { uid: 99, gid: 98 }],
  ['mallory:staff', { uid: 12, gid: 50 }],
  ['', { uid: 1, gid: 2 }],
])('owners are those of the user %p when the client wants that', async (user, owner) => {
  using harness = new Harness();
  const id = await harness.run({ config: { User: user } });
  const tree = harness.trees.trees.process;
  tree.add({ name: 'etc/passwd', text: 'root:x:0:0\nmallory:x:12:13::/:\n' });
  tree.add({ name: 'etc/group', text: 'staff:x:50:\n' });
  const options = { ...plain, copyOwners: true };
  await harness.containers.writePath(
    harness.context,
    id,
    '/',
    archive({ type: 'file', name: 'f', uid: 1, gid: 2 }),
    options,
  );
  expect(tree.members.get('/f')).toMatchObject(owner);
});

test('a user whom the container does not know is told', async () => {
  using harness = new Harness();
  const id = await harness.run({ config: { User: 'nobody-there' } });
  const options = { ...plain, copyOwners: true };
  const writing = harness.containers.writePath(harness.context, id, '/', archive(), options);
  await expect(writing).rejects.toThrow('unable to find user nobody-there');
});

test.each([
  ['/vol', 'mounted volume is marked read-only'],
  ['/', 'container rootfs is marked read-only'],
])('what is read-only is told: %s', async (path, message) => {
  using harness = new Harness();
  const id = await harness.run({ hostConfig: { Binds: ['/srv:/vol:ro'], ReadonlyRootfs: true } });
  const tree = harness.trees.trees.process;
  tree.add({ name: 'vol', type: 'directory' });
  tree.readOnly.push('/');
  const writing = harness.containers.writePath(harness.context, id, path, archive(), plain);
  await expect(writing).rejects.toMatchObject({ code: 'permission-denied', message });
});
