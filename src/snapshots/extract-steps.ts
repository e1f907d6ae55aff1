import type { Context } from '../base/context.ts';
import { toText } from '../oci/tar/entry.ts';
import { type LayerNode, modeType } from '../oci/tar/layer-node.ts';
import type { SealedTree } from '../oci/tar/sealed-tree.ts';
import { O_DIRECTORY, O_PATH } from '../plan/constants.ts';
import type { Launcher } from '../plan/contract.ts';
import { HOST, type Operation } from '../plan/operations.ts';

/** Steps and bytes of one plan, well below what the launcher takes. */
const MAX_STEPS = 2000;
const MAX_BYTES = 4 << 20;

/** The slot of the directory that steps are relative to. */
const ROOT = 0;

/** Makes devices, pipes and whiteouts under their index as name; from there they are moved, for a plan's names are texts. */
export function* specialSteps(tree: SealedTree): Generator<Operation, void, void> {
  for (const node of tree.nodes) {
    if (!isSpecial(node)) continue;
    yield {
      op: 'mknod',
      root: ROOT,
      path: String(node.index),
      mode: node.mode,
      device: deviceNumber(node.major, node.minor),
      uid: node.uid,
      gid: node.gid,
    };
  }
}

/** Extended attributes and times, which a change of owner or content would undo. `paths` are byte strings by index. */
export function* attributeSteps(
  tree: SealedTree,
  paths: readonly string[],
): Generator<Operation, void, void> {
  for (const node of tree.nodes) {
    const path = Buffer.from(paths[node.index] ?? '', 'latin1');
    for (const [name, value] of node.xattrs ?? []) {
      if (!takesXattr(node, name)) continue;
      yield { op: 'setXattr', root: ROOT, path, name: toText(name), value };
    }
    if (node.opaque) {
      yield { op: 'setXattr', root: ROOT, path, name: 'trusted.overlay.opaque', value: Buffer.from('y') };
    }
    const { seconds, nanoseconds } = node;
    yield { op: 'setTimes', root: ROOT, path, seconds, nanoseconds };
  }
}

/** Runs steps relative to `directory`, as many at once as a plan holds. */
export async function runInBatches(
  context: Context,
  launcher: Launcher,
  directory: string,
  steps: Iterable<Operation>,
): Promise<void> {
  const open: Operation = {
    op: 'open',
    slot: ROOT,
    dir: HOST,
    path: directory,
    flags: O_PATH | O_DIRECTORY,
    mode: 0,
    resolve: 0,
  };
  let before: Operation[] = [open];
  let bytes = 0;
  for (const step of steps) {
    before.push(step);
    bytes += sizeOf(step);
    if (before.length < MAX_STEPS && bytes < MAX_BYTES) continue;
    await launcher.run(context, { before });
    before = [open];
    bytes = 0;
  }
  if (before.length > 1) await launcher.run(context, { before });
}

function sizeOf(step: Operation): number {
  let bytes = 128;
  if ('path' in step) bytes += step.path.length;
  if (step.op === 'setXattr') bytes += step.value.length;
  return bytes;
}

function isSpecial({ type }: LayerNode): boolean {
  return type !== modeType.directory && type !== modeType.file && type !== modeType.symlink;
}

/** Linux has user attributes only on files and directories, and ACLs not on links. */
function takesXattr(node: LayerNode, name: string): boolean {
  if (name.startsWith('user.')) return node.type === modeType.file || node.type === modeType.directory;
  return !name.startsWith('system.') || node.type !== modeType.symlink;
}

/** libc's dev_t, which mknod(2) takes. */
function deviceNumber(major: number, minor: number): number {
  return (minor & 0xff) + ((major & 0xfff) << 8) + (minor >>> 8) * 2 ** 20;
}
