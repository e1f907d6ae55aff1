import { formatListing, type ListingEntry, listingId } from '../../build/context-listing.ts';
import { modeType } from '../../oci/tar/layer-node.ts';
import type { FileStat } from './diff-copy.ts';
import { permissionsOf, typeOf } from './go-mode.ts';

/** What a client's directory has, as the builder compares it. */
export interface SentListing {
  readonly id: string;
  readonly text: Buffer;
  readonly entries: readonly SentEntry[];
}

export interface SentEntry extends ListingEntry {
  readonly path: string;
  /** The client's number of it. */
  readonly number: number;
}

/** A listing is sent and parsed whole when anything in it has changed. */
const MAX_ENTRIES = 1000;
const SECOND = 1_000_000_000n;
/** Of the nanoseconds in a time. */
const DIGITS = 9;
/** Milliseconds within which a further change of a file need not show; where times are whole seconds, and otherwise. */
const WHOLE_TICK = 2_000;
const TICK = 100;

interface Directory {
  mode: number | null;
  seconds: number;
  readonly entries: SentEntry[];
}

/** `begin`: when they were asked for, milliseconds since the epoch. Devices, pipes and sockets stay where they are. */
export function listingsOf(stats: readonly FileStat[], begin: number): readonly SentListing[] {
  const directories = new Map<string, Directory>();
  const directoryAt = (path: string): Directory => {
    const known = directories.get(path);
    if (known !== undefined) return known;
    const made = { mode: null, seconds: 0, entries: [] };
    directories.set(path, made);
    return made;
  };
  directoryAt('');
  const sizes = new Map<string, number>();
  for (const [number, stat] of stats.entries()) {
    const { path } = stat;
    const type = typeOf(stat.mode);
    if (type === undefined) continue;
    if (type === 'directory') {
      Object.assign(directoryAt(path), { mode: permissionsOf(stat.mode), seconds: secondsOf(stat) });
      continue;
    }
    // A further name of a file is listed without the size.
    const size =
      (type === 'file' && stat.linkName !== '' ? sizes.get(stat.linkName) : undefined) ?? stat.size;
    if (type === 'file') sizes.set(path, size);
    // A name that begins with a slash stays as it is, and is refused.
    const slash = Math.max(0, path.lastIndexOf('/'));
    directoryAt(path.slice(0, slash)).entries.push({
      ...{
        path,
        number,
        name: slash === 0 ? path : path.slice(slash + 1),
        seconds: secondsOf(stat),
        stamp: stampOf(stat, begin),
      },
      mode: permissionsOf(stat.mode) | (type === 'file' ? modeType.file : modeType.symlink),
      size: type === 'file' ? size : 0,
      target: type === 'symlink' ? stat.linkName : '',
    });
  }
  return [...directories].flatMap(([path, directory]) => split(path, directory));
}

function split(path: string, { entries, ...directory }: Directory): readonly SentListing[] {
  const listings: SentListing[] = [];
  for (let at = 0; at === 0 || at < entries.length; at += MAX_ENTRIES) {
    const some = entries.slice(at, at + MAX_ENTRIES);
    const text = Buffer.from(formatListing({ path, ...directory, entries: some }));
    listings.push({ id: listingId(text), text, entries: some });
  }
  return listings;
}

function secondsOf({ modified }: FileStat): number {
  // Text is quicker than division, and there are many.
  if (modified >= SECOND) return Number(String(modified).slice(0, -DIGITS));
  const rest = ((modified % SECOND) + SECOND) % SECOND;
  return Number((modified - rest) / SECOND);
}

/** What has changed only just now may change again without a trace: then it is never the same. */
function stampOf({ modified }: FileStat, begin: number): string {
  const text = String(modified);
  const tick = text.endsWith('000000000') ? WHOLE_TICK : TICK;
  return Number(modified) / 1e6 < begin - tick ? text : `${text} ${Math.random()}`;
}
