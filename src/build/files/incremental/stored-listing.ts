import { type Digest, hexOf } from '../../../oci/digest.ts';
import { isWhiteout } from '../../../oci/tar/layer-path.ts';
import type { TarHeader } from '../../../oci/tar/writer.ts';
import {
  type ContextListing,
  isLink,
  type ListingEntry,
  listingId,
  parseListing,
} from '../../context-listing.ts';
import { EntryHash } from '../entry-hash.ts';

/** A listing with where its files' bytes are. Only what is asked for of it is parsed. */
export interface StoredListing {
  /** By which clients name it; a client cannot name one whose files changed while they were sent. */
  readonly id: string;
  readonly path: string;
  readonly mode: number | null;
  readonly seconds: number;
  /** How many builds of parts of the context have not named it since it was last named. */
  readonly age: number;
  /** How many entries it has. */
  readonly count: number;
  /** Of its files. */
  readonly bytes: number;
  /** Of its entries by name, as `TreeHash` has it. */
  readonly own: Digest;
  /** As `formatListing` writes it. */
  readonly text: Buffer;
  /** For each file in turn where its bytes begin in the pack, and their SHA-256. */
  readonly places: Buffer;
}

/** Where a file's bytes are. */
export interface FilePlace {
  readonly offset: number;
  readonly content: Digest;
}

export interface StoredEntry extends ListingEntry {
  /** Of a file. */
  readonly place: FilePlace | undefined;
}

/** A number of 8 bytes and a digest. */
export const PLACE_BYTES = 40;

/** `text`: what the client sent, where that is still what is so. Each file has its place. */
export function storeListing(
  listing: Omit<ContextListing, 'entries'>,
  entries: readonly StoredEntry[],
  text: Buffer,
): StoredListing {
  const files = entries.flatMap(({ place }) => place ?? []);
  const places = Buffer.allocUnsafeSlow(files.length * PLACE_BYTES);
  for (const [index, { offset, content }] of files.entries()) {
    places.writeDoubleLE(offset, index * PLACE_BYTES);
    places.write(hexOf(content), index * PLACE_BYTES + 8, 'hex');
  }
  const { path, mode, seconds } = listing;
  const bytes = entries.reduce((sum, { size }) => sum + size, 0);
  const own = digestOfEntries(entries);
  return {
    ...{ id: listingId(text), path, mode, seconds, age: 0, count: entries.length, bytes, own, text, places },
  };
}

export function entriesOf({ text, places }: StoredListing): readonly StoredEntry[] {
  let at = 0;
  return parseListing(text).entries.map((entry) => {
    if (isLink(entry)) return { ...entry, place: undefined };
    const offset = places.readDoubleLE(at);
    const content: Digest = `sha256:${places.toString('hex', at + 8, at + PLACE_BYTES)}`;
    at += PLACE_BYTES;
    return { ...entry, place: { offset, content } };
  });
}

/** Those that a layer can have, sorted bytewise. */
export function inOrder<E extends ListingEntry>(entries: readonly E[]): readonly E[] {
  const kept = entries.filter(({ name }) => !isWhiteout(name));
  const isSorted = kept.every(({ name }, index) => index === 0 || (kept[index - 1]?.name ?? '') < name);
  if (isSorted) return kept;
  const byName = new Map(kept.map((entry) => [entry.name, entry]));
  return [...byName.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
}

export function digestOfEntries(entries: readonly StoredEntry[]): Digest {
  const hash = new EntryHash();
  for (const entry of inOrder(entries))
    hash.add(entry.name, headerOf(entry, entry.name), entry.place?.content);
  return hash.finish();
}

/** Everything is root's, as in contexts that are archives. */
export function headerOf(entry: ListingEntry, name: string): TarHeader {
  const { mode, size, seconds, target } = entry;
  if (isLink(entry))
    return { type: 'symlink', name, mode: 0o777, uid: 0, gid: 0, size: 0, seconds, linkName: target };
  return { type: 'file', name, mode: mode & 0o7777, uid: 0, gid: 0, size, seconds, linkName: '' };
}
