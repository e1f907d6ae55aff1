import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import {
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Terminal } from '../fixtures/terminal.ts';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

const program = join(import.meta.dir, '../../sampan');

let daemon: TestDaemon;
let counter = 0;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());

/** A folder of its own on this machine. */
function folder(): string {
  const path = join(daemon.home, `folder${counter++}`);
  mkdirSync(path);
  return path;
}

/** A container that ran a script and stopped. */
function containerAfter(script: string, image = 'busybox'): string {
  const id = daemon.sampan('create', image, 'sh', '-c', script);
  daemon.sampan('start', '-a', id);
  return id;
}

function shell(id: string, script: string): string {
  return daemon.sampan('exec', id, 'sh', '-c', script);
}

const modeOf = (path: string): number => lstatSync(path).mode & 0o7777;

describe('copying out of a container', () => {
  test.each(['stopped', 'running'])(
    'takes files, modes, links and directories of one that is %s',
    (state) => {
      const made =
        'mkdir -p /d/sub; echo hi >/d/a; ln /d/a /d/b; ln -s a /d/l; chmod 4750 /d/a; chmod 700 /d/sub';
      const id =
        state === 'stopped' ? containerAfter(made) : daemon.sampan('run', '-d', 'busybox', 'sleep', '600');
      if (state === 'running') shell(id, made);
      const into = folder();
      daemon.sampan('cp', `${id}:/d`, into);
      expect(readdirSync(join(into, 'd')).sort()).toEqual(['a', 'b', 'l', 'sub']);
      expect(readFileSync(join(into, 'd/b'), 'utf8')).toBe('hi\n');
      expect([modeOf(join(into, 'd/a')), modeOf(join(into, 'd/sub'))]).toEqual([0o4750, 0o700]);
      expect(lstatSync(join(into, 'd/a')).nlink).toBe(2);
      expect(readlinkSync(join(into, 'd/l'))).toBe('a');
      daemon.sampan('cp', `${id}:/d/.`, into);
      expect(readdirSync(into).sort()).toEqual(['a', 'b', 'd', 'l', 'sub']);
      daemon.sampan('cp', '-L', `${id}:/d/l`, join(into, 'followed'));
      expect(readFileSync(join(into, 'followed'), 'utf8')).toBe('hi\n');
      daemon.sampan('rm', '-f', id);
    },
  );

  test('gives files to whoever copies, with -a to their owners', () => {
    const id = containerAfter('echo x >/f; chown 1234:4321 /f');
    const into = folder();
    daemon.sampan('cp', `${id}:/f`, join(into, 'mine'));
    daemon.sampan('cp', '-a', `${id}:/f`, join(into, 'theirs'));
    const ownerOf = (name: string): string => {
      const { uid, gid } = statSync(join(into, name));
      return `${uid}:${gid}`;
    };
    expect([ownerOf('mine'), ownerOf('theirs')]).toEqual(['0:0', '1234:4321']);
    daemon.sampan('rm', id);
  });

  test('writes a tar to standard output', () => {
    const id = containerAfter('mkdir /d; echo x >/d/f');
    const { stdout } = daemon.run('sampan', ['cp', `${id}:/d`, '-']);
    const listed = Bun.spawnSync(['tar', 't'], { stdin: Buffer.from(stdout) }).stdout.toString();
    expect(listed).toBe('d/\nd/f\n');
    daemon.sampan('rm', id);
  });

  test('says on a terminal what was copied', async () => {
    const id = containerAfter('echo x >/f');
    const into = folder();
    await using terminal = new Terminal([program, 'cp', `${id}:/f`, into], {
      SAMPAN_HOST: `unix://${daemon.socket}`,
    });
    await terminal.read(/Copying from container - /);
    expect(await terminal.read(/Successfully copied \S+ to \S+/)).toBe(
      `Successfully copied 2.05kB to ${into}`,
    );
    expect(await terminal.exited).toBe(0);
    daemon.sampan('rm', id);
  });

  test('says what is not there, and makes nothing', () => {
    const id = containerAfter('true');
    const into = folder();
    const { status, stderr } = daemon.run('sampan', ['cp', `${id}:/nothing`, into]);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `Error response from daemon: Could not find the file /nothing in container ${id}\n`,
    });
    expect(readdirSync(into)).toEqual([]);
    daemon.sampan('rm', id);
  });
});

