/** A member of an archive, all that a layer says about a file but its time. */
export interface TarEntry {
  /** Without "./" before and "/" after it. */
  readonly name: string;
  /** As in the header: "0" for a file, "5" for a directory … */
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly device: readonly [number, number];
  readonly target: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly content: Uint8Array;
}

const BLOCK = 512;
const XATTR = 'SCHILY.xattr.';

/** Reads a whole archive in the formats ustar, GNU and pax: another reader than the product's, which is under test. */
export function* tarEntries(archive: Uint8Array): Generator<TarEntry> {
  let pax = new Map<string, string>();
  let longName: string | undefined;
  let longTarget: string | undefined;
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const header = archive.subarray(at, at + BLOCK);
    // A name may be empty, if only pax has it.
    if (header.every((byte) => byte === 0)) return;
    const size = pax.has('size') ? Number(pax.get('size')) : number(header, 124, 12);
    const content = archive.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const type = String.fromCharCode(header[156] || 48);
    if (type === 'x') pax = paxRecords(content);
    else if (type === 'L') longName = text(content);
    else if (type === 'K') longTarget = text(content);
    else if (type !== 'g') {
      yield entry(header, { type, content, pax, longName, longTarget });
      pax = new Map();
      longName = longTarget = undefined;
    }
  }
}

interface Extensions {
  readonly type: string;
  readonly content: Uint8Array;
  readonly pax: ReadonlyMap<string, string>;
  readonly longName: string | undefined;
  readonly longTarget: string | undefined;
}

function entry(header: Uint8Array, { type, content, pax, longName, longTarget }: Extensions): TarEntry {
  const prefix =
    text(header.subarray(257, 262)) === 'ustar' && header[263] === 48 ? field(header, 345, 155) : '';
  const short = prefix === '' ? field(header, 0, 100) : `${prefix}/${field(header, 0, 100)}`;
  const name = pax.get('path') ?? longName ?? short;
  const attributes = [...pax].filter(([key]) => key.startsWith(XATTR));
  return {
    ...{ type, content },
    name: name.replace(/^(\.?\/)+|^\.$/, '').replace(/\/+$/, ''),
    mode: number(header, 100, 8) & 0o7777,
    uid: Number(pax.get('uid') ?? number(header, 108, 8)),
    gid: Number(pax.get('gid') ?? number(header, 116, 8)),
    device: [number(header, 329, 8), number(header, 337, 8)],
    target: pax.get('linkpath') ?? longTarget ?? field(header, 157, 100),
    attributes: new Map(attributes.map(([key, value]) => [key.slice(XATTR.length), value])),
  };
}

function paxRecords(content: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < content.length; ) {
    const length = Number.parseInt(Buffer.from(content.subarray(at, at + 20)).toString(), 10);
    const record = Buffer.from(content.subarray(at, at + length - 1));
    const equals = record.indexOf('=');
    const key = record.subarray(record.indexOf(' ') + 1, equals).toString();
    // Attributes of the kernel are bytes.
    records.set(key, record.subarray(equals + 1).toString(key.startsWith(XATTR) ? 'latin1' : 'utf8'));
    at += length;
  }
  return records;
}

/** Octal digits, or GNU's base 256 for what does not fit. */
function number(header: Uint8Array, at: number, length: number): number {
  const bytes = header.subarray(at, at + length);
  if (((bytes[0] ?? 0) & 0x80) === 0) return Number.parseInt(text(bytes).trim() || '0', 8);
  return bytes.slice(1).reduce((sum, byte) => sum * 256 + byte, 0);
}

function field(header: Uint8Array, at: number, length: number): string {
  return text(header.subarray(at, at + length));
}

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end === -1 ? bytes : bytes.subarray(0, end)).toString();
}
