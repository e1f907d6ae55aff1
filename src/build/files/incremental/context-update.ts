import { createHash, type Hash, randomBytes } from 'node:crypto';
import type { Context } from '../../../base/context.ts';
import { invalid, SampanError } from '../../../base/errors.ts';
import { finishDigest } from '../../../oci/digest.ts';
import { toText } from '../../../oci/tar/entry.ts';
import { cleanPath } from '../../../oci/tar/layer-path.ts';
import type { TarHeader } from '../../../oci/tar/writer.ts';
import type { TreePart } from '../../../runtime/trees/contract.ts';
import {
  formatListing,
  isLink,
  type ListingEntry,
  listingId,
  MAX_LISTING,
  parseListing,
} from '../../context-listing.ts';
import type { Pack } from '../pack.ts';
import {
  entriesOf,
  type FilePlace,
  type StoredEntry,
  type StoredListing,
  storeListing,
} from './stored-listing.ts';

const MAX_ENTRIES = 1_000_000;
/** Builds of other parts of a context for which what they do not name is kept. */
const MAX_AGE = 16;

/** Files after which garbage is collected: left to itself the collector lets the heap grow by the machine's memory rather than by need. */
const FILES_PER_COLLECTION = 16_384;

/** Where files' bytes go. */
export type PackWriter = Pick<Pack, 'size' | 'write' | 'finish'>;

/** A listing that is not here. Its entries change where the files themselves have changed meanwhile. */
interface NewListing {
  readonly path: string;
  readonly mode: number | null;
  readonly seconds: number;
  readonly text: Buffer;
  readonly entries: ListingEntry[];
  readonly places: (FilePlace | undefined)[];
  isAmended: boolean;
}

/**
 * A context that is brought up to date: `unknown` says which listings have to be sent, `list` takes those and says which files' bytes are wanted,
 * `receive` takes them. A file with the size, the time and the stamp that it had before is not wanted.
 */
export class ContextUpdate {
  readonly #maxBytes: number;
  readonly #isPart: boolean;
  readonly #before: readonly StoredListing[];
  readonly #ids: readonly string[];
  /** In their places. */
  readonly #known: (StoredListing | undefined)[];
  /** Places of those that are not known. */
  readonly unknown: readonly number[];
  #listings: readonly NewListing[] = [];
  /** By path: the listing and the place in it. */
  readonly #wanted = new Map<string, readonly [NewListing, number]>();
  #entries = 0;
  #bytes = 0;

