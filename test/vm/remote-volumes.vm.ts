import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { TestDaemon } from '../fixtures/test-daemon.ts';

/** Volumes that lie on servers, which the guest's own kernel is: NFS, and SMB as far as Debian's stable ksmbd goes with its kernel, which is the login. */

let daemon: TestDaemon;
let shares: ChildProcess;

function sh(script: string): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-ec', script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script}: ${stdout}${stderr}`);
  return stdout.trim();
}

/** What libtirpc and ksmbd read. */
const files = {
  '/etc/netconfig': 'udp tpi_clts v inet udp - -\ntcp tpi_cots_ord v inet tcp - -\n',
  '/etc/services': 'nfs 2049/tcp\nmicrosoft-ds 445/tcp\n',
  '/etc/exports': '/served 127.0.0.1(rw,no_root_squash,insecure,fsid=0,no_subtree_check)\n',
  '/etc/ksmbd/ksmbd.conf': '[global]\nserver string = guest\n',
};

beforeAll(async () => {
  for (const path of ['/served', '/var/lib/nfs/v4recovery', '/etc/ksmbd'])
    mkdirSync(path, { recursive: true });
  for (const [path, text] of Object.entries(files)) writeFileSync(path, text);
  // Else the server makes its first clients wait, who might have had locks of its former life.
  sh(
    'mount -t nfsd nfsd /proc/fs/nfsd; echo 10 >/proc/fs/nfsd/nfsv4leasetime; echo 10 >/proc/fs/nfsd/nfsv4gracetime',
  );
  sh('touch /var/lib/nfs/etab /var/lib/nfs/rmtab; exportfs -a; rpc.mountd -N 3; rpc.nfsd -N 3 2');
  sh('ksmbd.adduser -a keeper -p secret');
  shares = spawn('ksmbd.mountd', ['-n'], { stdio: 'ignore' });
  // Port 445, where anybody may ask.
  while (!readFileSync('/proc/net/tcp6', 'utf8').includes(':01BD ')) await Bun.sleep(100);
  daemon = await TestDaemon.start();
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  shares.kill('SIGKILL');
});

function create(name: string, type: string, device: string, o: string): void {
  daemon.sampan('volume', 'create', '-o', `type=${type}`, '-o', `device=${device}`, '-o', `o=${o}`, name);
}

/** The kernel's SMB server stops to listen when any namespace's loopback goes down. */
const network = ['--network', 'host'];

const inside = (volume: string, script: string): string =>
  daemon.sampan('run', '--rm', ...network, '-v', `${volume}:/data`, 'busybox', 'sh', '-ec', script);

const mounts = (): string => readFileSync('/proc/self/mountinfo', 'utf8');

for (const [title, type, device, options, served] of [
  ['NFS by an address', 'nfs', ':/', 'addr=127.0.0.1,rw,nfsvers=4.2', '/served'],
  ['NFS by a name', 'nfs4', ':/', 'addr=localhost,rw,nfsvers=4.1', '/served'],
] as const) {
  describe(`a volume on ${title}`, () => {
    test('is mounted while a container has it, and keeps what was written', () => {
      create('remote', type, device, options);
      expect(mounts()).not.toContain('/remote/_data');
      inside('remote', 'echo kept >/data/file; mkdir -p /data/deep; mv /data/file /data/deep/file');
      expect(readFileSync(`${served}/deep/file`, 'utf8')).toBe('kept\n');
      expect(mounts()).not.toContain('/remote/_data');
      expect(inside('remote', 'cat /data/deep/file')).toBe('kept');
      sh(`rm -r ${served}/deep`);
    });

    test('is shared by containers that run at the same time, and removed without its files', () => {
      daemon.sampan(
        'run',
        '-d',
        ...network,
        '--name',
        'holder',
        '-v',
        'remote:/data',
        'busybox',
        'sleep',
        '1000',
      );
      inside('remote', 'echo seen >/data/shared');
      expect(daemon.sampan('exec', 'holder', 'cat', '/data/shared')).toBe('seen');
      expect(daemon.run('sampan', ['volume', 'rm', 'remote']).status).not.toBe(0);
      daemon.sampan('rm', '-f', 'holder');
      daemon.sampan('volume', 'rm', 'remote');
      expect(readFileSync(`${served}/shared`, 'utf8')).toBe('seen\n');
      sh(`rm ${served}/shared`);
    });
  });
}

describe('a volume that cannot be had', () => {
  for (const [title, type, device, options, complaint] of [
    [
      'a directory that is not exported',
      'nfs',
      ':/elsewhere',
      'addr=127.0.0.1,nfsvers=4',
      /no such file or directory/i,
    ],
    ['a name that nobody has', 'nfs', ':/', 'addr=nobody.invalid,nfsvers=4', /resolving/],
    [
      'a wrong password',
      'cifs',
      '//127.0.0.1/share',
      'username=keeper,password=wrong,vers=3.0',
      /permission denied/i,
    ],
  ] as const) {
    test(`for ${title} fails the start alone, with the reason and no password`, () => {
      create('gone', type, device, options);
      const { status, stderr } = daemon.run('sampan', ['run', '--rm', '-v', 'gone:/data', 'busybox', 'true']);
      expect([status > 124, stderr]).toEqual([true, expect.stringMatching(complaint)]);
      expect(stderr).not.toContain('password=wrong');
      expect(daemon.sampan('ps', '-aq')).toBe('');
      daemon.sampan('volume', 'rm', 'gone');
    });
  }
});
