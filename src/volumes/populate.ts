import { opendir } from 'node:fs/promises';
import type { Context } from '../base/context.ts';
import type { Tree, TreePart, Trees } from '../runtime/trees/contract.ts';
import type { Volume } from './contract.ts';
import { LOCAL, type LocalDriver } from './local/local-driver.ts';
import { needsMount } from './local/options.ts';
import type { VolumeRows } from './rows.ts';
import type { VolumeTable } from './table.ts';

export interface PopulateParts {
  readonly table: VolumeTable;
  readonly rows: VolumeRows;
  readonly local: LocalDriver;
  readonly trees: Trees;
}

export type Content = () => Promise<AsyncIterable<TreePart> | undefined>;

/**
 * Fills an empty volume, or a directory in it. That it is being filled is written down first: a daemon that finds it so fills it again, or
 * empties it.
 */
export async function populate(
  { rows, trees, local }: PopulateParts,
  context: Context,
  volume: Volume,
  directory: string,
  subpath: string,
  content: Content,
): Promise<void> {
  const begun = rows.filling(volume.name) === subpath;
  if (!begun && subpath === '' && !(await isEmptyDirectory(directory))) return;
  const parts = await content();
  if (parts === undefined) return;
  await using tree = await trees.open(context, { kind: 'directory', path: directory });
  const place = subpath === '' ? '/' : await emptyPlace(context, tree, subpath, begun);
  if (place === undefined) return;
  rows.setFilling(volume.name, subpath);
  try {
    await tree.write(context, place, parts, { keepKinds: false });
  } catch (error) {
    await tree[Symbol.asyncDispose]();
    if (!isReplaceable(volume, subpath)) throw error;
    await empty(local, volume);
    rows.setFilling(volume.name, undefined);
    throw error;
  }
  rows.setFilling(volume.name, undefined);
}

/** Empties what a killed daemon left half-filled; what a container has by now is left to it. */
export async function emptyHalfFilled({ rows, table, local }: PopulateParts): Promise<void> {
  for (const { name, filling } of rows.allFilling()) {
    const volume = table.get(name);
    const unused = !table.isUsed(name);
    if (unused && !isReplaceable(volume, filling)) continue;
    if (unused) await empty(local, volume);
    rows.setFilling(name, undefined);
  }
}

/** What lies on a device, or beside other things, cannot be put away as a whole; it is filled again by whoever comes next. */
function isReplaceable({ driver, options }: Volume, subpath: string): boolean {
  return driver === LOCAL && !needsMount(options) && options['size'] === undefined && subpath === '';
}

async function empty(local: LocalDriver, { mountpoint }: Volume): Promise<void> {
  await local.replace(mountpoint, await local.staging());
}

export async function isEmptyDirectory(path: string): Promise<boolean> {
  const directory = await opendir(path);
  try {
    return (await directory.read()) === null;
  } finally {
    await directory.close();
  }
}

/** Where a directory of a volume really is, if it is there and empty, or was being filled. */
async function emptyPlace(
  context: Context,
  tree: Tree,
  subpath: string,
  begun: boolean,
): Promise<string | undefined> {
  const stat = await tree.stat(context, subpath, true);
  if (stat?.type !== 'directory') return undefined;
  if (begun) return stat.path;
  const options = { data: false, xattrs: [], crossMounts: false };
  for await (const part of tree.read(context, stat.path, options)) {
    if (!(part instanceof Uint8Array) && part.name !== '.') return undefined;
  }
  return stat.path;
}
