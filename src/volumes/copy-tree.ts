import { statfs } from 'node:fs/promises';
import type { Context } from '../base/context.ts';
import { O_DIRECTORY, O_PATH } from '../plan/constants.ts';
import type { Launcher } from '../plan/contract.ts';
import { HOST, type Operation } from '../plan/operations.ts';
import { PlanError } from '../plan/plan-error.ts';
import type { Tree, TreePart, Trees } from '../runtime/trees/contract.ts';

/** What is copied besides the contents: capabilities and what users set themselves. */
const XATTRS: readonly string[] = ['security.capability', 'user.'];

/** All that is in a tree, but for what is mounted below it; "." is its root. */
function readAll(context: Context, tree: Tree): AsyncIterable<TreePart> {
  return tree.read(context, '/', { data: true, xattrs: XATTRS, crossMounts: false });
}

/**
 * Copies a directory's content, owner, mode and times into another, which is empty. Files share their blocks with the originals where
 * the filesystem can.
 */
export async function copyTree(
  context: Context,
  trees: Trees,
  launcher: Launcher,
  from: string,
  to: string,
): Promise<void> {
  await using source = await trees.open(context, { kind: 'directory', path: from });
  await using target = await trees.open(context, { kind: 'directory', path: to });
  if ((await canShare(to)) && (await shareTree(context, launcher, { source, from, target, to }))) return;
  await target.write(context, '/', readAll(context, source), { keepKinds: false });
}

/** Magic numbers (statfs(2)) of filesystems that know FICLONE: Btrfs, XFS, bcachefs, ZFS. */
const sharing = new Set([0x9123_683e, 0x5846_5342, 0xca45_1a4e, 0x2fc1_2fc1]);

async function canShare(path: string): Promise<boolean> {
  return sharing.has((await statfs(path)).type);
}

interface Copy {
  readonly source: Tree;
  readonly from: string;
  readonly target: Tree;
  readonly to: string;
}

/** Files of one plan. */
const BATCH = 256;
const SOURCE = 0;
const TARGET = 1;

/** False when the filesystem does not, or the files change meanwhile: then all is to be copied. */
async function shareTree(
  context: Context,
  launcher: Launcher,
  { source, from, target, to }: Copy,
): Promise<boolean> {
  const headers = (xattrs: readonly string[]) =>
    source.read(context, '/', { data: false, xattrs, crossMounts: false });
  await target.write(context, '/', withoutData(headers(XATTRS)), { keepKinds: false });
  try {
    for await (const files of batches(headers([]))) {
      const clones = files.map(
        (path): Operation => ({ op: 'cloneFile', source: SOURCE, target: TARGET, path }),
      );
      await launcher.run(context, { before: [open(SOURCE, from), open(TARGET, to), ...clones] });
    }
    return true;
  } catch (error) {
    if (error instanceof PlanError) return false;
    throw error;
  }
}

async function* withoutData(parts: AsyncIterable<TreePart>): AsyncGenerator<TreePart, void, void> {
  for await (const part of parts) {
    if (!(part instanceof Uint8Array)) yield part.type === 'file' ? { ...part, size: 0 } : part;
  }
}

/** Names of the files that have data. */
async function* batches(parts: AsyncIterable<TreePart>): AsyncGenerator<Uint8Array[], void, void> {
  let batch: Uint8Array[] = [];
  for await (const part of parts) {
    if (part instanceof Uint8Array || part.type !== 'file' || (part.size ?? 0) === 0) continue;
    batch.push(Buffer.from(part.name, 'latin1'));
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function open(slot: number, path: string): Operation {
  return { op: 'open', slot, dir: HOST, path, flags: O_PATH | O_DIRECTORY, mode: 0, resolve: 0 };
}
