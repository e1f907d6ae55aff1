import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import type { Context } from '../../base/context.ts';
import { SampanError } from '../../base/errors.ts';
import { type Digest, finishDigest } from '../../oci/digest.ts';
import { LayerNode, modeType, newDirectory } from '../../oci/tar/layer-node.ts';
import { Pack } from './pack.ts';
import { PackedTree } from './packed-tree.ts';

export interface PackDirectoryOptions {
  /** Where the pack lies while it is used. */
  readonly directory: string;
  /** Seconds since the epoch, of everything. */
  readonly seconds: number;
  readonly maxBytes: number;
  /** Whether a name at the top is left out. */
  readonly skips: (name: string) => boolean;
}

const BUFFER = 256 << 10;
const slash = Buffer.from('/');

/**
 * What a directory of our own holds - nobody else may change it meanwhile - as a tree of root's: links stay links, files are 0644 or 0755,
 * directories 0755. What is neither is left out.
 */
export async function packDirectory(
  context: Context,
  top: string,
  options: PackDirectoryOptions,
): Promise<PackedTree> {
  const pack = Pack.temporary(options.directory);
  try {
    const packer = new DirectoryPacker(context, pack, options);
    const root = await packer.pack(Buffer.from(top), options.skips);
    await pack.finish();
    return new PackedTree(root, packer.contents, pack);
  } catch (error) {
    pack[Symbol.dispose]();
    throw error;
  }
}

class DirectoryPacker {
  readonly contents = new Map<LayerNode, Digest>();
  readonly #context: Context;
  readonly #pack: Pack;
  readonly #options: PackDirectoryOptions;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER);

  constructor(context: Context, pack: Pack, options: PackDirectoryOptions) {
    this.#context = context;
    this.#pack = pack;
    this.#options = options;
  }

  /** Names are bytes, which text may not keep. */
  async pack(path: Buffer, skips: (name: string) => boolean = () => false): Promise<LayerNode> {
    const directory = newDirectory();
    directory.seconds = this.#options.seconds;
    for (const bytes of readdirSync(path, { encoding: 'buffer' }).sort(Buffer.compare)) {
      const name = bytes.toString('latin1');
      if (skips(name)) continue;
      const node = await this.#node(Buffer.concat([path, slash, bytes]));
      if (node !== undefined) directory.children?.set(name, node);
    }
    return directory;
  }

  async #node(path: Buffer): Promise<LayerNode | undefined> {
    this.#context.signal.throwIfAborted();
    const stat = lstatSync(path);
    if (stat.isDirectory()) return this.pack(path);
    if (stat.isFile()) return this.#file(path, (stat.mode & 0o100) === 0 ? 0o644 : 0o755);
    if (!stat.isSymbolicLink()) return undefined;
    const link = this.#new(modeType.symlink | 0o777);
    link.target = readlinkSync(path, { encoding: 'buffer' }).toString('latin1');
    return link;
  }

  async #file(path: Buffer, mode: number): Promise<LayerNode> {
    const node = this.#new(modeType.file | mode);
    const offset = this.#pack.size;
    const hash = createHash('sha256');
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { size } = fstatSync(fd);
      if (offset + size > this.#options.maxBytes) throw tooLarge(this.#options.maxBytes);
      for (let read = readSync(fd, this.#buffer); read > 0; read = readSync(fd, this.#buffer)) {
        const bytes = this.#buffer.subarray(0, read);
        hash.update(bytes);
        await this.#pack.write(bytes);
      }
    } finally {
      closeSync(fd);
    }
    node.data = { size: this.#pack.size - offset, offset, extents: undefined };
    this.contents.set(node, finishDigest(hash));
    return node;
  }

  #new(mode: number): LayerNode {
    const node = new LayerNode(mode);
    node.seconds = this.#options.seconds;
    node.links = 1;
    return node;
  }
}

function tooLarge(limit: number): Error {
  return new SampanError('exhausted', `the files have more than the allowed ${limit} bytes`);
}
