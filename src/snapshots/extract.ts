import {
  chmodSync,
  closeSync,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Context, throwIfAborted } from '../base/context.ts';
import { isErrno } from '../base/errno.ts';
import { invalid, messageOf, SampanError } from '../base/errors.ts';
import { type FileData, type LayerNode, modeType } from '../oci/tar/layer-node.ts';
import type { SealedTree } from '../oci/tar/sealed-tree.ts';
import type { Launcher } from '../plan/contract.ts';
import { attributeSteps, runInBatches, specialSteps } from './extract-steps.ts';

/** Files made before other work of this process gets its turn. */
const TURN = 64;
const COPY_SIZE = 1 << 20;

export interface Extraction {
  readonly tree: SealedTree;
  /** The layer's tar. */
  readonly tar: string;
  /** An empty directory of our own; the layer goes to `root` in it. */
  readonly directory: string;
  readonly launcher: Launcher;
}

/**
 * Makes a layer's files below `<directory>/root` and syncs them.
 *
 * What the tar said is a finished tree by now: each node is made once, in a directory that was made here too, so there
 * is no order of members and no symbolic link in a path that an archive could play with.
 */
export async function extractLayer(context: Context, extraction: Extraction): Promise<void> {
  const { tree, tar, directory, launcher } = extraction;
  await mkdir(join(directory, 'root'), { mode: 0o755 });
  await mkdir(join(directory, 'special'), { mode: 0o700 });
  await runInBatches(context, launcher, join(directory, 'special'), specialSteps(tree));
  const file = openSync(tar, 'r');
  try {
    const maker = new NodeMaker(directory, file);
    let made = 0;
    for (const parent of tree.nodes) {
      for (const [name, node] of parent.children ?? []) {
        maker.make(parent, name, node);
        if (++made % TURN !== 0) continue;
        await new Promise((resolve) => setImmediate(resolve));
        throwIfAborted(context);
      }
    }
    const [root] = tree.nodes;
    if (root !== undefined) maker.finishRoot(root);
    await runInBatches(context, launcher, join(directory, 'root'), attributeSteps(tree, maker.paths));
  } catch (error) {
    throw explain(error);
  } finally {
    closeSync(file);
  }
  await launcher.run(context, { before: [{ op: 'syncFilesystem', path: join(directory, 'root') }] });
}

class NodeMaker {
  /** Where each node is, by its index: byte strings relative to the root. */
  readonly paths: string[] = ['.'];
  readonly #directory: string;
  readonly #root: string;
  readonly #tar: number;
  readonly #buffer = Buffer.allocUnsafeSlow(COPY_SIZE);

  constructor(directory: string, tar: number) {
    this.#directory = directory;
    this.#root = Buffer.from(join(directory, 'root')).toString('latin1');
    this.#tar = tar;
  }

  make(parent: LayerNode, name: string, node: LayerNode): void {
    const relative = `${this.paths[parent.index]}/${name}`;
    const path = this.#pathOf(relative);
    const existing = this.paths[node.index];
    if (existing !== undefined) {
      linkSync(this.#pathOf(existing), path);
      return;
    }
    this.paths[node.index] = relative;
    switch (node.type) {
      case modeType.directory:
        mkdirSync(path, { mode: 0o700 });
        break;
      case modeType.file:
        this.#makeFile(path, node);
        return;
      case modeType.symlink:
        symlinkSync(Buffer.from(node.target, 'latin1'), path);
        break;
      default:
        renameSync(join(this.#directory, 'special', String(node.index)), path);
    }
    lchownSync(path, node.uid, node.gid);
    // Changing the owner takes setuid bits away, so the mode comes second.
    if (node.type !== modeType.symlink) chmodSync(path, node.mode & 0o7777);
  }

  finishRoot(node: LayerNode): void {
    const path = join(this.#directory, 'root');
    lchownSync(path, node.uid, node.gid);
    chmodSync(path, node.mode & 0o7777);
  }

  #pathOf(relative: string): Buffer {
    return Buffer.from(`${this.#root}/${relative}`, 'latin1');
  }

  #makeFile(path: Buffer, node: LayerNode): void {
    const file = openSync(path, 'wx', 0o600);
    try {
      if (node.data !== undefined) this.#copy(node.data, file);
      fchownSync(file, node.uid, node.gid);
      fchmodSync(file, node.mode & 0o7777);
    } finally {
      closeSync(file);
    }
  }

  #copy(data: FileData, file: number): void {
    let from = data.offset;
    for (const { offset, length } of data.extents ?? [{ offset: 0, length: data.size }]) {
      for (let done = 0; done < length; ) {
        const size = Math.min(COPY_SIZE, length - done);
        const read = readSync(this.#tar, this.#buffer, 0, size, from);
        if (read === 0) throw new SampanError('data-loss', 'the tar of the layer has become shorter');
        for (let at = 0; at < read; ) at += writeSync(file, this.#buffer, at, read - at, offset + done + at);
        done += read;
        from += read;
      }
    }
    if (data.extents !== undefined) ftruncateSync(file, data.size);
  }
}

/** What a hostile tar can bring about on the filesystem is its fault, not ours. */
function explain(error: unknown): unknown {
  if (!isErrno(error, 'ENAMETOOLONG', 'EMLINK', 'EFBIG')) return error;
  return invalid(`the layer cannot be unpacked: ${messageOf(error)}`, { cause: error });
}
