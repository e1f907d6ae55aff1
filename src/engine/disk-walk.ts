import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { isErrno } from '../base/errno.ts';

/** Entries of one directory that are asked about at the same time. */
const AT_ONCE = 32;
const BLOCK = 512;
const slash = Buffer.from('/');

/**
 * Bytes on disk of all files below a directory, each inode once, without the directories themselves and without what is mounted below;
 * 0 where there is no such directory. What goes away meanwhile counts no more. Names may be any bytes.
 */
export async function diskBytes(directory: string): Promise<number> {
  const root = await orGone(lstat(directory));
  if (root === undefined) return 0;
  const linked = new Set<number>();
  let bytes = 0;
  const pending: Buffer[] = [Buffer.from(directory)];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    for await (const { entry, stats } of entriesOf(path)) {
      if (stats.dev !== root.dev) continue;
      if (stats.isDirectory()) pending.push(entry);
      else if (stats.nlink === 1 || !linked.has(stats.ino)) bytes += stats.blocks * BLOCK;
      if (stats.nlink > 1) linked.add(stats.ino);
    }
  }
  return bytes;
}

async function* entriesOf(directory: Buffer): AsyncGenerator<{ entry: Buffer; stats: Stats }> {
  const names = (await orGone(readdir(directory, { encoding: 'buffer' }))) ?? [];
  for (let start = 0; start < names.length; start += AT_ONCE) {
    const entries = names
      .slice(start, start + AT_ONCE)
      .map((name) => Buffer.concat([directory, slash, name]));
    const found = await Promise.all(entries.map((entry) => orGone(lstat(entry))));
    for (const [index, entry] of entries.entries()) {
      const stats = found[index];
      if (stats !== undefined) yield { entry, stats };
    }
  }
}

async function orGone<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
