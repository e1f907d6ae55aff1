import { readFileSync, realpathSync } from 'node:fs';
import { internal } from '../../base/errors.ts';
import type { StoredMount } from '../mounts/stored-mount.ts';

export type RootPropagation = 'shared' | 'slave' | undefined;

/**
 * What a bind's propagation asks of its source: shared and slave mounts can only come from mounts that propagate.
 * Returns the propagation to use. Fails in Docker's words unless the propagation was only a default.
 */
export function settlePropagation(mount: StoredMount): string {
  const { propagation, source } = mount.point;
  const wantsShared = propagation.endsWith('shared');
  if (!wantsShared && !propagation.endsWith('slave')) return propagation;
  const { mountpoint, tags } = sourceMount(source);
  if (tags.includes('shared:') || (!wantsShared && tags.includes('master:'))) return propagation;
  if (!mount.explicitPropagation) return 'rprivate';
  const needed = wantsShared ? 'a shared mount' : 'a shared or slave mount';
  throw internal(`path ${source} is mounted on ${mountpoint} but it is not ${needed}`);
}

/** The strongest wish of the mounts decides for the root: their events have to pass through it. */
export function rootPropagation(propagations: readonly string[]): RootPropagation {
  if (propagations.some((word) => word.endsWith('shared'))) return 'shared';
  return propagations.some((word) => word.endsWith('slave')) ? 'slave' : undefined;
}

/** proc_pid_mountinfo(5): field 5 is the mount point, the optional fields end at "-". */
function sourceMount(path: string): { mountpoint: string; tags: string } {
  const real = realpathSync(path);
  let best = { mountpoint: '', tags: '' };
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const fields = line.split(' ');
    const mountpoint = unescapeOctal(fields[4] ?? '');
    const covers = real === mountpoint || real.startsWith(mountpoint === '/' ? '/' : `${mountpoint}/`);
    if (mountpoint === '' || !covers || mountpoint.length < best.mountpoint.length) continue;
    best = { mountpoint, tags: fields.slice(6, fields.indexOf('-')).join(' ') };
  }
  return best;
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
