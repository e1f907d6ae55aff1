import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import {
  collect,
  contents,
  context,
  everything,
  file,
  partsOf,
  rejection,
  TreesFixture,
} from '../../src/runtime/trees/testing/fixture.ts';
import { TreeError } from '../../src/runtime/trees/tree-error.ts';
import { binaries } from './fixture.ts';

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
}

describe.each(binaries.map((binary) => [basename(binary), binary]))(
  'reading a tree with %s',
  (_name, binary) => {
    let fixture: TreesFixture;
    let made = 0;
    const fresh = (): string => {
      const directory = fixture.inside(`${++made}`);
      mkdirSync(directory);
      return directory;
    };
    beforeAll(async () => {
      fixture = await TreesFixture.open(binary);
    });
    afterAll(() => fixture[Symbol.asyncDispose]());

    test('gives parents before children, names in the order of their bytes, whatever the names are', async () => {
      const directory = Buffer.from(fresh());
      const names = [
        'a',
        'a b',
        'a/x',
        'a0',
        'a\nb',
        'é',
        '\xff\xfe',
        'x'.repeat(255),
        '-',
        '.hidden',
        '..a',
      ];
      for (const name of names) {
        const bytes = Buffer.from(name, 'latin1');
        if (name === 'a') mkdirSync(Buffer.concat([directory, Buffer.from('/'), bytes]));
        else writeFileSync(Buffer.concat([directory, Buffer.from('/'), bytes]), name);
      }
      await using tree = await fixture.tree();
      const found = await collect(tree.read(context, `/${made}`, everything));
      const sorted = names.filter((name) => name !== 'a' && name !== 'a/x');
      const order = ['a', ...sorted].sort((one, other) =>
        Buffer.compare(Buffer.from(one, 'latin1'), Buffer.from(other, 'latin1')),
      );
      order.splice(order.indexOf('a') + 1, 0, 'a/x');
      expect(found.map(({ header }) => header.name)).toEqual(['.', ...order]);
      for (const { header, data } of found.slice(1)) {
        if (header.type === 'file') expect(data.toString()).toBe(header.name);
      }
    });

    test('tells what an object is: kind, mode, owner, times, devices, links', async () => {
      const directory = fresh();
      writeFileSync(`${directory}/file`, 'content');
      chownSync(`${directory}/file`, 1234, 4321);
      chmodSync(`${directory}/file`, 0o4751);
      run('touch', '-d', '2001-02-03T04:05:06.123456789Z', `${directory}/file`);
      linkSync(`${directory}/file`, `${directory}/link`);
      symlinkSync('/else\nwhere', `${directory}/symlink`);
      run('touch', '-h', '-d', '@-1.5', `${directory}/symlink`);
      run('mknod', '-m', '0640', `${directory}/device`, 'c', '260', '70000');
      run('mknod', '-m', '0600', `${directory}/disk`, 'b', '7', '3');
      run('mkfifo', '-m', '0611', `${directory}/fifo`);
      mkdirSync(`${directory}/sticky`);
      chmodSync(`${directory}/sticky`, 0o1777);
      await using tree = await fixture.tree();
      const found = await contents(tree, `${made}`);
      const plain = { uid: 0, gid: 0, linkName: '', size: 0, major: 0, minor: 0, xattrs: undefined };
      const same = {
        ...plain,
        mode: 0o4751,
        uid: 1234,
        gid: 4321,
        seconds: 981173106,
        nanoseconds: 123456789,
      };
      expect(found.get('file')?.header).toEqual({ ...same, type: 'file', name: 'file', size: 7 });
      expect(found.get('file')?.data.toString()).toBe('content');
      expect(found.get('link')?.header).toEqual({
        ...same,
        type: 'hardlink',
        name: 'link',
        linkName: 'file',
      });
      const symlink = {
        type: 'symlink',
        linkName: '/else\nwhere',
        seconds: -2,
        nanoseconds: 500_000_000,
      } as const;
      expect(found.get('symlink')?.header).toMatchObject(symlink);
      expect(found.get('device')?.header).toMatchObject({
        type: 'character',
        mode: 0o640,
        major: 260,
        minor: 70000,
      });
      expect(found.get('disk')?.header).toMatchObject({ type: 'block', mode: 0o600, major: 7, minor: 3 });
      expect(found.get('fifo')?.header).toMatchObject({ type: 'fifo', mode: 0o611 });
      expect(found.get('sticky')?.header).toMatchObject({ type: 'directory', mode: 0o1777, size: 0 });
    });

    test('knows files with several names again, among many', async () => {
      const directory = fresh();
      for (const name of ['a', 'b']) mkdirSync(`${directory}/${name}`);
      for (let index = 0; index < 1000; index++) {
        writeFileSync(`${directory}/a/${index}`, '');
        linkSync(`${directory}/a/${index}`, `${directory}/b/${index}`);
      }
      symlinkSync('x', `${directory}/a/symlink`);
      linkSync(`${directory}/a/symlink`, `${directory}/b/symlink`);
      await using tree = await fixture.tree();
      const found = await contents(tree, `${made}`);
      for (let index = 0; index < 1000; index++) {
        expect(found.get(`a/${index}`)?.header.type).toBe('file');
        expect(found.get(`b/${index}`)?.header).toMatchObject({ type: 'hardlink', linkName: `a/${index}` });
      }
      expect(found.get('b/symlink')?.header).toMatchObject({ type: 'hardlink', linkName: 'a/symlink' });
    });

    test('leaves sockets out', async () => {
      const directory = fresh();
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(`${directory}/socket`, resolve));
      await using tree = await fixture.tree();
      expect([...(await contents(tree, `${made}`)).keys()]).toEqual(['.']);
      expect(await tree.stat(context, `${made}/socket`, true)).toMatchObject({ type: 'socket' });
      server.close();
    });

    test('sends the attributes whose names begin as asked, and no others', async () => {
      const directory = fresh();
      writeFileSync(`${directory}/file`, '');
      writeFileSync(`${directory}/large`, 'data');
      const set = (name: string, value: string, path: string): void =>
        run('setfattr', '-n', name, '-v', value, path);
      set('user.one', 'first', `${directory}/file`);
      set('user.empty', '', `${directory}/file`);
      set('trusted.two', 'second', `${directory}/file`);
      set('user.large', 'x'.repeat(3000), `${directory}/large`);
      set('user.dir', '0x00ff', directory);
      await using tree = await fixture.tree();
      const found = await contents(tree, `${made}`);
      const values = (name: string) =>
        [...(found.get(name)?.header.xattrs ?? [])]
          .map(([key, value]) => [key, Buffer.from(value).toString('latin1')])
          .sort();
      expect(values('file')).toEqual([
        ['user.empty', ''],
        ['user.one', 'first'],
      ]);
      expect(values('large')).toEqual([['user.large', 'x'.repeat(3000)]]);
      expect(values('.')).toEqual([['user.dir', '\x00\xff']]);
      const trusted = await contents(tree, `${made}`, { ...everything, xattrs: ['trusted.'] });
      expect([...(trusted.get('file')?.header.xattrs?.keys() ?? [])]).toEqual(['trusted.two']);
      const none = await contents(tree, `${made}`, { ...everything, xattrs: [] });
      expect(none.get('file')?.header.xattrs).toBeUndefined();
    });

    test('sends headers alone when no data are wanted', async () => {
      writeFileSync(`${fresh()}/file`, 'content');
      await using tree = await fixture.tree();
      const found = await contents(tree, `${made}`, { ...everything, data: false });
      expect(found.get('file')?.header.size).toBe(7);
      expect(found.get('file')?.data.length).toBe(0);
    });

    test('reads one file, one link, and nothing where nothing is', async () => {
      const directory = fresh();
      writeFileSync(`${directory}/file`, 'x'.repeat(1_000_000));
      symlinkSync('file', `${directory}/link`);
      await using tree = await fixture.tree();
      const [only, ...more] = await collect(tree.read(context, `${made}/file`, everything));
      expect(only?.header).toMatchObject({ type: 'file', name: '.', size: 1_000_000 });
      expect(only?.data.equals(Buffer.alloc(1_000_000, 'x'))).toBe(true);
      expect(more).toEqual([]);
      const [link] = await collect(tree.read(context, `${made}/link`, everything));
      expect(link?.header).toMatchObject({ type: 'symlink', linkName: 'file' });
      const error = await rejection(collect(tree.read(context, `${made}/missing`, everything)));
      expect(error).toMatchObject({ code: 'not-found', path: `${made}/missing` });
    });

    test('sends as many bytes as it announced while files grow and shrink', async () => {
      const directory = fresh();
      // Many that come before, so that the session waits for its client with these still unread.
      for (let index = 0; index < 8; index++)
        writeFileSync(`${directory}/a${index}`, Buffer.alloc(1 << 20, 1));
      const [shrinks, grows] = [`${directory}/b-shrinks`, `${directory}/c-grows`];
      for (const path of [shrinks, grows]) writeFileSync(path, Buffer.alloc(8 << 20, 2));
      await using tree = await fixture.tree();
      const sizes = new Map<string, { announced: number; sent: number }>();
      let name = '';
      for await (const part of tree.read(context, `${made}`, everything)) {
        if (part instanceof Uint8Array) {
          const size = sizes.get(name) ?? { announced: 0, sent: 0 };
          sizes.set(name, { ...size, sent: size.sent + part.length });
          continue;
        }
        ({ name } = part);
        sizes.set(name, { announced: part.size ?? 0, sent: 0 });
        if (name === 'b-shrinks') truncateSync(shrinks, 10);
        if (name === 'c-grows') appendFileSync(grows, Buffer.alloc(1 << 20, 3));
        await Bun.sleep(0);
      }
      for (const { announced, sent } of sizes.values()) expect(sent).toBe(announced);
      expect(sizes.get('b-shrinks')?.sent).toBe(8 << 20);
      expect(sizes.get('c-grows')?.sent).toBe(8 << 20);
    });

    test('reads trees deeper than any path, and removes them', async () => {
      const directory = mkdtempSync('/dev/shm/sampan-deep-');
      const script = `import os\nos.chdir(${JSON.stringify(directory)})\nfor _ in range(5000):\n os.mkdir('deep'); os.chdir('deep')\nopen('end', 'w').write('bottom')`;
      run('python3', '-c', script);
      await using tree = await fixture.tree(directory);
      const found = await collect(tree.read(context, '/', everything));
      expect(found.length).toBe(5002);
      expect(found.at(-1)?.header.name).toBe(`${'deep/'.repeat(5000)}end`);
      expect(found.at(-1)?.data.toString()).toBe('bottom');
      await tree.write(context, '/', partsOf(...file('deep')), { keepKinds: false });
      expect(await tree.stat(context, '/deep', false)).toMatchObject({ type: 'file' });
      rmSync(directory, { recursive: true });
    });

    test('says where a path is longer than what can be sent', async () => {
      const directory = fresh();
      const name = 'n'.repeat(250);
      const script = `import os\nos.chdir(${JSON.stringify(directory)})\nfor _ in range(270):\n os.mkdir('${name}'); os.chdir('${name}')`;
      run('python3', '-c', script);
      await using tree = await fixture.tree();
      const error = await rejection(collect(tree.read(context, `${made}`, everything)));
      expect(error).toBeInstanceOf(TreeError);
      expect(error).toMatchObject({ code: 'invalid-argument' });
      expect(String(error)).toContain('the path is too long');
      expect(await tree.stat(context, `${made}`, false)).toMatchObject({ type: 'directory' });
    });

    test('does not go up into another directory when one was moved', async () => {
      const directory = fresh();
      const names = Array.from({ length: 100 }, (_, index) => `${index}`);
      mkdirSync(join(directory, ...names), { recursive: true });
      mkdirSync(join(directory, 'else', 'where'), { recursive: true });
      writeFileSync(join(directory, 'else', 'secret'), '');
      // More than what the session and its client hold between them.
      writeFileSync(join(directory, ...names, 'file'), Buffer.alloc(16 << 20));
      await using tree = await fixture.tree();
      const found: string[] = [];
      const reading = (async () => {
        for await (const part of tree.read(context, `${made}/0`, everything)) {
          if (!(part instanceof Uint8Array)) found.push(part.name);
          else if (found.length === 101) {
            renameSync(join(directory, ...names.slice(0, 10)), join(directory, 'else', 'where', 'moved'));
            found.push('moved');
          }
        }
      })();
      expect(await rejection(reading)).toMatchObject({ code: 'conflict', errno: 116 });
      expect(found.at(-1)).toBe('moved');
    });

    test('stops when the reader does, and serves the next request', async () => {
      const directory = fresh();
      for (let index = 0; index < 20; index++) writeFileSync(`${directory}/${index}`, Buffer.alloc(1 << 20));
      await using tree = await fixture.tree();
      for (let round = 0; round < 3; round++) {
        for await (const part of tree.read(context, `${made}`, everything))
          if (part instanceof Uint8Array) break;
        expect(await tree.stat(context, `${made}`, true)).toMatchObject({ type: 'directory' });
      }
      expect((await contents(tree, `${made}`)).size).toBe(21);
    });

    test('opens no file while another holds a lease on it without waiting for that', async () => {
      const directory = fresh();
      writeFileSync(`${directory}/leased`, 'content');
      const script = `import fcntl, os, signal, sys, time\nf = os.open(${JSON.stringify(`${directory}/leased`)}, os.O_RDWR)\nsignal.signal(signal.SIGIO, lambda *_: fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_UNLCK))\nfcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK)\nprint('held', flush=True)\nsys.stdin.read()`;
      const holder = Bun.spawn(['python3', '-c', script], { stdin: 'pipe', stdout: 'pipe' });
      await holder.stdout.getReader().read();
      await using tree = await fixture.tree();
      expect((await contents(tree, `${made}`)).get('leased')?.data.toString()).toBe('content');
      holder.stdin.end();
      await holder.exited;
    });
  },
);
