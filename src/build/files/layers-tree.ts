import { createHash, type Hash } from 'node:crypto';
import type { Context } from '../../base/context.ts';
import { isCode } from '../../base/errors.ts';
import { type Digest, finishDigest } from '../../oci/digest.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { Tree, TreePart, TreeReadOptions, Trees } from '../../runtime/trees/contract.ts';
import type { SnapshotDriver } from '../../snapshots/contract.ts';
import type { FileEntry, FileTree, Wanted } from '../file-tree.ts';

/** What copies keep besides the contents: capabilities, and what users set themselves. */
const XATTRS: readonly string[] = ['security.capability', 'user.'];

export interface LayersTreeParts {
  readonly trees: Trees;
  readonly snapshots: Pick<SnapshotDriver, 'view'>;
  /** An empty host directory: views are mounted there, each seen by its own tree alone. */
  readonly mountPoint: string;
}

/** The filesystem that layers make, read by a launcher process until it is disposed of. Only one thing can be read at a time. */
export class LayersTree implements FileTree, AsyncDisposable {
  readonly digest: Digest;
  readonly #tree: Tree;

  private constructor(tree: Tree, digest: Digest) {
    this.#tree = tree;
    this.digest = digest;
  }

  /** `digest`: the identity of the layers. */
  static async open(
    context: Context,
    { trees, snapshots, mountPoint: root }: LayersTreeParts,
    layers: readonly Digest[],
    digest: Digest,
  ): Promise<LayersTree> {
    const { operations } = await snapshots.view(context, layers, root);
    return new LayersTree(await trees.open(context, { kind: 'mounted', operations, root }), digest);
  }

  async stat(context: Context, path: string): Promise<FileEntry | undefined> {
    const found = await this.#stat(context, path);
    // The kernel has followed the links on the way.
    if (found === undefined || found.path !== path) return undefined;
    const { type, mode, uid, gid, size, seconds, nanoseconds, linkTarget } = found;
    if (type === 'socket') return undefined;
    const header: TarHeader = {
      type,
      name: '.',
      mode,
      uid,
      gid,
      size,
      seconds,
      nanoseconds,
      linkName: linkTarget,
    };
    return { header, content: undefined };
  }

  async names(context: Context, path: string): Promise<readonly string[]> {
    const entry = await this.stat(context, path);
    if (entry?.header.type !== 'directory') return [];
    const names: string[] = [];
    for await (const { name } of this.headers(context, path)) {
      if (name !== '.' && !name.includes('/')) names.push(name);
    }
    return names;
  }

  /** What `list` says without what would have to be read for it. */
  async *headers(context: Context, path: string): AsyncGenerator<TarHeader, void, void> {
    for await (const part of this.#tree.read(context, path, { ...options, data: false })) {
      if (!(part instanceof Uint8Array)) yield part;
    }
  }

  async *list(context: Context, path: string): AsyncGenerator<FileEntry, void, void> {
    const contents = new Map<string, Digest>();
    let open: { header: TarHeader; hash: Hash } | undefined;
    const close = ({ header, hash }: { header: TarHeader; hash: Hash }): FileEntry => {
      const content = finishDigest(hash);
      contents.set(header.name, content);
      return { header, content };
    };
    for await (const part of this.#tree.read(context, path, options)) {
      if (part instanceof Uint8Array) {
        open?.hash.update(part);
        continue;
      }
      if (open !== undefined) yield close(open);
      open = part.type === 'file' ? { header: part, hash: createHash('sha256') } : undefined;
      if (part.type === 'hardlink') yield { header: part, content: contents.get(part.linkName ?? '') };
      else if (part.type !== 'file') yield { header: part, content: undefined };
    }
    if (open !== undefined) yield close(open);
  }

  async *read(context: Context, path: string, wanted: Wanted): AsyncGenerator<TreePart, void, void> {
    const linked = new LinkedFiles();
    let takes = false;
    for await (const part of this.#tree.read(context, path, options)) {
      if (part instanceof Uint8Array) {
        if (takes) yield part;
        continue;
      }
      takes = wanted(part.name, part.type === 'directory') && linked.takes(part);
      if (takes) yield part;
      else linked.leave(part);
    }
    for (const [target, names] of linked.left) yield* this.#readLinked(context, path, target, names);
  }

  /** A file whose first name is not wanted, under its other names. */
  async *#readLinked(
    context: Context,
    top: string,
    target: string,
    [first = '', ...others]: readonly string[],
  ): AsyncGenerator<TreePart, void, void> {
    const path = `${top === '/' ? '' : top}/${target}`;
    for await (const part of this.#tree.read(context, path, options)) {
      yield part instanceof Uint8Array ? part : { ...part, name: first };
    }
    for (const name of others) yield { type: 'hardlink', name, linkName: first };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tree[Symbol.asyncDispose]();
  }

  async #stat(context: Context, path: string): Promise<Awaited<ReturnType<Tree['stat']>>> {
    try {
      return await this.#tree.stat(context, path, false);
    } catch (error) {
      // Through what is no directory, through links in a circle, with a name that cannot be.
      if (isCode(error, 'invalid-argument')) return undefined;
      throw error;
    }
  }
}

const options: TreeReadOptions = { data: true, xattrs: XATTRS, crossMounts: false };

/** Names of files whose first name is not wanted while others are. */
class LinkedFiles {
  /** First names that are left out, with those that are wanted. */
  readonly left = new Map<string, string[]>();
  readonly #unwanted = new Set<string>();

  leave({ type, name }: TarHeader): void {
    if (type === 'file') this.#unwanted.add(name);
  }

  /** False for a further name that has to wait until its file can be read. */
  takes({ type, name, linkName = '' }: TarHeader): boolean {
    if (type !== 'hardlink' || !this.#unwanted.has(linkName)) return true;
    const names = this.left.get(linkName) ?? [];
    this.left.set(linkName, [...names, name]);
    return false;
  }
}
