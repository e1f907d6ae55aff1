import { posix } from 'node:path';
import type { Context } from '../../base/context.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { Tree } from '../../runtime/trees/contract.ts';
import type { FilesystemChange } from '../contract.ts';
import { type Below, findBelow } from './find-below.ts';
import { isHeader } from './tree-parts.ts';
import { isOpaque, isWhiteout, readWritablePart } from './writable-part.ts';

/** Absolute paths, byte strings. */
export type Changes = ReadonlyMap<string, FilesystemChange['kind']>;

/**
 * How a directory of the writable part stands to what lies below: it is new, or in place of something that is no directory; it shows what
 * is below too; or it hides that.
 */
type Standing = 'new' | 'merged' | 'opaque';

/**
 * What an overlay's writable part changes of the tree below it, by Docker's rules: something new or gone makes its directory, and those
 * around it but the root, modified; a directory's own times do not count; what was copied up and is the same is no change.
 */
export async function compareTrees(context: Context, above: Tree, below: Tree): Promise<Changes> {
  const comparison = new Comparison(context, below);
  for (const level of await readLevels(context, above)) await comparison.add(level);
  await comparison.addHidden();
  return comparison.changes;
}

/** The headers of all that is in the writable part, by depth. */
async function readLevels(context: Context, above: Tree): Promise<TarHeader[][]> {
  const levels: TarHeader[][] = [];
  for await (const part of readWritablePart(context, above, { data: false, xattrs: [] })) {
    if (!isHeader(part)) continue;
    const depth = part.name.split('/').length - 1;
    levels[depth] ??= [];
    levels[depth].push(part);
  }
  return levels;
}

class Comparison {
  readonly changes = new Map<string, FilesystemChange['kind']>();
  readonly #context: Context;
  readonly #below: Tree;
  /** All that is in the writable part. */
  readonly #paths = new Set<string>();
  readonly #standings = new Map<string, Standing>([['/', 'merged']]);
  /** The outermost directories that hide what is below them. */
  readonly #hiding: string[] = [];

  constructor(context: Context, below: Tree) {
    this.#context = context;
    this.#below = below;
  }

  /** Levels come from the root down, so that what is in a new directory need not be looked for. */
  async add(level: readonly TarHeader[]): Promise<void> {
    const sought = level.filter((header) => this.#mayBeBelow(header)).map(({ name }) => name);
    const found = await findBelow(this.#context, this.#below, sought);
    for (const header of level) this.#compare(header, found.get(header.name));
  }

  /** What was below an opaque directory and is not in it is gone. */
  async addHidden(): Promise<void> {
    const options = { data: false, xattrs: [], crossMounts: false };
    for (const directory of this.#hiding) {
      for await (const part of this.#below.read(this.#context, directory, options)) {
        if (!isHeader(part) || part.name === '.') continue;
        const path = `${directory}/${part.name}`;
        if (this.#paths.has(path) || this.#standings.get(posix.dirname(path)) !== 'opaque') continue;
        this.#record(path, 'deleted');
      }
    }
  }

  #mayBeBelow(header: TarHeader): boolean {
    return this.#standings.get(posix.dirname(`/${header.name}`)) !== 'new' && !isWhiteout(header);
  }

  #compare(header: TarHeader, stat: Below | undefined): void {
    const path = `/${header.name}`;
    this.#paths.add(path);
    if (header.type === 'directory') this.#place(path, header, stat);
    if (isWhiteout(header)) this.#record(path, 'deleted');
    else if (stat === undefined) this.#record(path, 'added');
    else if (isModified(header, stat)) this.#record(path, 'modified');
  }

  #place(path: string, header: TarHeader, stat: Below | undefined): void {
    const around = this.#standings.get(posix.dirname(path));
    if (stat?.type !== 'directory') this.#standings.set(path, 'new');
    else if (around === 'opaque') this.#standings.set(path, 'opaque');
    else if (!isOpaque(header)) this.#standings.set(path, 'merged');
    else {
      this.#standings.set(path, 'opaque');
      this.#hiding.push(path);
    }
  }

  /** A change below the root makes the directories around it modified, unless they have changed already. */
  #record(path: string, kind: FilesystemChange['kind']): void {
    this.changes.set(path, kind);
    for (let parent = posix.dirname(path); parent !== '/'; parent = posix.dirname(parent)) {
      if (this.changes.has(parent)) return;
      this.changes.set(parent, 'modified');
    }
  }
}

/** Size and time of a directory say nothing: they depend on the filesystem, and on what was in it for a while. */
function isModified(header: TarHeader, stat: Below): boolean {
  // A further name: what it names was compared under its first one, against something else.
  if (header.type === 'hardlink') return true;
  const { type, mode = 0, uid = 0, gid = 0, size = 0 } = header;
  if (type !== stat.type || mode !== stat.mode || uid !== stat.uid || gid !== stat.gid) return true;
  if (type === 'directory') return false;
  if (type === 'file' && size !== stat.size) return true;
  const { linkName = '', seconds = 0, nanoseconds = 0 } = header;
  return linkName !== stat.linkTarget || seconds !== stat.seconds || nanoseconds !== stat.nanoseconds;
}
