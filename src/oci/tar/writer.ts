import { invalid } from '../../base/errors.ts';
import { BLOCK, type EntryType, type TarEntry } from './entry.ts';
import { formatOctal, formatTime } from './numbers.ts';
import { formatPax, type PaxRecord } from './pax.ts';

/** What a header says; what is left out is 0, empty or absent. */
export type TarHeader = Pick<TarEntry, 'type' | 'name'> &
  Partial<Omit<TarEntry, 'type' | 'name' | 'dataOffset' | 'dataSize' | 'extents'>>;

const typeflags: Readonly<Record<EntryType, string | undefined>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
  note: undefined,
};

/** The two zero blocks that end an archive. */
export const tarEnd: Uint8Array = new Uint8Array(2 * BLOCK);

/** The zeros that follow `size` bytes of data. */
export function tarPadding(size: number): Uint8Array {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}

/**
 * The header blocks of a member: ustar, behind a pax header where ustar cannot say it. The same header gives the same
 * bytes always. The caller writes `size` bytes of data and `tarPadding(size)` after it.
 */
export function formatTarHeader(header: TarHeader): Buffer {
  const records: PaxRecord[] = [];
  const block = Buffer.alloc(BLOCK);
  writeNames(block, header, records);
  writeNumbers(block, header, records);
  writeOwners(block, header, records);
  const typeflag = typeflags[header.type];
  if (typeflag === undefined) throw invalid(`cannot write a ${header.type} into a tar archive`);
  finishBlock(block, typeflag);
  for (const [name, value] of header.xattrs ?? []) {
    records.push([`SCHILY.xattr.${encodeKeyword(name)}`, Buffer.from(value).toString('latin1')]);
  }
  if (records.length === 0) return block;
  return Buffer.concat([formatPaxHeader(records), block]);
}

function writeNames(block: Buffer, header: TarHeader, records: PaxRecord[]): void {
  const split = splitName(header.name);
  if (split === undefined) records.push(...charsetOf(header.name), ['path', header.name]);
  put(block, split?.name ?? header.name.slice(0, 100), 0);
  put(block, split?.prefix ?? '', 345);
  const link = header.linkName ?? '';
  if (link.length > 100) records.push(...charsetOf(link), ['linkpath', link]);
  put(block, link.slice(0, 100), 157);
}

/** A name that is not UTF-8 must say so. */
function charsetOf(name: string): PaxRecord[] {
  const bytes = Buffer.from(name, 'latin1');
  return bytes.equals(Buffer.from(bytes.toString('utf8'))) ? [] : [['hdrcharset', 'BINARY']];
}

function splitName(name: string): { readonly name: string; readonly prefix: string } | undefined {
  if (name.length <= 100) return { name, prefix: '' };
  if (name.length > 256) return undefined;
  const slash = name.indexOf('/', name.length - 101);
  if (slash <= 0 || slash > 155 || slash === name.length - 1) return undefined;
  return { name: name.slice(slash + 1), prefix: name.slice(0, slash) };
}

function writeNumbers(block: Buffer, header: TarHeader, records: PaxRecord[]): void {
  const { uid = 0, gid = 0, size = 0, seconds = 0, nanoseconds = 0 } = header;
  const number = (key: string, value: number, offset: number, length: number): void => {
    const octal = formatOctal(value, length);
    if (octal === undefined) records.push([key, String(value)]);
    put(block, octal ?? '0'.repeat(length - 1), offset);
  };
  put(block, formatOctal((header.mode ?? 0) & 0o7777, 8) ?? '', 100);
  number('uid', uid, 108, 8);
  number('gid', gid, 116, 8);
  number('size', header.type === 'file' ? size : 0, 124, 12);
  const octalTime = nanoseconds === 0 ? formatOctal(seconds, 12) : undefined;
  if (octalTime === undefined) records.push(['mtime', formatTime({ seconds, nanoseconds })]);
  put(block, octalTime ?? formatOctal(Math.max(0, seconds), 12) ?? '0'.repeat(11), 136);
}

function writeOwners(block: Buffer, header: TarHeader, records: PaxRecord[]): void {
  const { userName = '', groupName = '', major = 0, minor = 0 } = header;
  if (userName.length > 32) records.push(['uname', userName]);
  if (groupName.length > 32) records.push(['gname', groupName]);
  put(block, userName.slice(0, 32), 265);
  put(block, groupName.slice(0, 32), 297);
  if (header.type !== 'character' && header.type !== 'block') return;
  const numbers = [formatOctal(major, 8), formatOctal(minor, 8)];
  for (const [index, octal] of numbers.entries()) {
    if (octal === undefined) throw invalid(`device ${major}:${minor} does not fit into a tar archive`);
    put(block, octal, index === 0 ? 329 : 337);
  }
}

function put(block: Buffer, text: string, offset: number): void {
  block.write(text, offset, 'latin1');
}

function finishBlock(block: Buffer, typeflag: string): void {
  put(block, typeflag, 156);
  put(block, 'ustar\x0000', 257);
  put(block, '        ', 148);
  let sum = 0;
  for (let at = 0; at < BLOCK; at++) sum += block[at] ?? 0;
  put(block, `${sum.toString(8).padStart(6, '0')}\0 `, 148);
}

function formatPaxHeader(records: readonly PaxRecord[]): Buffer {
  const payload = formatPax(records);
  const block = Buffer.alloc(BLOCK);
  put(block, 'PaxHeaders/member', 0);
  for (const offset of [100, 108, 116]) put(block, offset === 100 ? '0000644\0' : '0000000\0', offset);
  put(block, formatOctal(payload.length, 12) ?? '', 124);
  put(block, '00000000000\0', 136);
  finishBlock(block, 'x');
  return Buffer.concat([block, payload, tarPadding(payload.length)]);
}

function encodeKeyword(name: string): string {
  return name.replaceAll('%', '%25').replaceAll('=', '%3D');
}
