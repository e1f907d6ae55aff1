import type { Context } from '../../base/context.ts';
import { packTar } from '../../oci/tar/pack.ts';
import type { TreePart, TreeStat } from '../../runtime/trees/contract.ts';
import type { PathStat } from '../contract.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { isWithin, parseContainerPath } from './container-path.ts';
import { type OpenRoot, openRoot, realMounts } from './open-root.ts';
import { describe, fileNotFound, find } from './stat-path.ts';
import { asMember, COPIED_XATTRS, mapHeaders, renamed } from './tree-parts.ts';

/** The archive holds the container's root open until it is read to its end, given up, or the operation is. */
export async function readPath(
  parts: Parts,
  context: Context,
  entry: Entry,
  reference: string,
  text: string,
): Promise<{ readonly stat: PathStat; readonly tar: AsyncIterable<Uint8Array> }> {
  const wanted = parseContainerPath(text);
  const root = await openRoot(parts, context, entry, false);
  try {
    const stat = await find(context, root.tree, wanted);
    if (stat === undefined) throw fileNotFound(text, reference);
    const shown = await describe(context, root.tree, wanted, stat);
    const members = mapHeaders(await readWithMounts(context, root, stat), (header) =>
      asMember(renamed(header, wanted.name)),
    );
    parts.events.container(entry.container, 'archive-path');
    return { stat: shown, tar: packTar(closingAfter(root, members)) };
  } catch (error) {
    await root[Symbol.asyncDispose]();
    throw error;
  }
}

export async function* closingAfter<T>(
  resource: AsyncDisposable,
  items: AsyncIterable<T>,
): AsyncGenerator<T, void, void> {
  try {
    yield* items;
  } finally {
    await resource[Symbol.asyncDispose]();
  }
}

/**
 * What is at a place and all below it, volumes and the like included; what the container's kernel filesystems show - processes, devices,
 * settings - is not read, unless it is just what was asked for.
 */
async function readWithMounts(
  context: Context,
  root: OpenRoot,
  { path, type }: TreeStat,
): Promise<AsyncIterable<TreePart>> {
  const mounts = type === 'directory' ? await realMounts(context, root) : [];
  if (type !== 'directory' || mounts.some((mount) => isWithin(path, mount))) {
    return readTree(context, root, path, true);
  }
  const below = mounts.filter((mount) => isWithin(mount, path));
  const outermost = below.filter(
    (mount) => !below.some((other) => other !== mount && isWithin(mount, other)),
  );
  return concatenate(context, root, path, outermost);
}

async function* concatenate(
  context: Context,
  root: OpenRoot,
  path: string,
  mounts: readonly string[],
): AsyncGenerator<TreePart, void, void> {
  const names = mounts.map((mount) => mount.slice(path === '/' ? 1 : path.length + 1));
  yield* mapHeaders(readTree(context, root, path, false), (header) =>
    names.some((name) => isWithin(header.name, name)) ? undefined : header,
  );
  for (const [index, name] of names.entries()) {
    yield* mapHeaders(readTree(context, root, mounts[index] ?? name, true), (header) =>
      renamed(header, name),
    );
  }
}

function readTree(
  context: Context,
  { tree }: OpenRoot,
  path: string,
  crossMounts: boolean,
): AsyncIterable<TreePart> {
  return tree.read(context, path, { data: true, xattrs: COPIED_XATTRS, crossMounts });
}
