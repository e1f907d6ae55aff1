import { chmod, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import embedded from '../../build/sampan-launcher' with { type: 'file' };

/**
 * The launcher as a file that the kernel can execute and containers can see as their init: inside the one executable it is only bytes, so
 * that it is laid out below `directory`; from the source tree it is copied too, since a new build must not change what containers run.
 */
export async function layOutLauncher(directory: string): Promise<string> {
  const path = join(directory, 'sampan-launcher');
  await mkdir(directory, { recursive: true, mode: 0o711 });
  const fresh = `${path}.${process.pid}`;
  await Bun.write(fresh, Bun.file(embedded));
  await chmod(fresh, 0o755);
  await rename(fresh, path);
  return path;
}
