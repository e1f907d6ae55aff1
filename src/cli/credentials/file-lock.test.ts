import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withFileLock } from './file-lock.ts';

let home: string;
let path: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sampan-lock-'));
  path = join(home, 'config.json');
});
afterEach(() => rmSync(home, { recursive: true }));

/** A lock that a process left which died long ago. */
function leaveBehind(lock: string): void {
  writeFileSync(lock, '');
  utimesSync(lock, 1, 1);
}

describe('a lock that was left behind', () => {
  test('is taken by one of those who find it at the same moment', async () => {
    leaveBehind(`${path}.lock`);
    // Each leaves its lock behind as if it had died, so that every turn begins with an old one.
    const script = `
      const { withFileLock } = await import(${JSON.stringify(join(import.meta.dir, 'file-lock.ts'))});
      const { rmdirSync, mkdirSync, utimesSync } = await import('node:fs');
      for (let round = 0; round < 60; round++) {
        await withFileLock(${JSON.stringify(path)}, async () => {
          mkdirSync(${JSON.stringify(join(home, 'inside'))});
          await Bun.sleep(0);
          rmdirSync(${JSON.stringify(join(home, 'inside'))});
          utimesSync(${JSON.stringify(`${path}.lock`)}, 1, 1);
        });
      }`;
    const takers = Array.from({ length: 4 }, () => Bun.spawn([process.execPath, '-e', script]));
    expect(await Promise.all(takers.map(({ exited }) => exited))).toEqual([0, 0, 0, 0]);
    expect(readdirSync(home)).toEqual(['config.json.lock']);
  });

  test('is taken also where whoever was about to take it died too', async () => {
    const lock = `${path}.lock`;
    leaveBehind(lock);
    const { ino, mtimeMs } = statSync(lock);
    leaveBehind(`${lock}.${ino}-${Math.trunc(mtimeMs * 1_000)}`);
    expect(await withFileLock(path, async () => 'done')).toBe('done');
    expect(readdirSync(home)).toEqual([]);
  });
});

test("a lock that another has taken meanwhile is that one's to give back", async () => {
  await withFileLock(path, async () => {
    writeFileSync(join(home, 'theirs'), '');
    renameSync(join(home, 'theirs'), `${path}.lock`);
  });
  expect(readdirSync(home)).toEqual(['config.json.lock']);
});