describe('copying into a container', () => {
  test('takes a tree with its links, and the directory as asked', () => {
    const id = daemon.sampan('run', '-d', 'busybox', 'sleep', '600');
    const from = folder();
    mkdirSync(join(from, 'tree'));
    writeFileSync(join(from, 'tree/a'), 'first', { mode: 0o640 });
    linkSync(join(from, 'tree/a'), join(from, 'tree/b'));
    symlinkSync('../gone', join(from, 'tree/l'));
    daemon.sampan('cp', join(from, 'tree'), `${id}:/new`);
    daemon.sampan('cp', join(from, 'tree'), `${id}:/new`);
    daemon.sampan('cp', `${join(from, 'tree')}/.`, `${id}:/tmp`);
    expect(shell(id, 'cd /new; stat -c "%n %a %h %u" a b tree/a; readlink l; ls /tmp')).toBe(
      ['a 640 2 0', 'b 640 2 0', 'tree/a 640 2 0', '../gone', 'a', 'b', 'l'].join('\n'),
    );
    daemon.sampan('rm', '-f', id);
  });

  test("keeps owners' numbers, with -a gives files to the container's user", () => {
    const id = daemon.sampan('run', '-d', '-u', '5:6', 'busybox', 'sleep', '600');
    const path = join(folder(), 'f');
    writeFileSync(path, 'x');
    chownSync(path, 1234, 4321);
    daemon.sampan('cp', path, `${id}:/kept`);
    daemon.sampan('cp', '-a', path, `${id}:/given`);
    expect(shell(id, 'stat -c %u:%g /kept /given')).toBe('1234:4321\n5:6');
    daemon.sampan('rm', '-f', id);
  });

  test('reads a tar from standard input', () => {
    const id = containerAfter('mkdir /d');
    const from = folder();
    writeFileSync(join(from, 'f'), 'piped');
    const tar = Buffer.from(Bun.spawnSync(['tar', '-C', from, '-cf', '-', 'f']).stdout);
    expect(daemon.run('sampan', ['cp', '-', `${id}:/d`], tar).status).toBe(0);
    const into = folder();
    daemon.sampan('cp', `${id}:/d/f`, into);
    expect(readFileSync(join(into, 'f'), 'utf8')).toBe('piped');
    daemon.sampan('rm', id);
  });

  test('does not write into a read-only root', () => {
    const id = daemon.sampan('create', '--read-only', 'busybox', 'true');
    const { status, stderr } = daemon.run('sampan', ['cp', '/etc/hostname', `${id}:/x`]);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'Error response from daemon: container rootfs is marked read-only\n',
    });
    daemon.sampan('rm', id);
  });
});

describe('images move as archives:', () => {
  test('save writes a file for its owner alone, which load takes', () => {
    const path = join(folder(), 'images.tar');
    daemon.sampan('tag', 'busybox', 'saved:1');
    daemon.sampan('save', '-o', path, 'saved:1', 'busybox');
    expect(modeOf(path)).toBe(0o600);
    daemon.sampan('rmi', 'saved:1');
    expect(daemon.sampan('load', '-i', path).split('\n').sort()).toEqual([
      'Loaded image: busybox:latest',
      'Loaded image: saved:1',
    ]);
    daemon.sampan('rmi', 'saved:1');
  });

  test('a save that fails leaves the file of before, and no other', () => {
    const dir = folder();
    writeFileSync(join(dir, 'images.tar'), 'before');
    expect(daemon.run('sampan', ['save', '-o', join(dir, 'images.tar'), 'nosuch']).status).toBe(1);
    expect(readFileSync(join(dir, 'images.tar'), 'utf8')).toBe('before');
    expect(readdirSync(dir)).toEqual(['images.tar']);
  });

  test.each(['save busybox', 'export none'])('%s does not write to a terminal', async (line) => {
    await using terminal = new Terminal([program, ...line.split(' ')], {
      SAMPAN_HOST: `unix://${daemon.socket}`,
    });
    await terminal.read(/cowardly refusing to save to a terminal/);
    expect(await terminal.exited).toBe(1);
  });

  test("a container's files become an image by export and import, and by commit", () => {
    const id = containerAfter('echo made >/made; rm /etc/group');
    const path = join(folder(), 'files.tar');
    daemon.sampan('export', '-o', path, id);
    daemon.sampan('import', '-c', 'CMD ["cat","/made"]', '-m', 'by hand', path, 'imported:1');
    expect(daemon.sampan('run', '--rm', 'imported:1')).toBe('made');
    expect(daemon.sampan('diff', id).split('\n')).toEqual(['C /etc', 'D /etc/group', 'A /made']);
    daemon.sampan('commit', '-a', 'Ada', '-m', 'by commit', '-c', 'CMD ["cat","/made"]', id, 'committed:1');
    expect(daemon.sampan('run', '--rm', 'committed:1')).toBe('made');
    expect(daemon.sampan('history', '--format', '{{.Comment}}', 'committed:1').split('\n')[0]).toBe(
      'by commit',
    );
    daemon.sampan('rm', id);
    daemon.sampan('rmi', 'imported:1', 'committed:1');
  });
});

