import { statSync } from 'node:fs';
import type { Context } from '../../base/context.ts';
import { MOUNT_ATTR_RDONLY, MS_PRIVATE, MS_REC, O_DIRECTORY, O_PATH } from '../../plan/constants.ts';
import { HOST, type Operation } from '../../plan/operations.ts';
import type { TreeSource } from '../../runtime/trees/contract.ts';
import { openMountSources } from '../lifecycle/mount-sources.ts';
import { currentMounts, type StoredMount } from '../mounts/stored-mount.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';

/** Free for parts of a plan that are not the runtime's. */
const ROOT = 0;
const SOURCE = 1;

/**
 * The root filesystem of a container that does not run, with its volumes, bind mounts and files of /etc in place unless `bare`: then
 * `releaseVolumes` is due afterwards.
 */
export async function mountedRoot(
  parts: Parts,
  context: Context,
  entry: Entry,
  bare: boolean,
): Promise<TreeSource> {
  const root = parts.paths.rootTarget;
  const { operations } = await parts.snapshots.mount(context, entry.id, root);
  if (bare) return { kind: 'mounted', operations, root };
  const sources = await openMountSources(parts, entry);
  const own = [openDirectory(ROOT, root), ...bindsOf(entry, sources.mounts), ...protection(entry)];
  return { kind: 'mounted', operations: [...sources.operations, ...operations, ...own], root };
}

/** Where a container's volumes, bind mounts and files of /etc are mounted; with memory filesystems, which only a run has. */
export function mountDestinations({ container, mounts }: Entry, running: boolean): string[] {
  const kept = currentMounts(mounts, running).filter(({ point }) => running || point.type !== 'tmpfs');
  const memory = running ? Object.keys(container.hostConfig.Tmpfs ?? {}) : [];
  return [
    ...etcFiles(container.files).map(([, destination]) => destination),
    ...kept.map(({ point }) => point.destination),
    ...memory,
  ];
}

function openDirectory(slot: number, path: string): Operation {
  return { op: 'open', slot, dir: HOST, path, flags: O_PATH | O_DIRECTORY, mode: 0, resolve: 0 };
}

/** Outer paths first. A source that has gone leaves the mount point bare. */
function bindsOf({ container }: Entry, mounts: readonly StoredMount[]): Operation[] {
  const destinations = new Set(mounts.map(({ point }) => point.destination));
  const files = etcFiles(container.files)
    .filter(([source, destination]) => isThere(source) && !destinations.has(destination))
    .map(([source, destination]) => bind(source, destination, container.hostConfig.ReadonlyRootfs, false));
  const own = mounts
    .filter(({ point }) => point.type === 'image' || (point.type !== 'tmpfs' && isThere(point.source)))
    .map(({ point, nonRecursive, subpath }) => ({
      ...bind(point.source, point.destination, !point.writable, !nonRecursive),
      ...(subpath === '' ? {} : { sourceDir: SOURCE, sourcePath: subpath, within: point.source }),
    }));
  return [...files, ...own].sort((a, b) => depth(a.path) - depth(b.path)).flatMap(withSource);
}

/** What lies in a volume is looked for from there. */
function withSource({ within, ...step }: Bind & { readonly within?: string }): Operation[] {
  return within === undefined ? [step] : [openDirectory(SOURCE, within), step];
}

type Bind = Extract<Operation, { op: 'bind' }>;

function bind(source: string, path: string, readOnly: boolean, recursive: boolean): Bind {
  return {
    op: 'bind',
    sourceDir: HOST,
    sourcePath: source,
    root: ROOT,
    path,
    create: 1,
    recursive: Number(recursive),
    set: readOnly ? MOUNT_ATTR_RDONLY : 0,
    clear: 0,
    recursiveAttributes: Number(recursive && readOnly),
    propagation: MS_PRIVATE | MS_REC,
  };
}

/** After the mount points were made. */
function protection({ container }: Entry): Operation[] {
  if (!container.hostConfig.ReadonlyRootfs) return [];
  const set = MOUNT_ATTR_RDONLY;
  return [{ op: 'setAttributes', root: ROOT, path: '/', set, clear: 0, propagation: 0, recursive: 0 }];
}

/** Host path and destination of each; none before the first start. */
function etcFiles(files: Entry['container']['files']): [string, string][] {
  const all: [string, string][] = [
    [files.hosts, '/etc/hosts'],
    [files.hostname, '/etc/hostname'],
    [files.resolvConf, '/etc/resolv.conf'],
  ];
  return all.filter(([source]) => source !== '');
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function depth(path: string): number {
  return path.split('/').filter(Boolean).length;
}
