import { chmod, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import embedded from '../../build/sampan-launcher' with { type: 'file' };

/** Paths of the one program under its two names. */
export interface Launchers {
  readonly launcher: string;
  /** What containers see as their init: a file of its own, for one that manages to change it must not change what the host runs. */
  readonly initBinary: string;
}

/**
 * The launcher as files that the kernel can execute: inside the one executable it is only bytes, so that it is laid out below
 * `directory`; from the source tree it is copied too, since a new build must not change what containers run.
 */
export async function layOutLaunchers(directory: string): Promise<Launchers> {
  const launcher = await layOut(directory, 'sampan-launcher');
  return { launcher, initBinary: await layOut(directory, 'docker-init') };
}

async function layOut(directory: string, name: string): Promise<string> {
  const path = join(directory, name);
  await mkdir(directory, { recursive: true, mode: 0o711 });
  const fresh = `${path}.${process.pid}`;
  await Bun.write(fresh, Bun.file(embedded));
  await chmod(fresh, 0o755);
  await rename(fresh, path);
  return path;
}
