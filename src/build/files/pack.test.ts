import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Pack } from './pack.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sampan-packs-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function openFiles(): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return targets.filter((target) => target.startsWith(directory)).length;
}

describe('a pack', () => {
  test('gives back what was written, in whatever order it is asked for', async () => {
    const place = fc.tuple(fc.nat(3_000_000), fc.integer({ min: 1, max: 2_000_000 }));
    const all = Buffer.from(Array.from({ length: 3_200_000 }, (_, index) => (index * 31) >> 3));
    using pack = Pack.temporary(directory);
    for (let at = 0; at < all.length; at += 70_001) await pack.write(all.subarray(at, at + 70_001));
    await pack.finish();
    expect(pack.size).toBe(all.length);
    await fc.assert(
      fc.asyncProperty(fc.array(place, { maxLength: 6 }), async (places) => {
        const reader = pack.reader();
        for (const [offset, length] of places) {
          const end = Math.min(all.length, offset + length);
          for (let at = offset; at < end; ) {
            const bytes = await reader.read(at, end - at);
            expect(bytes.equals(all.subarray(at, at + bytes.length))).toBe(true);
            expect(bytes.length).toBeGreaterThan(0);
            at += bytes.length;
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test('has no name, and goes when it is closed, once', async () => {
    const pack = Pack.temporary(directory);
    expect([readdirSync(directory), openFiles()]).toEqual([[], 1]);
    await pack.close();
    await pack.close();
    pack[Symbol.dispose]();
    expect(openFiles()).toBe(0);
  });

  test('is closed after what is under way, and reads nothing afterwards', async () => {
    const pack = Pack.temporary(directory);
    await pack.write(Buffer.alloc(3 << 20, 1));
    await pack.finish();
    const reader = pack.reader();
    const reading = reader.read(0, 1 << 20);
    const closing = pack.close();
    expect(openFiles()).toBe(1);
    expect((await reading).length).toBe(1 << 20);
    await closing;
    expect(openFiles()).toBe(0);
    expect(() => reader.read(2 << 20, 10)).toThrow('it has ended');
    await expect(pack.sync()).rejects.toThrow('it has ended');
  });

  test('on a full disk says so', async () => {
    const small = join(directory, 'small');
    mkdirSync(small);
    const mount = (...args: string[]): unknown => expect(Bun.spawnSync(args).exitCode).toBe(0);
    mount('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small);
    const pack = Pack.temporary(small);
    const writing = pack.write(Buffer.alloc(4 << 20)).then(() => pack.finish());
    await expect(writing).rejects.toThrow('no space is left for the files of the build');
    await pack.close();
    mount('umount', small);
  });

  test('that was cut short says so', async () => {
    using pack = Pack.temporary(directory);
    await pack.write(Buffer.from('abc'));
    await pack.finish();
    expect(() => pack.reader().read(3, 1)).toThrow('shorter than it was');
  });
});
