import type { Context } from '../../../base/context.ts';
import { notFound } from '../../../base/errors.ts';
import type { Digest } from '../../../oci/digest.ts';
import { toText } from '../../../oci/tar/entry.ts';
import type { TreePart } from '../../../runtime/trees/contract.ts';
import type { FileEntry, FileTree, Wanted } from '../../file-tree.ts';
import type { PackReader } from '../pack.ts';
import { digestOfTop } from '../tree-hash.ts';
import { ContextNode } from './context-node.ts';
import { headerOf, type StoredEntry } from './stored-listing.ts';

/** Where the bytes are. */
export interface ReadablePack {
  reader(): Pick<PackReader, 'read'>;
}

type Found = ContextNode | StoredEntry;

/** A context's files, their bytes in a pack. Directories that nobody asks for are never looked into. */
export class ContextTree implements FileTree {
  readonly #root: ContextNode;
  readonly #pack: ReadablePack;

  constructor(root: ContextNode, pack: ReadablePack) {
    this.#root = root;
    this.#pack = pack;
  }

  get digest(): Digest {
    return digestOfFound(this.#root);
  }

  digestAt(path: string): Digest | undefined {
    const found = this.#find(path);
    return found === undefined ? undefined : digestOfFound(found);
  }

  withoutFiles(paths: readonly string[]): ContextTree {
    const root = paths.reduce((node, path) => node.without(path), this.#root);
    return new ContextTree(root, this.#pack);
  }

  async stat(_context: Context, path: string): Promise<FileEntry | undefined> {
    const found = this.#find(path);
    return found === undefined ? undefined : entryOf('.', found);
  }

  async names(_context: Context, path: string): Promise<readonly string[]> {
    const found = this.#find(path);
    return found instanceof ContextNode ? found.names : [];
  }

  async *list(_context: Context, path: string): AsyncGenerator<FileEntry, void, void> {
    for (const [name, found] of walk(this.#require(path))) yield entryOf(name, found);
  }

  async *read(context: Context, path: string, wanted: Wanted): AsyncGenerator<TreePart, void, void> {
    const reader = this.#pack.reader();
    for (const [name, found] of walk(this.#require(path))) {
      if (!wanted(name, found instanceof ContextNode)) continue;
      yield entryOf(name, found).header;
      if (found instanceof ContextNode || found.place === undefined) continue;
      const { place, size } = found;
      for (let at = 0; at < size; ) {
        const read = reader.read(place.offset + at, size - at);
        const bytes = read instanceof Promise ? await read : read;
        context.signal.throwIfAborted();
        at += bytes.length;
        yield bytes;
      }
    }
  }

  #require(path: string): Found {
    const found = this.#find(path);
    if (found === undefined) throw notFound(`${JSON.stringify(toText(path))}: not found`);
    return found;
  }

  #find(path: string): Found | undefined {
    let found: Found | undefined = this.#root;
    for (const name of path.split('/')) {
      if (name === '') continue;
      if (!(found instanceof ContextNode)) return undefined;
      found = found.directories.get(name) ?? found.entries.get(name);
    }
    return found;
  }
}

function entryOf(name: string, found: Found): FileEntry {
  if (found instanceof ContextNode) return { header: found.header(name), content: undefined };
  return { header: headerOf(found, name), content: found.place?.content };
}

function digestOfFound(found: Found): Digest {
  const { header, content } = entryOf('.', found);
  return digestOfTop(header, found instanceof ContextNode ? found.digest : content);
}

/** An object and all below it, parents first; "." is the object itself. */
function* walk(top: Found): Generator<readonly [string, Found], void, void> {
  yield ['.', top];
  if (!(top instanceof ContextNode)) return;
  const open = [levelOf(top, '')];
  for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
    const name = level.names[level.next++];
    if (name === undefined) {
      open.pop();
      continue;
    }
    const path = level.prefix + name;
    const directory = level.node.directories.get(name);
    const found = directory ?? level.entries.get(name);
    if (found !== undefined) yield [path, found];
    if (directory !== undefined) open.push(levelOf(directory, `${path}/`));
  }
}

interface Level {
  /** Of the names of what is in it. */
  readonly prefix: string;
  readonly node: ContextNode;
  readonly entries: ContextNode['entries'];
  readonly names: readonly string[];
  next: number;
}

function levelOf(node: ContextNode, prefix: string): Level {
  const { entries } = node;
  return { prefix, node, entries, names: node.names, next: 0 };
}