  /** `ids`: all listings of the context as it is now, or (`isPart`) of what a build needs of it. */
  constructor(
    before: readonly StoredListing[],
    ids: readonly string[],
    { isPart, maxBytes }: { readonly isPart: boolean; readonly maxBytes: number },
  ) {
    const byId = new Map(before.map((listing) => [listing.id, listing]));
    this.#before = before;
    this.#ids = ids;
    this.#isPart = isPart;
    this.#maxBytes = maxBytes;
    this.#known = ids.map((id) => byId.get(id));
    this.unknown = this.#known.flatMap((listing, index) => (listing === undefined ? [index] : []));
    for (const listing of this.#known) if (listing !== undefined) this.#count(listing.count, listing.bytes);
  }

  /** Whether what is here is other than before. */
  get isChanged(): boolean {
    return this.unknown.length > 0 || (!this.#isPart && this.#ids.length !== this.#before.length);
  }

  get isWanting(): boolean {
    return this.#wanted.size > 0;
  }

  /**
   * Takes the listings that are not known, in their order. Which of all their entries are files whose bytes are wanted, counted from 0. Fails
   * with `invalid-argument` on others, with `exhausted` on too much.
   */
  list(texts: readonly Buffer[]): readonly number[] {
    if (texts.length !== this.unknown.length || this.#listings.length > 0) {
      throw invalid(`expected ${this.unknown.length} listings of the context, got ${texts.length}`);
    }
    this.#listings = texts.map((text, index) => this.#begin(text, this.#ids[this.unknown[index] ?? -1]));
    const before = this.#filesBefore();
    const wanted: number[] = [];
    let number = 0;
    for (const listing of this.#listings) {
      for (const [index, entry] of listing.entries.entries()) {
        const path = listing.path === '' ? entry.name : `${listing.path}/${entry.name}`;
        const known = before.get(path)?.find((file) => isSame(file, entry));
        if (known !== undefined) listing.places[index] = known.place;
        else if (!isLink(entry)) {
          this.#wanted.set(path, [listing, index]);
          wanted.push(number);
        }
        number++;
      }
    }
    return wanted;
  }

  /** Takes the bytes of files that are wanted; each header says what the file is by now. */
  async receive(context: Context, parts: AsyncIterable<TreePart>, pack: PackWriter): Promise<void> {
    let open: Receiving | undefined;
    let count = 0;
    for await (const part of parts) {
      context.signal.throwIfAborted();
      if (!(part instanceof Uint8Array)) {
        this.#close(open, pack.size);
        open = this.#open(part, pack.size);
        if (++count % FILES_PER_COLLECTION === 0) Bun.gc(true);
      } else if (open !== undefined) {
        open.hash.update(part);
        await pack.write(part);
      }
    }
    this.#close(open, pack.size);
    await pack.finish();
  }

  /** Everything. Fails with `invalid-argument` where listings or bytes are missing that are wanted. */
  listings(): readonly StoredListing[] {
    const made = this.#listings.map(finishListing);
    const all = [...this.#known];
    for (const [index, place] of this.unknown.entries()) all[place] = made[index];
    return all.map((listing) => {
      if (listing === undefined) throw invalid('a listing of the context was not sent');
      return listing.age === 0 ? listing : { ...listing, age: 0 };
    });
  }

  /** What else is to be kept for other builds: what is named no more goes at once only where all was named. */
  others(): readonly StoredListing[] {
    if (!this.#isPart) return [];
    const named = new Set(this.#ids);
    const others = this.#before.filter(({ id, age }) => !named.has(id) && age < MAX_AGE);
    return others.map((listing) => ({ ...listing, age: listing.age + 1 }));
  }

  #begin(text: Buffer, id: string | undefined): NewListing {
    if (listingId(text) !== id) throw invalid('a listing of the context is not the one that was named');
    const listing = parseListing(text);
    this.#count(
      listing.entries.length,
      listing.entries.reduce((sum, { size }) => sum + size, 0),
    );
    // The text is kept for as long as the context, what it came with is not.
    return {
      ...listing,
      text: Buffer.from(text),
      entries: [...listing.entries],
      places: [],
      isAmended: false,
    };
  }

  /** What was in the directories that listings have come for. */
  #filesBefore(): ReadonlyMap<string, readonly StoredEntry[]> {
    const paths = new Set(this.#listings.map(({ path }) => path));
    const files = new Map<string, StoredEntry[]>();
    for (const listing of this.#before) {
      if (!paths.has(listing.path)) continue;
      const prefix = listing.path === '' ? '' : `${listing.path}/`;
      for (const entry of entriesOf(listing)) {
        if (isLink(entry)) continue;
        const known = files.get(prefix + entry.name);
        if (known === undefined) files.set(prefix + entry.name, [entry]);
        else known.push(entry);
      }
    }
    return files;
  }

  #open(header: TarHeader, offset: number): Receiving | undefined {
    const path = cleanPath(header.name).join('/');
    const wanted = this.#wanted.get(path);
    if (header.type !== 'file' || wanted === undefined) return undefined;
    this.#wanted.delete(path);
    const [listing, index] = wanted;
    const entry = listing.entries[index];
    const { size = 0, seconds = 0, mode = 0 } = header;
    if (entry === undefined) return undefined;
    if (entry.size !== size || entry.seconds !== seconds || (entry.mode & 0o7777) !== mode) {
      this.#count(0, size - entry.size);
      // What it was called for is not what came: it has to be sent again the next time.
      const stamp = `changed ${randomBytes(8).toString('hex')}`;
      listing.entries[index] = { ...entry, mode: (entry.mode & ~0o7777) | mode, size, seconds, stamp };
      listing.isAmended = true;
    }
    return {
      path,
      size,
      offset,
      hash: createHash('sha256'),
      take: (place) => {
        listing.places[index] = place;
      },
    };
  }

  #close(open: Receiving | undefined, end: number): void {
    if (open === undefined) return;
    const { path, size, offset, hash, take } = open;
    if (end - offset !== size) throw invalid(`the context's file ${JSON.stringify(toText(path))} is torn`);
    take({ offset, content: finishDigest(hash) });
  }

  #count(entries: number, bytes: number): void {
    this.#entries += entries;
    this.#bytes += bytes;
    if (this.#entries > MAX_ENTRIES) throw invalid(`the context has more than ${MAX_ENTRIES} files`);
    if (this.#bytes <= this.#maxBytes) return;
    throw new SampanError('exhausted', `the context has more than the allowed ${this.#maxBytes} bytes`);
  }
}

interface Receiving {
  readonly path: string;
  readonly size: number;
  readonly offset: number;
  readonly hash: Hash;
  readonly take: (place: FilePlace) => void;
}

function isSame(known: ListingEntry, { size, seconds, stamp, mode }: ListingEntry): boolean {
  return known.size === size && known.seconds === seconds && known.stamp === stamp && !isLink({ mode });
}

function finishListing(listing: NewListing): StoredListing {
  const { path, isAmended, places } = listing;
  const entries = listing.entries.map((entry, index) => {
    const place = places[index];
    if (place !== undefined || isLink(entry)) return { ...entry, place };
    const name = path === '' ? entry.name : `${path}/${entry.name}`;
    throw invalid(`the context's file ${JSON.stringify(toText(name))} was not sent`);
  });
  const text = isAmended ? Buffer.from(formatListing({ ...listing, entries })) : listing.text;
  if (text.length > MAX_LISTING)
    throw invalid(`a listing of the context is longer than ${MAX_LISTING} bytes`);
  return storeListing(listing, entries, text);
}
