import { lstat, readdir } from 'node:fs/promises';
import { isErrno } from '../base/errno.ts';

/** Of what is below a directory, each inode once: bytes of the files, bytes allocated on disk, inodes. Names may be any bytes. */
export async function diskUsage(
  directory: string,
): Promise<{ readonly bytes: number; readonly allocated: number; readonly inodes: number }> {
  const seen = new Set<number>();
  let bytes = 0;
  let allocated = 0;
  let inodes = 0;
  const pending: Buffer[] = [Buffer.from(directory)];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const stats = await orGone(lstat(path));
    if (stats === undefined || seen.has(stats.ino)) continue;
    if (stats.nlink > 1) seen.add(stats.ino);
    inodes++;
    allocated += stats.blocks * 512;
    if (!stats.isDirectory()) {
      bytes += stats.size;
      continue;
    }
    const names = (await orGone(readdir(path, { encoding: 'buffer' }))) ?? [];
    for (const name of names) pending.push(Buffer.concat([path, slash, name]));
  }
  return { bytes, allocated, inodes };
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
