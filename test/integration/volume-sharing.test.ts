import { expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestDaemon } from '../fixtures/test-daemon.ts';

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** A filesystem that knows FICLONE, in a file. */
class SharingDisk implements Disposable {
  readonly #home = mkdtempSync(join(tmpdir(), 'sampan-sharing-'));
  readonly path = join(this.#home, 'disk');

  constructor() {
    const image = join(this.#home, 'image');
    writeFileSync(image, '');
    truncateSync(image, 256 << 20);
    run('mkfs.btrfs', '-q', image);
    mkdirSync(this.path);
    run('mount', '-o', 'loop', image, this.path);
  }

  [Symbol.dispose](): void {
    run('umount', this.path);
    rmSync(this.#home, { recursive: true });
  }
}

const fill = `cd /v; dd if=/dev/urandom of=big bs=1M count=4; chmod 4755 big; touch -d 2001-02-03 big
mkdir sub; echo small > sub/small; chown 7:8 sub/small; ln big sub/link; ln -s big soft; : > empty`;
const look = `cd /v; find . | sort | xargs stat -c '%n %F %a %u:%g %h %s'; stat -c %Y big; md5sum big sub/small`;

// Where no such filesystem can be made there is no such test.
if (Bun.which('mkfs.btrfs') !== null) {
  test('a clone shares blocks where the filesystem can, with all that belongs to its files', async () => {
    using disk = new SharingDisk();
    await using daemon = await TestDaemon.start(['--data-root', join(disk.path, 'data')]);
    const shell = (script: string, volume: string) =>
      daemon.sampan('run', '--rm', '-v', `${volume}:/v`, 'busybox', 'sh', '-c', script);
    shell(fill, 'data');
    const path = daemon.sampan('volume', 'inspect', '-f', '{{.Mountpoint}}', 'data');
    run('setcap', 'cap_net_raw+ep', join(path, 'sub/small'));
    daemon.sampan('volume', 'clone', 'data', 'copy');
    const copy = daemon.sampan('volume', 'inspect', '-f', '{{.Mountpoint}}', 'copy');
    expect(shell(look, 'copy')).toBe(shell(look, 'data'));
    expect(run('filefrag', '-v', join(copy, 'big'))).toContain('shared');
    expect(run('getcap', join(copy, 'sub/small'))).toContain('cap_net_raw=ep');
  });
}