describe('what is in images', () => {
  test('is told layer by layer', () => {
    const first = containerAfter('mkdir /d; echo one >/d/a; echo two >/d/b');
    daemon.sampan('commit', first, 'layered:1');
    const second = containerAfter('rm /d/a; echo three >/d/b; echo four >/d/c', 'layered:1');
    daemon.sampan('commit', second, 'layered:2');
    const format = '{{.Number}} {{.Added}} | {{.Changed}} | {{.Removed}} | {{.Wasted}}';
    const rows = daemon.sampan('image', 'layers', '--format', format, 'layered:2').split('\n');
    expect(rows.slice(1)).toEqual(['2 3 (8B) | - | - | -', '3 1 (5B) | 1 (6B) | 1 (4B) | 8B']);
    expect(
      daemon.sampan(
        'image',
        'layers',
        '--diff',
        '3',
        '--format',
        '{{.Kind}} {{.Path}} {{.Size}}',
        'layered:2',
      ),
    ).toBe(['D /d/a 4B', 'C /d/b 6B', 'A /d/c 5B'].join('\n'));
    expect(daemon.sampan('image', 'layers', 'layered:2')).toMatch(
      /\n3 layers, \S+, of which 8B wasted \(0%\)$/,
    );
    daemon.sampan('rm', first, second);
    daemon.sampan('rmi', 'layered:2', 'layered:1');
  });

  test('can be mounted once, listed and unmounted', () => {
    const path = daemon.sampan('image', 'mount', 'busybox');
    expect(daemon.sampan('image', 'mount', 'busybox')).toBe(path);
    expect(statSync(join(path, 'bin/busybox')).isFile()).toBe(true);
    expect(() => writeFileSync(join(path, 'x'), '')).toThrow('EROFS');
    expect(daemon.sampan('image', 'mount', '--format', '{{.Names}} {{.Path}}')).toBe(
      `busybox:latest ${path}`,
    );
    daemon.sampan('image', 'unmount', 'busybox');
    expect(daemon.sampan('image', 'mount', '--format', '{{.Names}}')).toBe('');
    const { status, stderr } = daemon.run('sampan', ['image', 'unmount', 'busybox']);
    expect({ status, stderr }).toEqual({ status: 1, stderr: 'image busybox is not mounted\n' });
  });
});

describe('the disk', () => {
  const usage = (): Json[] =>
    daemon
      .sampan('system', 'df', '--format', 'json')
      .split('\n')
      .map((line) => JSON.parse(line));

  test('is told by kind, and freed of what nobody uses', () => {
    const id = containerAfter('head -c 100000 /dev/zero >/big');
    daemon.sampan('volume', 'create', 'kept');
    daemon.sampan('commit', id, 'gone:1');
    expect(usage().map(({ Type, TotalCount }) => `${Type} ${TotalCount}`)).toEqual([
      'Images 2',
      'Containers 1',
      'Local Volumes 1',
      'Build Cache 0',
    ]);
    expect(daemon.sampan('system', 'df', '-v')).toContain('gone ');
    expect(daemon.sampan('container', 'prune', '-f')).toContain(id);
    expect(daemon.sampan('volume', 'prune', '-f')).toBe('Total reclaimed space: 0B');
    expect(daemon.sampan('image', 'prune', '-f')).toBe('Total reclaimed space: 0B');
    const answered = daemon.run('sampan', ['system', 'prune', '-a'], 'n\n').stdout;
    expect(answered).toStartWith('WARNING! This will remove:\n  - all stopped containers\n');
    const keeper = daemon.sampan('create', 'busybox');
    expect(daemon.sampan('image', 'prune', '-af')).toStartWith(
      'Deleted Images:\nuntagged: gone:1\ndeleted: sha256:',
    );
    expect(daemon.sampan('volume', 'prune', '-af')).toStartWith('Deleted Volumes:\nkept\n');
    expect(usage().map(({ TotalCount }) => TotalCount)).toEqual(['1', '1', '0', '0']);
    daemon.sampan('rm', keeper);
  });
});
