import { invalid } from '../../base/errors.ts';
import type { EntryType, TarEntry } from './entry.ts';
import type { RawHeader } from './header.ts';
import { parseDecimal, parseTime } from './numbers.ts';
import type { PaxRecord } from './pax.ts';

/** What extended headers say about the member that follows: pax keys (byte strings) with their values. */
export interface Attributes {
  readonly values: Map<string, string>;
  /** GNU.sparse 0.0 repeats two keys, so their order counts. */
  readonly sparsePairs: string[];
}

export function newAttributes(): Attributes {
  return { values: new Map(), sparsePairs: [] };
}

/** Later records win; an empty value takes the attribute back, except where empty means something. */
export function applyRecords(attributes: Attributes, records: readonly PaxRecord[]): void {
  for (const [key, value] of records) {
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') attributes.sparsePairs.push(value);
    else if (value === '' && !key.includes('xattr.')) attributes.values.delete(key);
    else attributes.values.set(key, value);
  }
}

/** What makes sense for many members at once; the rest of a global header would only cost time, again for each member. */
const globalKeys = new Set(['path', 'linkpath', 'size', 'uid', 'gid', 'uname', 'gname', 'mtime']);

export function isGlobal([key]: PaxRecord): boolean {
  return globalKeys.has(key);
}

const types: Readonly<Record<string, EntryType>> = {
  '0': 'file',
  '\0': 'file',
  // A contiguous file, and a GNU sparse one.
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  // GNU's directory with a list of its names as data.
  D: 'directory',
  '6': 'fifo',
  V: 'note',
};

/** Fails with `invalid-argument` for a kind of member that nobody knows. */
export function typeOf(header: RawHeader, name: string): EntryType {
  const type = types[header.typeflag];
  if (type === undefined) {
    throw invalid(`unhandled tar header type ${header.typeflag.charCodeAt(0)} of ${JSON.stringify(name)}`);
  }
  // How v7 archives, which know no directories, write them.
  return type === 'file' && name.endsWith('/') ? 'directory' : type;
}

/** Only files and notes have data, whatever the size field of the others claims. */
export function storedSize(header: RawHeader, attributes: Attributes, type: EntryType): number {
  if (type !== 'file' && type !== 'note' && header.typeflag !== 'D') return 0;
  const own = attributes.values.get('size');
  const size = own === undefined ? header.size : parseDecimal(own, 'size');
  if (size < 0) throw invalid('invalid tar header: negative size');
  return size;
}

type Identity = Omit<TarEntry, 'type' | 'size' | 'dataOffset' | 'dataSize' | 'extents'>;

/** Everything of an entry that does not concern its data. */
export function identityOf(header: RawHeader, attributes: Attributes, nameLength: number): Identity {
  const pax = attributes.values;
  const mtime = pax.get('mtime');
  return {
    name: readName(pax.get('GNU.sparse.name') ?? pax.get('path') ?? header.name, nameLength),
    linkName: readName(pax.get('linkpath') ?? header.linkName, nameLength),
    mode: header.mode & 0o7777,
    uid: readOwner(pax.get('uid'), header.uid, 'uid'),
    gid: readOwner(pax.get('gid'), header.gid, 'gid'),
    userName: pax.get('uname') ?? header.userName,
    groupName: pax.get('gname') ?? header.groupName,
    ...(mtime === undefined ? { seconds: header.mtime, nanoseconds: 0 } : parseTime(mtime, 'mtime')),
    major: header.major,
    minor: header.minor,
    xattrs: xattrsOf(pax),
  };
}

function readName(name: string, limit: number): string {
  if (name.length > limit) throw invalid(`invalid tar header: name longer than ${limit} bytes`);
  if (name.includes('\0')) throw invalid('invalid tar header: NUL in a name');
  return name;
}

/** The kernel keeps 2^32 - 1 for "no such user". */
function readOwner(own: string | undefined, header: number, field: string): number {
  const id = own === undefined ? header : parseDecimal(own, field);
  if (id < 0 || id >= 0xffffffff) throw invalid(`invalid tar header: ${field} ${id} out of range`);
  return id;
}

const schily = 'SCHILY.xattr.';
const libarchive = 'LIBARCHIVE.xattr.';

function xattrsOf(pax: ReadonlyMap<string, string>): Map<string, Uint8Array> | undefined {
  let xattrs: Map<string, Uint8Array> | undefined;
  for (const [key, value] of pax) {
    if (key.startsWith(schily)) {
      xattrs ??= new Map();
      xattrs.set(decodeKeyword(key.slice(schily.length)), Buffer.from(value, 'latin1'));
    } else if (key.startsWith(libarchive)) {
      const name = decodePercent(key.slice(libarchive.length));
      if (pax.has(schily + name)) continue;
      xattrs ??= new Map();
      xattrs.set(name, Buffer.from(value, 'base64'));
    }
  }
  return xattrs;
}

/** GNU tar hides only "=" and "%" in the name of an attribute. */
function decodeKeyword(name: string): string {
  return name.includes('%') ? name.replaceAll('%3D', '=').replaceAll('%25', '%') : name;
}

function decodePercent(name: string): string {
  return name.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
