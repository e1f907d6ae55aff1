/**
 * Runs integration tests on cgroup v2 and another kernel: Debian's cloud kernel in qemu, under software emulation. Nothing on this machine
 * is changed but build/vm. Arguments choose test files; the last line is "N passed, N failed".
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { buildStaticProgram, staticPrograms } from '../fixtures/static-program.ts';
import { copyPackagedPrograms, copyProgram, run as runIn } from './programs.ts';

const root = join(import.meta.dir, '../..');
const work = join(root, 'build/vm');
const MINUTES = 30;

const run = (program: string, args: readonly string[], cwd = work): string => runIn(program, args, cwd);

const defaultTests = [
  'test/integration/run.test.ts',
  'test/integration/lifecycle.test.ts',
  'test/integration/isolation.test.ts',
  'test/integration/privileges.test.ts',
  'test/integration/namespaces.test.ts',
  'test/integration/limits.test.ts',
  'test/integration/ports.test.ts',
  'test/integration/volume-limits.test.ts',
  'test/vm/stacked-networks.vm.ts',
  'test/vm/remote-volumes.vm.ts',
];

/** What the guest needs that the cloud kernel has as modules. */
const modules = [
  ...['virtio_pci', 'virtio_blk', 'overlay', 'erofs', 'loop', 'veth', 'bridge', 'br_netfilter', 'quota_v2'],
  ...[
    'nf_tables',
    'nft_chain_nat',
    'nft_masq',
    'nft_fib_inet',
    'nft_ct',
    'nft_nat',
    'nft_redir',
    'nft_reject_inet',
    'nft_dup_ipv4',
    'nft_dup_ipv6',
    'sctp',
  ],
  ...['dummy', 'macvlan', 'ipvlan', '8021q'],
  ...[
    'nfsd',
    'nfsv4',
    'cifs',
    'ksmbd',
    'md4',
    'md5',
    'sha256_generic',
    'sha512_generic',
    'hmac',
    'cmac',
    'ctr',
    'aes_generic',
    'ccm',
    'gcm',
    'ghash_generic',
    'nls_utf8',
  ],
];

