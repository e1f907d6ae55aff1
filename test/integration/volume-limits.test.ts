import { afterAll, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestDaemon } from '../fixtures/test-daemon.ts';

const home = mkdtempSync(join(tmpdir(), 'sampan-limits-'));
const disk = join(home, 'disk');

function run(program: string, ...args: string[]): boolean {
  return spawnSync(program, args).status === 0;
}

/** ext4 with project quotas, in a file; false where the kernel has none. */
function mountDisk(): boolean {
  const image = join(home, 'image');
  writeFileSync(image, '');
  truncateSync(image, 256 << 20);
  mkdirSync(disk);
  const made = run('mkfs.ext4', '-q', '-O', 'quota,project', '-E', 'quotatype=prjquota', image);
  return made && run('mount', '-o', 'loop,prjquota', image, disk);
}

const hasQuotas = mountDisk();

afterAll(() => {
  if (hasQuotas) run('umount', disk);
  rmSync(home, { recursive: true });
});

if (!hasQuotas) {
  test('a size limit is refused where the filesystem has none', async () => {
    await using daemon = await TestDaemon.start();
    const outcome = daemon.run('sampan', ['volume', 'create', '-o', 'size=10M', 'limited']);
    expect(outcome.stderr).toContain('create limited: quota size requested but no quota support');
    expect(daemon.run('sampan', ['volume', 'inspect', 'limited']).status).toBe(1);
  });
} else {
  test('a volume does not get larger than its limit, nor do what is made of it', async () => {
    await using daemon = await TestDaemon.start(['--data-root', join(disk, 'data')]);
    const write = (volume: string, megabytes: number) =>
      daemon.run('sampan', [
        ...['run', '--rm', '-v', `${volume}:/v`, 'busybox'],
        ...['dd', 'if=/dev/urandom', `of=/v/file${megabytes}`, 'bs=1M', `count=${megabytes}`],
      ]);
    daemon.sampan('volume', 'create', '-o', 'size=10M', 'limited');
    expect(write('limited', 6).status).toBe(0);
    expect(write('limited', 7).status).not.toBe(0);
    daemon.sampan('volume', 'snapshot', 'limited', 'full');
    daemon.sampan('volume', 'restore', 'limited', 'full');
    daemon.sampan('volume', 'clone', 'limited', 'copy');
    daemon.sampan('volume', 'rename', 'limited', 'renamed');
    await daemon.stopProcess('SIGKILL');
    await daemon.startProcess();
    for (const volume of ['copy', 'renamed']) expect(write(volume, 8).status).not.toBe(0);
    daemon.sampan('volume', 'create', 'free');
    expect(write('free', 12).status).toBe(0);
  });
}
