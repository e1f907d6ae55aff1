import { posix } from 'node:path';
import type { Context } from '../../base/context.ts';
import { invalid, SampanError } from '../../base/errors.ts';
import { decompress } from '../../oci/compression.ts';
import { toText } from '../../oci/tar/entry.ts';
import { unpackTar } from '../../oci/tar/unpack.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { TreeStat } from '../../runtime/trees/contract.ts';
import type { WritePathOptions } from '../contract.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { isWithin, parseContainerPath } from './container-path.ts';
import { type OpenRoot, openRoot } from './open-root.ts';
import { type Owner, resolveOwner } from './owners.ts';
import { fileNotFound } from './stat-path.ts';
import { mapHeaders } from './tree-parts.ts';

export async function writePath(
  parts: Parts,
  context: Context,
  entry: Entry,
  reference: string,
  text: string,
  tar: AsyncIterable<Uint8Array>,
  options: WritePathOptions,
): Promise<void> {
  const { path } = parseContainerPath(text);
  await using root = await openRoot(parts, context, entry, false);
  const target = await root.tree.stat(context, path, true);
  if (target === undefined) throw fileNotFound(text, reference);
  if (target.type !== 'directory') throw invalid('extraction point is not a directory');
  await checkWritable(context, root, entry, target);
  const { User: user } = entry.container.config;
  const owner = options.copyOwners && user !== '' ? await resolveOwner(context, root.tree, user) : undefined;
  const members = mapHeaders(unpackTar(decompress(tar)), (header) =>
    admit(header, { target: target.path, live: root.live }, owner),
  );
  await root.tree.write(context, target.path, members, { keepKinds: options.noOverwriteDirNonDir });
  parts.events.container(entry.container, 'extract-to-dir');
}

/** Fails with `permission-denied` where the kernel would refuse to write, and where it would take what is written for orders. */
async function checkWritable(
  context: Context,
  root: OpenRoot,
  { container, mounts }: Entry,
  { path, readOnly }: TreeStat,
): Promise<void> {
  if (root.live && isKernels(path)) throw refused(path);
  if (!readOnly) return;
  const volumes = mounts.filter(({ point }) => point.type !== 'tmpfs').map(({ point }) => point.destination);
  const places = await Promise.all(volumes.map((volume) => root.tree.stat(context, volume, true)));
  const inVolume = places.some((place) => place !== undefined && isWithin(path, place.path));
  if (inVolume || !container.hostConfig.ReadonlyRootfs) {
    throw new SampanError('permission-denied', 'mounted volume is marked read-only');
  }
  throw new SampanError('permission-denied', 'container rootfs is marked read-only');
}

/** Filesystems through which the kernel is told what to do. */
const kernelDirectories = ['/proc', '/sys'];

function isKernels(path: string): boolean {
  return kernelDirectories.some((directory) => isWithin(path, directory));
}

function refused(path: string): SampanError {
  return new SampanError(
    'permission-denied',
    `cannot copy to ${toText(path)}: /proc and /sys of a running container belong to the kernel`,
  );
}

interface Place {
  /** The directory that is written to. */
  readonly target: string;
  readonly live: boolean;
}

/** A member as it is written below the target; undefined for those that say nothing about what is in it. */
function admit(header: TarHeader, { target, live }: Place, owner: Owner | undefined): TarHeader | undefined {
  const name = relativeName(header.name);
  if (name === undefined) throw outside(header.name, target);
  // The directory itself was there before and stays as it is.
  if (name === '.') return undefined;
  const path = posix.join(target, name);
  if (live && isKernels(path)) {
    if (kernelDirectories.includes(path)) return undefined;
    throw refused(path);
  }
  const linkName = header.type === 'hardlink' ? hardLinkTarget(header) : header.linkName;
  return {
    ...header,
    name,
    ...(linkName === undefined ? {} : { linkName }),
    ...(owner === undefined ? {} : { uid: owner.uid, gid: owner.gid }),
    xattrs: withoutTrusted(header.xattrs),
  };
}

/** Without "/" at its start and cleaned as text; undefined when it leads out. */
function relativeName(name: string): string | undefined {
  const clean = posix.normalize(name.replace(/^\/+/, '')).replace(/(.)\/$/, '$1');
  return clean === '..' || clean.startsWith('../') ? undefined : clean;
}

function hardLinkTarget({ name, linkName = '' }: TarHeader): string {
  const target = relativeName(linkName);
  if (target === undefined) throw invalid(`invalid hardlink ${quote(name)} -> ${quote(linkName)}`);
  return target;
}

function outside(name: string, target: string): SampanError {
  return invalid(`${quote(name)} is outside of ${quote(target)}`);
}

function quote(bytes: string): string {
  return JSON.stringify(toText(bytes));
}

/** What overlay filesystems keep in them would make others of these files than the archive says. */
function withoutTrusted(xattrs: TarHeader['xattrs']): TarHeader['xattrs'] {
  if (xattrs === undefined) return undefined;
  return new Map([...xattrs].filter(([name]) => !name.startsWith('trusted.')));
}
