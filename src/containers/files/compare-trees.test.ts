import { expect, test } from 'bun:test';
import { background } from '../../base/context.ts';
import { type Member, MemoryTree } from '../testing/fake-trees.ts';
import { compareTrees } from './compare-trees.ts';

const image: readonly Member[] = [
  { name: 'etc', type: 'directory', mode: 0o755 },
  { name: 'etc/passwd', text: 'root', seconds: 5 },
  { name: 'etc/motd', text: 'hello', seconds: 5 },
  { name: 'lib', type: 'symlink', mode: 0o777, linkName: 'usr/lib' },
  { name: 'usr', type: 'directory', mode: 0o755 },
  { name: 'usr/lib', type: 'directory', mode: 0o755 },
  { name: 'usr/lib/old', text: 'x' },
  { name: 'usr/lib/sub', type: 'directory', mode: 0o755 },
  { name: 'usr/lib/sub/file', text: 'x' },
  { name: 'usr/share', type: 'directory', mode: 0o755 },
];

const directory = (name: string, extra: Partial<Member> = {}): Member => ({
  name,
  type: 'directory',
  mode: 0o755,
  ...extra,
});

const opaque = { xattrs: new Map([['trusted.overlay.opaque', Buffer.from('y')]]) };

const whiteout = (name: string): Member => ({ name, type: 'character', mode: 0, major: 0, minor: 0 });

async function compare(...above: Member[]): Promise<string[]> {
  const changes = await compareTrees(background(), new MemoryTree(...above), new MemoryTree(...image));
  return [...changes]
    .map(([path, kind]) => `${kind} ${path}`)
    .sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1));
}

function pathOf(line: string): string {
  return line.slice(line.indexOf('/'));
}

test('an untouched writable part changes nothing', async () => {
  expect(await compare()).toEqual([]);
});

test('what was copied up and is the same is no change, nor are the times of directories', async () => {
  const copies = [directory('etc', { seconds: 99 }), { name: 'etc/passwd', text: 'root', seconds: 5 }];
  expect(await compare(...copies)).toEqual([]);
});

test('a change makes all directories around it modified, the root excepted', async () => {
  const file = { name: 'usr/lib/old', text: 'y', seconds: 9 };
  expect(await compare(directory('usr'), directory('usr/lib'), file)).toEqual([
    'modified /usr',
    'modified /usr/lib',
    'modified /usr/lib/old',
  ]);
  expect(await compare({ name: 'new', text: '' })).toEqual(['added /new']);
});

test.each([
  ['size', { text: 'hello!', seconds: 5 }],
  ['time', { text: 'hello', seconds: 6 }],
  ['mode', { text: 'hello', seconds: 5, mode: 0o600 }],
  ['owner', { text: 'hello', seconds: 5, uid: 7 }],
  ['group', { text: 'hello', seconds: 5, gid: 7 }],
  ['kind', { type: 'fifo', seconds: 5 }],
] as const)('a file of another %s is modified', async (_what, file) => {
  expect(await compare(directory('etc'), { name: 'etc/motd', ...file })).toEqual([
    'modified /etc',
    'modified /etc/motd',
  ]);
});

test('a link that leads elsewhere is modified, one that does not is not', async () => {
  const link = { name: 'lib', type: 'symlink', mode: 0o777 } as const;
  expect(await compare({ ...link, linkName: 'usr/lib' })).toEqual([]);
  expect(await compare({ ...link, linkName: 'usr/lob' })).toEqual(['modified /lib']);
});

test('a whiteout is a removal, of a directory as a whole', async () => {
  expect(await compare(whiteout('usr'), directory('etc'), whiteout('etc/motd'))).toEqual([
    'modified /etc',
    'deleted /etc/motd',
    'deleted /usr',
  ]);
});

test('whiteouts that are names of one device are removals each', async () => {
  const link: Member = { name: 'usr', type: 'hardlink', linkName: 'lib' };
  expect(await compare(whiteout('lib'), link)).toEqual(['deleted /lib', 'deleted /usr']);
});

test('a device that is no whiteout is added', async () => {
  expect(await compare({ name: 'null', type: 'character', major: 1, minor: 3 })).toEqual(['added /null']);
});

test('all in a new directory is added', async () => {
  expect(await compare(directory('srv'), directory('srv/a'), { name: 'srv/a/f' })).toEqual([
    'added /srv',
    'added /srv/a',
    'added /srv/a/f',
  ]);
});

test('an opaque directory has lost what was below it and is not in it', async () => {
  const above = [
    directory('usr'),
    directory('usr/lib', opaque),
    { name: 'usr/lib/new' },
    directory('usr/lib/sub'),
  ];
  expect(await compare(...above)).toEqual([
    'modified /usr',
    'modified /usr/lib',
    'added /usr/lib/new',
    'deleted /usr/lib/old',
    'modified /usr/lib/sub',
    'deleted /usr/lib/sub/file',
  ]);
});

test('what an opaque directory hides is told once, as a whole', async () => {
  expect(await compare(directory('usr', opaque))).toEqual([
    'modified /usr',
    'deleted /usr/lib',
    'deleted /usr/share',
  ]);
});

test('an opaque directory with the same in it is no change', async () => {
  expect(await compare(directory('usr'), directory('usr/share', opaque))).toEqual([]);
});

test('a directory in place of a link, and a file in place of a directory, are modified', async () => {
  expect(await compare(directory('lib'), { name: 'lib/x' }, { name: 'usr', text: '' })).toEqual([
    'modified /lib',
    'added /lib/x',
    'modified /usr',
  ]);
});

test('many changes are compared as few are', async () => {
  const many = Array.from({ length: 1500 }, (_, index) => `many/${String(index).padStart(4, '0')}`);
  const below = new MemoryTree(directory('many'), ...many.map((name) => ({ name, text: 'x' })));
  below.add({ name: 'many/0007', type: 'hardlink', linkName: 'many/0006' });
  const above = new MemoryTree(
    directory('many'),
    ...many.map((name, index) => ({ name, text: index % 500 === 3 ? 'xy' : 'x' })),
    { name: 'many/new' },
  );
  const changes = await compareTrees(background(), above, below);
  expect([...changes]).toEqual([
    ['/many/0003', 'modified'],
    ['/many', 'modified'],
    ['/many/0503', 'modified'],
    ['/many/1003', 'modified'],
    ['/many/new', 'added'],
  ]);
});
