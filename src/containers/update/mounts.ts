import { existsSync } from 'node:fs';
import { normalize } from 'node:path/posix';
import { invalid } from '../../base/errors.ts';
import type { ContainerChanges } from '../../wire/container-changes.ts';
import type { HostConfig } from '../../wire/container-config.ts';
import { fillVolumes } from '../create/fill-volumes.ts';
import { parseBind } from '../mounts/bind-syntax.ts';
import { resolveMounts } from '../mounts/mount-points.ts';
import { checkMount, checkTarget } from '../mounts/mount-rules.ts';
import { nextMounts, type StoredMount } from '../mounts/stored-mount.ts';
import { mergeTmpfsOptions } from '../mounts/tmpfs-options.ts';
import type { Parts } from '../parts.ts';
import type { Draft } from './draft.ts';

/** What is asked for, checked. Volumes are made by `addMounts`. */
export interface MountsWanted {
  readonly added: Pick<HostConfig, 'Binds' | 'Mounts' | 'Tmpfs'>;
}

/** The mounts that an update takes away and adds; those of what runs stay until its next start. Fails with `invalid-argument`. */
export function draftMounts(draft: Draft, changes: ContainerChanges): MountsWanted | undefined {
  const { Binds, Mounts, Tmpfs, MountsRemove } = changes;
  for (const target of MountsRemove ?? []) removeMount(draft, cleaned(target));
  const tmpfs = Object.entries(Tmpfs ?? {});
  const wanted = [
    ...(Binds ?? []).map((text) => parseBind(text, draft.hostConfig.VolumeDriver).mount.Target),
    ...(Mounts ?? []).map(({ Target }) => Target),
    ...tmpfs.map(([target]) => target),
  ].map(cleaned);
  if (wanted.length === 0) return undefined;
  for (const mount of Mounts ?? []) checkMount(mount, existsSync);
  for (const [target, options] of tmpfs) {
    checkTarget(target);
    mergeTmpfsOptions(options);
  }
  const taken = targetsOf(draft);
  for (const target of wanted) {
    if (taken.has(target)) throw invalid(`Duplicate mount point: ${target}`);
    taken.add(target);
    draft.note('next start', 'mount', target);
  }
  const { hostConfig } = draft;
  draft.hostConfig = {
    ...hostConfig,
    Binds: Binds?.length ? [...(hostConfig.Binds ?? []), ...Binds] : hostConfig.Binds,
    ...(Mounts?.length ? { Mounts: [...(hostConfig.Mounts ?? []), ...Mounts] } : {}),
    ...(tmpfs.length > 0 ? { Tmpfs: { ...hostConfig.Tmpfs, ...Tmpfs } } : {}),
  };
  return { added: { Binds: Binds ?? null, Mounts: Mounts ?? [], Tmpfs: Tmpfs ?? {} } };
}

function cleaned(target: string): string {
  return normalize(target).replace(/(.)\/$/, '$1');
}

/** Where something is mounted after the next start. */
function targetsOf({ mounts, hostConfig }: Draft): Set<string> {
  return new Set([
    ...nextMounts(mounts).map(({ point }) => point.destination),
    ...Object.keys(hostConfig.Tmpfs ?? {}).map(cleaned),
  ]);
}

function removeMount(draft: Draft, target: string): void {
  if (!targetsOf(draft).has(target)) {
    throw invalid(`container ${draft.name} has nothing mounted at ${JSON.stringify(target)}`);
  }
  const { hostConfig, config } = draft;
  const isOther = (path: string) => cleaned(path) !== target;
  const others = <T>(map: Record<string, T>) =>
    Object.fromEntries(Object.entries(map).filter(([path]) => isOther(path)));
  const binds = hostConfig.Binds?.filter((text) => isOther(parseBind(text, '').mount.Target));
  draft.hostConfig = {
    ...hostConfig,
    Binds: binds?.length ? binds : null,
    ...(hostConfig.Mounts ? { Mounts: hostConfig.Mounts.filter(({ Target }) => isOther(Target)) } : {}),
    ...(hostConfig.Tmpfs ? { Tmpfs: others(hostConfig.Tmpfs) } : {}),
  };
  draft.config = { ...config, Volumes: config.Volumes === null ? null : others(config.Volumes) };
  draft.mounts = draft.mounts.flatMap((mount): StoredMount[] => {
    if (mount.point.destination !== target || mount.pending === 'removed') return [mount];
    return draft.running && mount.pending === undefined ? [{ ...mount, pending: 'removed' }] : [];
  });
  draft.note('next start', 'mount', target, true);
}

/**
 * Makes the volumes that are wanted and missing, and has the draft mount them; they are kept from removal as long as `reservations` are. Volumes that
 * nobody named are told to `made`.
 */
export async function addMounts(
  parts: Parts,
  id: string,
  draft: Draft,
  { added }: MountsWanted,
  reservations: DisposableStack,
  made: (volume: string) => void,
): Promise<void> {
  const sources = {
    volumes: parts.volumes,
    images: parts.images,
    reserve: (volume: string) => void reservations.use(parts.volumes.reserve(volume)),
    dataRoot: parts.dataRoot,
    mountsOf: (): readonly StoredMount[] => [],
  };
  const own = { ...draft.hostConfig, VolumesFrom: null, ...added };
  const mounts = await resolveMounts(parts.background, sources, { ...draft.config, Volumes: null }, own);
  for (const { anonymous, point } of mounts) if (anonymous && point.name !== undefined) made(point.name);
  await fillVolumes(parts, id, mounts);
  const coming = mounts.map((mount): StoredMount => (draft.running ? { ...mount, pending: 'added' } : mount));
  draft.mounts = [...draft.mounts, ...coming];
}
