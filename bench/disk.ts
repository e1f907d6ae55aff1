import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Moves this process's temporary files to a fresh ext4 of their own, in a file, until disposed: what the disk went through before must not
 * count. (ext4 searches long for an inode while many were deleted in the last minutes: `recently_deleted` in fs/ext4/ialloc.c.)
 */
export function useFreshDisk(): Disposable {
  const before = process.env['TMPDIR'];
  const home = mkdtempSync(join(tmpdir(), 'sampan-disk-'));
  const [image, mountpoint] = [join(home, 'image'), mkdtempSync(join(home, 'mnt-'))];
  run('truncate', '-s', '8G', image);
  run('mke2fs', '-q', '-t', 'ext4', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image);
  run('mount', '-o', 'loop', image, mountpoint);
  process.env['TMPDIR'] = mountpoint;
  return {
    [Symbol.dispose]() {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
      run('umount', mountpoint);
      rmSync(home, { recursive: true });
    },
  };
}

function run(program: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${stderr}`);
}
