import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What a program prints. Fails with what it complains of. */
export function run(program: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${stderr}`);
  return stdout;
}

/** Copies a program into the guest's root `tree`, with the libraries that it is linked to; `libraries` is where some of them lie. */
export function copyProgram(tree: string, program: string, target: string, libraries?: string): void {
  copyFileSync(program, join(tree, target));
  chmodSync(join(tree, target), 0o755);
  const find = libraries === undefined ? [] : [`LD_LIBRARY_PATH=${libraries}`];
  for (const [, library = ''] of run('env', [...find, 'ldd', program], tree).matchAll(/(\/\S+) \(0x/g)) {
    const place = libraries === undefined ? library : library.replace(libraries, '/usr/lib/x86_64-linux-gnu');
    mkdirSync(dirname(join(tree, place)), { recursive: true });
    copyFileSync(library, join(tree, place));
  }
}

/** What the guest needs beside the repository, by the packages that have it: programs of the network, and servers of file systems. */
const programs = {
  iproute2: ['sbin/ip'],
  'nfs-kernel-server': ['usr/sbin/exportfs', 'usr/sbin/rpc.nfsd', 'usr/sbin/rpc.mountd'],
  'ksmbd-tools': ['usr/sbin/ksmbd.mountd', 'usr/sbin/ksmbd.adduser'],
} as const;

const libraryPackages = ['libtirpc3', 'libevent-core-2.1-7', 'libwrap0', 'libnl-3-200', 'libnl-genl-3-200'];

/** Puts them into the guest's root, from Debian's packages, which are unpacked below `work` alone. */
export function copyPackagedPrograms(tree: string, work: string): void {
  const unpacked = join(work, 'packages');
  if (!existsSync(unpacked)) unpackPackages(unpacked);
  const libraries = join(unpacked, 'usr/lib/x86_64-linux-gnu');
  mkdirSync(join(tree, 'usr/sbin'), { recursive: true });
  for (const paths of Object.values(programs)) {
    for (const path of paths) copyProgram(tree, join(unpacked, path), path, libraries);
  }
}

function unpackPackages(unpacked: string): void {
  const directory = `${unpacked}.debs`;
  mkdirSync(directory, { recursive: true });
  run('apt-get', ['download', ...Object.keys(programs), ...libraryPackages], directory);
  run('sh', ['-c', `for one in *.deb; do dpkg-deb -x "$one" root; done`], directory);
  // Debian's packages still say /lib for what lies in /usr/lib.
  run('sh', ['-c', 'if [ -d root/lib ]; then cp -a root/lib/. root/usr/lib/; fi'], directory);
  run('mv', ['root', unpacked], directory);
}
