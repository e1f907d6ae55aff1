import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, readlinkSync } from 'node:fs';
import { toText } from '../../oci/tar/entry.ts';
import { modeType } from '../../oci/tar/layer-node.ts';
import { nameIn } from '../copy/host-tree.ts';
import type { ContextLink } from './context-scope.ts';
import { type EntryStat, entryStat } from './entry-stat.ts';
import { type ContextFiles, entriesOf, mayHoldWanted, openInContext, wantsPath } from './walk-context.ts';

/** What a daemon is told of one directory, or of some of what is in it; see ContextListing. */
export interface Listing {
  /** SHA-256 of the text. */
  readonly id: Uint8Array;
  readonly text: string;
}

/** Where listing ends: what is found of entries, wanted or not, and the bytes of files. */
export interface ListingLimit {
  readonly entries: number;
  readonly bytes: number;
}

const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** A listing is closed when it has so much: it is sent whole when anything in it has changed. */
const MAX_ENTRIES = 1000;
const MAX_TEXT = 1 << 20;
/** Names that JSON takes as they are. */
const plain = /^[ !#-[\]-~]*$/;
/** Milliseconds within which a further change of a file need not show: clocks of file systems tick, those of some in whole seconds. */
const TICK = 100;
const WHOLE_TICK = 2_000;

/** Lists directories of a context, each with what is in it but its directories. */
export class DirectoryLister {
  readonly listings: Listing[] = [];
  /** What no context can hold. */
  readonly sockets: string[] = [];
  /** Files and links. */
  entries = 0;
  /** Of all files. */
  bytes = 0;
  /** Whether there is more than files, directories and links, which listings cannot say. */
  hasSpecial = false;
  /** Whether there may be more than the limit. */
  isCut = false;
  readonly links: ContextLink[] = [];
  readonly #files: ContextFiles;
  readonly #limit: ListingLimit;
  readonly #stat = entryStat();
  /** Whatever becomes of it. */
  #found = 0;
  readonly #begin = Date.now();

  constructor(files: ContextFiles, limit: ListingLimit) {
    this.#files = files;
    this.#limit = limit;
    for (const [name, bytes] of files.added) {
      const row = rowOfBytes(name, bytes, { mode: 0o600, seconds: 0 });
      this.#add(`["",null,0,${this.#count(row, bytes.length)}]`);
    }
  }

  /** Lists a directory and all below it, and closes it. Throws CommandError. */
  listAll(descriptor: number, path = '', isWanted = true): void {
    try {
      for (const [name, isWantedToo] of this.#list(descriptor, path, isWanted)) {
        const own = path === '' ? name : `${path}/${name}`;
        const below = openInContext(descriptor, name, OPEN_DIRECTORY, own);
        if (below !== undefined) this.listAll(below, own, isWantedToo);
      }
    } finally {
      closeSync(descriptor);
    }
  }

  /** One directory; the directories in it that may hold something, and whether they are wanted themselves. */
  #list(descriptor: number, path: string, isWanted: boolean): readonly (readonly [string, boolean])[] {
    const prefix = path === '' ? '' : `${path}/`;
    const directories: (readonly [string, boolean])[] = [];
    const listing = new ListingText(headOf(descriptor, path, isWanted), (text) => this.#add(text));
    const entries = entriesOf(descriptor, prefix);
    this.#found += entries.length;
    if (this.#found > this.#limit.entries) this.isCut = true;
    for (const entry of entries) {
      if (this.isCut) return [];
      const { name } = entry;
      const own = prefix + name;
      const isWantedToo = wantsPath(this.#files, own, !entry.isFile());
      if (entry.isDirectory()) {
        if (isWantedToo || mayHoldWanted(this.#files, own)) directories.push([name, isWantedToo]);
      } else if (isWantedToo) {
        const row = this.#row(descriptor, name, own);
        if (row !== undefined) listing.add(row);
      }
    }
    listing.end(isWanted);
    return directories;
  }

  /** Undefined for what is not listed. */
  #row(directory: number, name: string, path: string): string | undefined {
    const stat = this.#stat(directory, name);
    if (stat === undefined) return undefined;
    const { mode, size, seconds } = stat;
    const rewritten = this.#files.rewritten.get(path);
    if (rewritten !== undefined) return this.#count(rowOfBytes(name, rewritten, stat), rewritten.length);
    const type = mode & modeType.mask;
    if (type === modeType.file) {
      return this.#count(`[${quoted(name)},${mode},${size},${seconds},"${this.#stamp(stat)}"]`, size);
    }
    if (type === modeType.symlink) {
      const target = readlinkSync(nameIn(directory, name), { encoding: 'latin1' });
      this.links.push({ path, target });
      return this.#count(`[${quoted(name)},${mode},0,${seconds},"",${quoted(target)}]`, 0);
    }
    if (type === modeType.socket) this.sockets.push(toText(path));
    else if (type !== modeType.directory) this.hasSpecial = true;
    return undefined;
  }

  #count(row: string, bytes: number): string {
    this.entries++;
    this.bytes += bytes;
    if (this.bytes > this.#limit.bytes) this.isCut = true;
    return row;
  }

  /**
   * Another text for another content: every change of a file changes the time of its last change of status, which nobody can set, and who puts
   * another file in its place has another inode. What has changed only just now may change again without a trace: then it is never the same.
   */
  #stamp({ nanoseconds, changedSeconds, changedNanoseconds, inode }: EntryStat): string {
    const text = `${nanoseconds} ${changedSeconds}.${changedNanoseconds} ${inode}`;
    const tick = changedNanoseconds === 0 ? WHOLE_TICK : TICK;
    const changed = changedSeconds * 1e3 + changedNanoseconds / 1e6;
    return changed < this.#begin - tick ? text : `${text} ${Math.random()}`;
  }

  #add(text: string): void {
    this.listings.push({ id: createHash('sha256').update(text).digest(), text });
  }
}

/** Bytes that are no file of the directory are known by what they are. */
function rowOfBytes(
  name: string,
  bytes: Uint8Array,
  { mode, seconds }: Pick<EntryStat, 'mode' | 'seconds'>,
): string {
  const stamp = createHash('sha256').update(bytes).digest('hex');
  return `[${quoted(name)},${(mode & 0o666) | modeType.file},${bytes.length},${seconds},"${stamp}"]`;
}

/** Rows of one directory, in as many listings as it takes. */
class ListingText {
  readonly #head: string;
  readonly #put: (text: string) => void;
  #text: string;
  #count = 0;
  #any = false;

  constructor(head: string, put: (text: string) => void) {
    this.#head = head;
    this.#put = put;
    this.#text = head;
  }

  add(row: string): void {
    this.#text += `,${row}`;
    this.#any = true;
    if (++this.#count >= MAX_ENTRIES || this.#text.length >= MAX_TEXT) this.#close();
  }

  /** `always`: even if there is nothing in it. */
  end(always: boolean): void {
    if (this.#count > 0 || (always && !this.#any)) this.#close();
  }

  #close(): void {
    this.#put(`${this.#text}]`);
    this.#text = this.#head;
    this.#count = 0;
  }
}

/** The context itself has no attributes, and neither has a directory that is only on the way. */
function headOf(descriptor: number, path: string, isWanted: boolean): string {
  if (path === '' || !isWanted) return `[${quoted(path)},null,0`;
  const { mode, mtimeMs } = fstatSync(descriptor);
  return `[${quoted(path)},${mode & 0o7777},${Math.floor(mtimeMs / 1000)}`;
}

/** As JSON has it; its text goes in UTF-8. */
function quoted(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text);
}
