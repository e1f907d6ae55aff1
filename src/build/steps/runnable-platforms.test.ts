import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatPlatform, hostPlatform } from '../../oci/platform.ts';
import { runnablePlatforms } from './runnable-platforms.ts';

const magic = '7f454c460201010000000000000000000200f300';

test('the platforms that run here are the host and those with an emulator that every container has', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sampan-binfmt-'));
  const host = formatPlatform(hostPlatform());
  const found = async () => (await runnablePlatforms(directory)).map(formatPlatform);
  const entry = (flags: string, state = 'enabled') =>
    writeFileSync(
      join(directory, 'qemu-riscv64'),
      `${state}\ninterpreter /usr/bin/qemu-riscv64\nflags: ${flags}\noffset 0\nmagic ${magic}\n`,
    );
  expect(await found()).toEqual([host]);
  entry('F');
  expect(await found()).toEqual([host, 'linux/riscv64']);
  entry('');
  expect(await found()).toEqual([host]);
  entry('F', 'disabled');
  expect(await found()).toEqual([host]);
  rmSync(directory, { recursive: true });
});
