import type { Digest } from '../../../oci/digest.ts';
import { isWhiteout } from '../../../oci/tar/layer-path.ts';
import type { TarHeader } from '../../../oci/tar/writer.ts';
import { type DirectoryPart, digestOfDirectory } from '../tree-hash.ts';
import {
  digestOfEntries,
  entriesOf,
  inOrder,
  type StoredEntry,
  type StoredListing,
} from './stored-listing.ts';

/** A directory of a context. What its listings say is looked at when it is asked for. */
export class ContextNode {
  /** Those in it; in order once they have been asked for. */
  readonly #directories: Map<string, ContextNode>;
  readonly #listings: readonly StoredListing[];
  readonly #hidden: ReadonlySet<string>;
  #inOrder = false;
  /** Most directories are looked at once, one after the other. */
  #entries: WeakRef<ReadonlyMap<string, StoredEntry>> | undefined;
  #digest: Digest | undefined;

  /** `hidden`: names of entries that it does without. */
  constructor(
    listings: readonly StoredListing[],
    directories: Map<string, ContextNode> = new Map(),
    hidden: ReadonlySet<string> = new Set(),
  ) {
    this.#listings = listings;
    this.#directories = directories;
    this.#hidden = hidden;
  }

  /** Sorted bytewise. */
  get directories(): ReadonlyMap<string, ContextNode> {
    if (!this.#inOrder) {
      const sorted = [...this.#directories].sort(([left], [right]) => (left < right ? -1 : 1));
      this.#directories.clear();
      for (const [name, node] of sorted) this.#directories.set(name, node);
      this.#inOrder = true;
    }
    return this.#directories;
  }

  /** Files and links, sorted bytewise. */
  get entries(): ReadonlyMap<string, StoredEntry> {
    const known = this.#entries?.deref();
    if (known !== undefined) return known;
    const entries = new Map(this.#visible().map((entry) => [entry.name, entry]));
    this.#entries = new WeakRef(entries);
    return entries;
  }

  /** The names of all that is in it, sorted bytewise. */
  get names(): readonly string[] {
    const names = [...this.entries.keys()];
    if (this.#directories.size === 0) return names;
    return [...names, ...this.#directories.keys()].sort((left, right) => (left < right ? -1 : 1));
  }

  /** As `TreeHash` has it, without what it says of itself. */
  get digest(): Digest {
    this.#digest ??= digestOfDirectory(this.#own(), this.#parts());
    return this.#digest;
  }

  header(name: string): TarHeader {
    const { mode = 0o755, seconds = 0 } = this.#listings.find((listing) => listing.mode !== null) ?? {};
    return { type: 'directory', name, mode: mode ?? 0o755, uid: 0, gid: 0, size: 0, seconds, linkName: '' };
  }

  /** The same without a file or link below it. */
  without(path: string): ContextNode {
    const slash = path.indexOf('/');
    if (slash < 0) {
      return new ContextNode(this.#listings, this.#directories, new Set([...this.#hidden, path]));
    }
    const name = path.slice(0, slash);
    const directory = this.#directories.get(name);
    if (directory === undefined) return this;
    const directories = new Map(this.#directories).set(name, directory.without(path.slice(slash + 1)));
    return new ContextNode(this.#listings, directories, this.#hidden);
  }

  /** A directory wins over anything else of its name. */
  #visible(): readonly StoredEntry[] {
    const entries = inOrder(this.#listings.flatMap(entriesOf));
    if (this.#hidden.size === 0 && this.#directories.size === 0) return entries;
    return entries.filter(({ name }) => !this.#hidden.has(name) && !this.#directories.has(name));
  }

  #own(): Digest {
    const [listing] = this.#listings;
    if (listing !== undefined && this.#listings.length === 1 && this.#hidden.size === 0) return listing.own;
    return digestOfEntries([...this.entries.values()]);
  }

  *#parts(): Generator<DirectoryPart, void, void> {
    for (const [name, node] of this.directories) yield [name, node.header(name), node.digest];
  }
}

/** The tree that listings make. Directories that nothing is said of are implied by what is in them. */
export function treeOf(listings: readonly StoredListing[]): ContextNode {
  const byPath = Map.groupBy(listings, ({ path }) => path);
  const children = new Map<string, Map<string, ContextNode>>();
  const childrenOf = (path: string): Map<string, ContextNode> => {
    const known = children.get(path);
    if (known !== undefined) return known;
    const made = new Map<string, ContextNode>();
    children.set(path, made);
    if (path === '') return made;
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    const parent = childrenOf(path.slice(0, Math.max(0, slash)));
    // As in layers, where such a name would hide what is below.
    if (!isWhiteout(name)) parent.set(name, new ContextNode(byPath.get(path) ?? [], made));
    return made;
  };
  for (const path of byPath.keys()) childrenOf(path);
  return new ContextNode(byPath.get('') ?? [], childrenOf(''));
}
