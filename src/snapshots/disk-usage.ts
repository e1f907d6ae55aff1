import { lstat, readdir } from 'node:fs/promises';
import { isErrno } from '../base/errno.ts';

/** Bytes of the files below a directory, each inode once, and the inodes; names may be any bytes. */
export async function diskUsage(
  directory: string,
): Promise<{ readonly bytes: number; readonly inodes: number }> {
  const seen = new Set<number>();
  let bytes = 0;
  let inodes = 0;
  const pending: Buffer[] = [Buffer.from(directory)];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const stats = await orGone(lstat(path));
    if (stats === undefined || seen.has(stats.ino)) continue;
    if (stats.nlink > 1) seen.add(stats.ino);
    inodes++;
    if (!stats.isDirectory()) {
      bytes += stats.size;
      continue;
    }
    const names = (await orGone(readdir(path, { encoding: 'buffer' }))) ?? [];
    for (const name of names) pending.push(Buffer.concat([path, slash, name]));
  }
  return { bytes, inodes };
}

const slash = Buffer.from('/');

/** The container may be at work: what is gone by now counts no more. */
async function orGone<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
