import { invalid } from '../../base/errors.ts';
import { BLOCK } from './entry.ts';
import { readNumber } from './numbers.ts';

/** The fields of one 512-byte header block, not yet interpreted. */
export interface RawHeader {
  readonly typeflag: string;
  /** Byte string, the ustar prefix joined. */
  readonly name: string;
  readonly linkName: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly userName: string;
  readonly groupName: string;
  readonly major: number;
  readonly minor: number;
}

/** Which of the fields after `linkname` a header has. */
type Flavour = 'v7' | 'ustar' | 'star' | 'gnu';

export function isZeroBlock(block: Buffer): boolean {
  for (let at = 0; at < BLOCK; at++) if (block[at] !== 0) return false;
  return true;
}

/**
 * Reads a header of any flavour: v7, POSIX ustar, star, old GNU (pax(1p) "ustar Interchange Format"; GNU tar manual,
 * "Basic Tar Format"). Fails with `invalid-argument` unless the checksum fits.
 */
export function readHeader(block: Buffer): RawHeader {
  if (!checksumFits(block)) throw invalid('invalid tar header');
  const flavour = flavourOf(block);
  const modern = flavour !== 'v7';
  return {
    typeflag: String.fromCharCode(block[156] ?? 0),
    name: joinPrefix(prefixOf(block, flavour), readText(block, 0, 100)),
    linkName: readText(block, 157, 100),
    mode: readNumber(block, 100, 8, 'mode'),
    uid: readNumber(block, 108, 8, 'uid'),
    gid: readNumber(block, 116, 8, 'gid'),
    size: readNumber(block, 124, 12, 'size'),
    mtime: readNumber(block, 136, 12, 'mtime'),
    userName: modern ? readText(block, 265, 32) : '',
    groupName: modern ? readText(block, 297, 32) : '',
    major: modern ? readNumber(block, 329, 8, 'devmajor') : 0,
    minor: modern ? readNumber(block, 337, 8, 'devminor') : 0,
  };
}

/** Historic writers summed signed characters, so both sums are good. */
function checksumFits(block: Buffer): boolean {
  let unsigned = 8 * 0x20;
  let high = 0;
  for (let at = 0; at < BLOCK; at++) {
    if (at === 148) at = 156;
    const byte = block[at] ?? 0;
    unsigned += byte;
    high += byte >> 7;
  }
  const expected = readNumber(block, 148, 8, 'checksum');
  return expected === unsigned || expected === unsigned - 256 * high;
}

function flavourOf(block: Buffer): Flavour {
  const magic = block.toString('latin1', 257, 265);
  if (magic === 'ustar  \0') return 'gnu';
  if (!magic.startsWith('ustar\0')) return 'v7';
  return block.toString('latin1', 508, 512) === 'tar\0' ? 'star' : 'ustar';
}

/** GNU keeps other things where POSIX has the prefix; star keeps times in its last 24 bytes. */
function prefixOf(block: Buffer, flavour: Flavour): string {
  if (flavour === 'ustar') return readText(block, 345, 155);
  return flavour === 'star' ? readText(block, 345, 131) : '';
}

function joinPrefix(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** A field that a NUL ends, unless it is full. */
function readText(block: Buffer, offset: number, length: number): string {
  const nul = block.indexOf(0, offset);
  const end = nul < 0 || nul > offset + length ? offset + length : nul;
  return block.toString('latin1', offset, end);
}
