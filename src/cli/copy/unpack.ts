import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  openSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { isErrno } from '../../base/errno.ts';
import { readTar, type TarMember } from '../../oci/tar/archive.ts';
import { type TarEntry, toText } from '../../oci/tar/entry.ts';
import { CommandError } from '../command-error.ts';
import { fileFailure } from '../file-failure.ts';
import { type FileAttributes, HostTree, nameIn, timeOf } from './host-tree.ts';
import { type LeftOut, nothing, oneMore } from './left-out.ts';

export interface UnpackOptions {
  /** Applied to members' names and to what hard links name. */
  readonly rename: (name: string) => string;
  /** Whether files get the owners that the archive says. */
  readonly keepOwners: boolean;
}

/**
 * Unpacks an archive, which a container may have made up, below `directory`. A directory does not replace another kind of file, nor the
 * reverse; anything else that is there is replaced, never written into. Returns what is not made here: device nodes and FIFOs. Throws CommandError.
 */
export async function unpackFiles(
  archive: AsyncIterable<Uint8Array>,
  directory: string,
  options: UnpackOptions,
): Promise<LeftOut> {
  using tree = new HostTree(directory);
  const unpacker = new Unpacker(tree, options);
  for await (const member of readTar(archive)) await unpacker.add(member);
  tree.finish();
  return unpacker.leftOut;
}

class Unpacker {
  /** Device nodes and FIFOs. */
  leftOut = nothing;
  readonly #tree: HostTree;
  readonly #options: UnpackOptions;

  constructor(tree: HostTree, options: UnpackOptions) {
    this.#tree = tree;
    this.#options = options;
  }

  async add(member: TarMember): Promise<void> {
    const { entry } = member;
    if (entry.type === 'note') return;
    const components = componentsOf(this.#options.rename(entry.name));
    const name = components.at(-1);
    if (name === undefined) {
      // The destination itself, which stays as it is.
      if (entry.type === 'directory') return;
      throw new CommandError('the archive names the destination itself as something else than a directory');
    }
    try {
      await this.#make(member, components, name);
    } catch (reason) {
      throw reason instanceof CommandError ? reason : fileFailure('copy', toText(entry.name), reason);
    }
  }

  async #make({ entry, body }: TarMember, components: readonly string[], name: string): Promise<void> {
    if (entry.type === 'fifo' || entry.type === 'character' || entry.type === 'block') {
      this.leftOut = oneMore(this.leftOut, toText(entry.name));
      return;
    }
    const parent = this.#tree.enter(components.slice(0, -1));
    const path = nameIn(parent, name);
    makeWay(path, entry);
    const attributes = this.#attributesOf(entry);
    if (entry.type === 'directory') {
      this.#tree.enter(components);
      this.#tree.decorate(attributes);
    } else if (entry.type === 'file') await writeFile(path, entry, body(), attributes);
    else if (entry.type === 'symlink') makeLink(path, entry, attributes);
    else this.#makeHardLink(path, entry);
  }

  #attributesOf({ mode, seconds, nanoseconds, uid, gid }: TarEntry): FileAttributes {
    return { mode, seconds, nanoseconds, owner: this.#options.keepOwners ? { uid, gid } : undefined };
  }

  #makeHardLink(path: Buffer, { linkName }: TarEntry): void {
    const components = componentsOf(this.#options.rename(linkName));
    const name = components.at(-1);
    if (name === undefined) throw new CommandError('the archive has a hard link to the destination itself');
    // link(2) does not follow a symbolic link at the end, and there is none before it.
    this.#tree.visit(components.slice(0, -1), (directory) => linkSync(nameIn(directory, name), path));
  }
}

/** The names on the way to a member from the destination. Throws for what leads out of it. */
function componentsOf(name: string): readonly string[] {
  const components = name.split('/').filter((one) => one !== '' && one !== '.');
  if (components.includes('..') || name.includes('\0')) {
    throw new CommandError(
      `refusing to copy ${JSON.stringify(toText(name))}: it leads out of the destination`,
    );
  }
  return components;
}

/** Takes away what is there already, so that nothing is written through it. */
function makeWay(path: Buffer, entry: TarEntry): void {
  const existing = lstatUnlessMissing(path);
  if (existing === undefined) return;
  const name = JSON.stringify(toText(entry.name));
  const isDirectory = entry.type === 'directory';
  if (existing.isDirectory() && !isDirectory) {
    throw new CommandError(`cannot overwrite directory with non-directory ${name}`);
  }
  if (!existing.isDirectory() && isDirectory) {
    throw new CommandError(`cannot overwrite non-directory with directory ${name}`);
  }
  if (!isDirectory) unlinkSync(path);
}

function lstatUnlessMissing(path: Buffer): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (reason) {
    if (isErrno(reason, 'ENOENT')) return undefined;
    throw reason;
  }
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

async function writeFile(
  path: Buffer,
  entry: TarEntry,
  body: AsyncIterable<Uint8Array>,
  attributes: FileAttributes,
): Promise<void> {
  const descriptor = openSync(path, NEW_FILE, 0o600);
  try {
    if (entry.extents === undefined) for await (const chunk of body) writeWhole(descriptor, chunk, null);
    else await writeExtents(descriptor, entry, body);
    // The owner first: changing it takes setuid away.
    if (attributes.owner !== undefined) fchownSync(descriptor, attributes.owner.uid, attributes.owner.gid);
    fchmodSync(descriptor, attributes.mode);
    futimesSync(descriptor, timeOf(attributes), timeOf(attributes));
  } catch (reason) {
    unlinkSync(path);
    throw reason;
  } finally {
    closeSync(descriptor);
  }
}

function writeWhole(descriptor: number, chunk: Uint8Array, position: number | null): void {
  for (let written = 0; written < chunk.length; ) {
    const at = position === null ? null : position + written;
    written += writeSync(descriptor, chunk, written, chunk.length - written, at);
  }
}

/** A sparse file: the data are its extents end to end, the rest are holes. */
async function writeExtents(
  descriptor: number,
  { extents = [], size }: TarEntry,
  body: AsyncIterable<Uint8Array>,
): Promise<void> {
  ftruncateSync(descriptor, size);
  let index = 0;
  let done = 0;
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; ) {
      const extent = extents[index];
      if (extent === undefined) return;
      const length = Math.min(extent.length - done, chunk.length - at);
      writeWhole(descriptor, chunk.subarray(at, at + length), extent.offset + done);
      at += length;
      done += length;
      if (done < extent.length) continue;
      index++;
      done = 0;
    }
  }
}

function makeLink(path: Buffer, { linkName }: TarEntry, attributes: FileAttributes): void {
  symlinkSync(Buffer.from(linkName, 'latin1'), path);
  if (attributes.owner !== undefined) lchownSync(path, attributes.owner.uid, attributes.owner.gid);
  lutimesSync(path, timeOf(attributes), timeOf(attributes));
}