/** Programs of the host side, and the kernel's package unpacked. Returns the kernel's release. */
function prepareKernel(): string {
  const programs: Record<string, string> = {
    'qemu-system-x86_64': 'qemu-system-x86',
    cpio: 'cpio',
    modprobe: 'kmod',
    mke2fs: 'e2fsprogs',
  };
  const missing = Object.keys(programs).filter(
    (name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0,
  );
  if (missing.length > 0) {
    run('apt-get', ['update', '-qq']);
    run('apt-get', [
      'install',
      '-y',
      '-qq',
      '--no-install-recommends',
      ...missing.map((name) => programs[name] ?? name),
    ]);
  }
  const tree = join(work, 'kernel');
  if (!existsSync(tree)) {
    const [, name = ''] =
      /Depends: (linux-image-\S+)/.exec(run('apt-cache', ['depends', 'linux-image-cloud-amd64'])) ?? [];
    run('apt-get', ['download', name]);
    const file = readdirSync(work).find((entry) => entry.startsWith(`${name}_`)) ?? '';
    run('dpkg-deb', ['-x', file, tree]);
  }
  return readdirSync(join(tree, 'lib/modules'))[0] ?? '';
}

/** A first root that loads the modules and hands over to the disk. */
function makeInitramfs(release: string): string {
  const tree = join(work, 'initramfs');
  rmSync(tree, { recursive: true, force: true });
  for (const path of ['bin', 'modules', 'dev', 'proc', 'sys', 'disk'])
    mkdirSync(join(tree, path), { recursive: true });
  copyFileSync('/bin/busybox', join(tree, 'bin/busybox'));
  const kernel = join(work, 'kernel');
  run('depmod', ['-b', kernel, release]);
  const order: string[] = [];
  for (const name of modules) {
    const wanted = run('modprobe', ['-d', kernel, '-S', release, '--show-depends', name]);
    for (const [, path = ''] of wanted.matchAll(/^insmod (\S+)/gm))
      if (!order.includes(path)) order.push(path);
  }
  for (const [index, path] of order.entries()) {
    copyFileSync(path, join(tree, 'modules', `${String(index).padStart(3, '0')}.ko`));
  }
  const script = [
    '#!/bin/busybox sh',
    'B=/bin/busybox',
    '$B mount -t devtmpfs dev /dev; $B mount -t proc proc /proc; $B mount -t sysfs sys /sys',
    'for m in /modules/*.ko; do $B insmod $m || echo "insmod $m failed"; done',
    '$B mount -t ext4 /dev/vda /disk',
    '$B umount /proc /sys',
    '$B mount --move /dev /disk/dev',
    'exec $B switch_root /disk /init',
  ];
  writeFileSync(join(tree, 'init'), `${script.join('\n')}\n`);
  chmodSync(join(tree, 'init'), 0o755);
  run('sh', ['-c', 'find . | cpio -o -H newc --quiet | gzip -1 > ../initramfs.gz'], tree);
  return join(work, 'initramfs.gz');
}

/** The guest's disk: the repository, Bun with the libraries that it is linked to, and a busybox userland. */
function makeDisk(tests: readonly string[]): string {
  const tree = join(work, 'disk');
  rmSync(tree, { recursive: true, force: true });
  for (const path of [
    'bin',
    'dev',
    'proc',
    'sys',
    'run',
    'tmp',
    'etc',
    'root',
    'var',
    'repo/node_modules/.bin',
    'sbin',
    'usr/bin',
  ]) {
    mkdirSync(join(tree, path), { recursive: true });
  }
  copyFileSync('/bin/busybox', join(tree, 'bin/busybox'));
  for (const applet of run('/bin/busybox', ['--list']).split('\n')) {
    if (applet !== '' && applet !== 'busybox') run('ln', ['-sf', 'busybox', join(tree, 'bin', applet)]);
  }
  writeFileSync(join(tree, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(tree, 'etc/group'), 'root:x:0:\n');
  writeFileSync(join(tree, 'etc/hosts'), '127.0.0.1 localhost\n');
  for (const file of run('git', ['ls-files', '--cached', '--others', '--exclude-standard'], root)
    .trim()
    .split('\n')) {
    if (!statSync(join(root, file), { throwIfNoEntry: false })?.isFile()) continue;
    mkdirSync(dirname(join(tree, 'repo', file)), { recursive: true });
    copyFileSync(join(root, file), join(tree, 'repo', file));
  }
  for (const name of ['fast-check', 'pure-rand']) {
    const source = join(root, 'node_modules', name);
    if (existsSync(source)) cpSync(source, join(tree, 'repo/node_modules', name), { recursive: true });
  }
  mkdirSync(join(tree, 'repo/build'), { recursive: true });
  copyFileSync(join(root, 'build/sampan-launcher'), join(tree, 'repo/build/sampan-launcher'));
  for (const name of staticPrograms)
    cpSync(buildStaticProgram(name), join(tree, 'repo/build', name), { preserveTimestamps: true });
  copyProgram(tree, process.execPath, 'repo/node_modules/.bin/bun');
  // What tells the set-up that there is nothing to install.
  copyFileSync(join(root, 'package-lock.json'), join(tree, 'repo/node_modules/.sampan-lock'));
  copyProgram(tree, '/usr/bin/tar', 'usr/bin/tar');
  copyProgram(tree, '/sbin/mke2fs', 'sbin/mkfs.ext4');
  copyPackagedPrograms(tree, work);
  writeFileSync(join(tree, 'init'), guestInit(tests));
  chmodSync(join(tree, 'init'), 0o755);
  const image = join(work, 'disk.img');
  rmSync(image, { force: true });
  run('mke2fs', ['-q', '-t', 'ext4', '-d', tree, image, '2G']);
  // The test runner would find the copied tests.
  rmSync(tree, { recursive: true });
  return image;
}

function guestInit(tests: readonly string[]): string {
  return `${[
    '#!/bin/sh',
    'export PATH=/repo/node_modules/.bin:/usr/bin:/usr/sbin:/sbin:/bin HOME=/root TMPDIR=/tmp NO_COLOR=1 TERM=dumb',
    'mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmp /run',
    'mount -t cgroup2 cgroup2 /sys/fs/cgroup',
    'mkdir -p /dev/pts /dev/shm; mount -t devpts -o ptmxmode=666 pts /dev/pts; mount -t tmpfs shm /dev/shm',
    'ln -sf pts/ptmx /dev/ptmx; ln -sf /proc/self/fd /dev/fd; hostname guest; hostname >/etc/hostname; ip link set lo up',
    'cd /repo && touch build/sampan-launcher',
    `bun test --timeout 600000 ${tests.map((test) => `./${test}`).join(' ')}`,
    'echo "GUEST EXIT $?"',
    'poweroff -f',
  ].join('\n')}\n`;
}

async function boot(release: string, initramfs: string, disk: string): Promise<string> {
  const options = [
    ...[
      '-accel',
      'tcg,thread=multi',
      '-cpu',
      'max',
      '-smp',
      '2',
      '-m',
      '3072',
      '-nographic',
      '-no-reboot',
      '-nic',
      'none',
    ],
    ...['-kernel', join(work, 'kernel/boot', `vmlinuz-${release}`), '-initrd', initramfs],
    ...['-drive', `file=${disk},if=virtio,format=raw,cache=unsafe`],
    ...['-append', 'console=ttyS0 quiet panic=-1 cgroup_no_v1=all'],
  ];
  const guest = spawn('qemu-system-x86_64', options, { stdio: ['ignore', 'pipe', 'inherit'] });
  const deadline = setTimeout(() => guest.kill('SIGKILL'), MINUTES * 60_000);
  let output = '';
  for await (const chunk of guest.stdout) {
    process.stdout.write(chunk);
    output += String(chunk);
  }
  clearTimeout(deadline);
  return output;
}

mkdirSync(work, { recursive: true });
const release = prepareKernel();
const tests = process.argv.length > 2 ? process.argv.slice(2) : defaultTests;
const output = await boot(release, makeInitramfs(release), makeDisk(tests));
const count = (kind: string): number =>
  Number(new RegExp(`^\\s*(\\d+) ${kind}\\s*$`, 'm').exec(output)?.[1] ?? 0);
const whole = output.includes('GUEST EXIT 0');
const failed = count('fail') + (whole || count('fail') > 0 ? 0 : 1);
console.log(`${count('pass')} passed, ${failed} failed`);
process.exit(whole ? 0 : 1);
