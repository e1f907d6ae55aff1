import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isErrno } from '../base/errno.ts';

type Part =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

/** As Docker lays them into a container's root before its first start: where to mount, and how programs know that they are in one. */
const parts: readonly Part[] = [
  { kind: 'directory', path: 'dev' },
  { kind: 'directory', path: 'dev/pts' },
  { kind: 'directory', path: 'dev/shm' },
  { kind: 'file', path: 'dev/console' },
  { kind: 'directory', path: 'proc' },
  { kind: 'directory', path: 'sys' },
  { kind: 'directory', path: 'etc' },
  { kind: 'file', path: 'etc/hosts' },
  { kind: 'file', path: 'etc/hostname' },
  { kind: 'file', path: 'etc/resolv.conf' },
  { kind: 'link', path: 'etc/mtab', target: '/proc/mounts' },
  { kind: 'file', path: '.dockerenv' },
];

/** The name of the scaffold beside the layers. */
export const SCAFFOLD_LAYER = 'scaffold';

/**
 * Makes the directory that lies below all layers of every snapshot: what an image has itself stays as it is, and a start need not make
 * anything in the writable part.
 */
export function makeScaffold(layersDirectory: string): void {
  const root = join(layersDirectory, SCAFFOLD_LAYER);
  makeDirectory(root);
  for (const part of parts) {
    const path = join(root, part.path);
    if (part.kind === 'directory') makeDirectory(path);
    else if (part.kind === 'file') writeFileSync(path, '', { mode: 0o755 });
    else linkOnce(part.target, path);
  }
}

function makeDirectory(path: string): void {
  mkdirSync(path, { recursive: true });
  // Containers see it, whatever this process's umask.
  chmodSync(path, 0o755);
}

function linkOnce(target: string, path: string): void {
  try {
    symlinkSync(target, path);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
}
