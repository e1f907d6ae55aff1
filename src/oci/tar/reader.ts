import { invalid } from '../../base/errors.ts';
import {
  type Attributes,
  applyRecords,
  identityOf,
  isGlobal,
  newAttributes,
  storedSize,
  typeOf,
} from './draft.ts';
import { BLOCK, type Extent, type TarEntry, toText } from './entry.ts';
import { isZeroBlock, type RawHeader, readHeader } from './header.ts';
import { defaultTarLimits, type TarLimits } from './limits.ts';
import { parseDecimal, readNumber } from './numbers.ts';
import { parsePax } from './pax.ts';
import {
  checkExtents,
  parseSparseList,
  readOldSparse,
  SparseMapReader,
  type SparseNumbers,
  tooManyExtents,
} from './sparse.ts';

/** A member's header, or a run of the latest member's stored data (a view of what was fed). */
export type TarEvent = TarEntry | Uint8Array;

/** What the next block is part of. */
type State =
  | { readonly in: 'headers' }
  | { readonly in: 'payload'; readonly typeflag: string; readonly buffer: Buffer; filled: number }
  | {
      readonly in: 'old-sparse';
      readonly header: RawHeader;
      readonly numbers: SparseNumbers;
      readonly size: number;
    }
  | { readonly in: 'sparse-map'; readonly header: RawHeader; readonly map: SparseMapReader; left: number }
  | { readonly in: 'end' };

const headers: State = { in: 'headers' };

/**
 * Reads an archive as it streams by: bytes go in by `feed`, members and their data come out, and no data are kept.
 *
 * Understands v7, ustar, star, pax (local and global headers, GNU.sparse 0.0, 0.1 and 1.0, extended attributes of star
 * and libarchive) and GNU (long names, old sparse files, base-256 numbers). Fails with `invalid-argument` on all else.
 */
export class TarReader {
  readonly #limits: TarLimits;
  readonly #pending = Buffer.allocUnsafe(BLOCK);
  #pendingBytes = 0;
  #position = 0;
  #state: State = headers;
  #dataLeft = 0;
  #paddingLeft = 0;
  #zeroBlocks = 0;
  #entries = 0;
  #extents = 0;
  #prefixes = 0;
  readonly #global: Attributes = newAttributes();
  #local: Attributes = newAttributes();
  #lastName = '';

  constructor(limits: Partial<TarLimits> = {}) {
    this.#limits = { ...defaultTarLimits, ...limits };
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#position;
  }

  /** Whether the end marker has been read; what follows it is ignored. */
  get ended(): boolean {
    return this.#state.in === 'end';
  }

  /** The members and data in the next bytes of the archive. Must be read to its end before the next call. */
  *feed(chunk: Uint8Array): Generator<TarEvent, void, void> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (at < bytes.length) {
      if (this.#state.in === 'end') {
        this.#position += bytes.length - at;
        return;
      }
      const skipped = Math.min(this.#dataLeft > 0 ? this.#dataLeft : this.#paddingLeft, bytes.length - at);
      if (skipped > 0) {
        this.#position += skipped;
        if (this.#dataLeft > 0) {
          this.#dataLeft -= skipped;
          yield bytes.subarray(at, at + skipped);
        } else this.#paddingLeft -= skipped;
        at += skipped;
        continue;
      }
      const taken = Math.min(BLOCK - this.#pendingBytes, bytes.length - at);
      this.#position += taken;
      const block = this.#collect(bytes, at, taken);
      at += taken;
      const entry = block === undefined ? undefined : this.#readBlock(block);
      if (entry !== undefined) yield entry;
    }
  }

  /** Bytes of data and padding that come next and need not be fed. */
  get skippable(): number {
    return this.#dataLeft + this.#paddingLeft;
  }

  /** Passes over them: the next byte to be fed is the one after. */
  skip(): void {
    this.#position += this.skippable;
    this.#dataLeft = 0;
    this.#paddingLeft = 0;
  }

  /** Says that no more bytes come. Fails with `invalid-argument` if that is in the middle of a member. */
  finish(): void {
    // The padding of the last member, and the end marker, may be missing.
    const whole = this.#state.in === 'end' || (this.#state.in === 'headers' && this.#prefixes === 0);
    if (!whole || this.#dataLeft > 0 || this.#pendingBytes > 0) {
      throw invalid(`invalid tar archive: unexpected EOF after ${JSON.stringify(toText(this.#lastName))}`);
    }
  }

  /** A whole block, without a copy where it is in one piece. */
  #collect(bytes: Buffer, at: number, taken: number): Buffer | undefined {
    if (taken === BLOCK) return bytes.subarray(at, at + BLOCK);
    bytes.copy(this.#pending, this.#pendingBytes, at, at + taken);
    this.#pendingBytes += taken;
    if (this.#pendingBytes < BLOCK) return undefined;
    this.#pendingBytes = 0;
    return this.#pending;
  }

  #readBlock(block: Buffer): TarEntry | undefined {
    const state = this.#state;
    switch (state.in) {
      case 'headers':
        return this.#readHeaderBlock(block);
      case 'payload':
        state.filled += block.copy(state.buffer, state.filled);
        if (state.filled >= state.buffer.length) this.#applyPayload(state.typeflag, state.buffer);
        return undefined;
      case 'old-sparse':
        readOldSparse(block, 0, 21, state.numbers);
        if (state.numbers.length > this.#extentsLeft * 2) throw tooManyExtents();
        return block[504] === 0
          ? this.#sparseEntry(state.header, state.numbers, state.size, undefined)
          : undefined;
      case 'sparse-map':
        state.left -= BLOCK;
        if (state.left < 0) throw invalid('invalid tar header: sparse map longer than the data');
        if (!state.map.push(block)) return undefined;
        return this.#sparseEntry(state.header, state.map.numbers, this.#realSize(), state.left);
      case 'end':
        return undefined;
    }
  }

  #readHeaderBlock(block: Buffer): TarEntry | undefined {
    if (isZeroBlock(block)) {
      this.#zeroBlocks++;
      if (this.#zeroBlocks === 2) this.#state = { in: 'end' };
      return undefined;
    }
    if (this.#zeroBlocks > 0) throw invalid('invalid tar header');
    if (++this.#entries > this.#limits.entries) {
      throw invalid(`the tar archive has more than ${this.#limits.entries} members`);
    }
    const header = readHeader(block);
    if ('xXgLK'.includes(header.typeflag)) {
      this.#beginPayload(header);
      return undefined;
    }
    return this.#beginMember(header, block);
  }

  #beginPayload(header: RawHeader): void {
    const { typeflag, size } = header;
    const limit = typeflag === 'L' || typeflag === 'K' ? this.#limits.nameLength + 1 : this.#limits.paxSize;
    if (size < 0 || size > limit) throw invalid(`invalid tar header: extended header of ${size} bytes`);
    if (++this.#prefixes > this.#limits.prefixes)
      throw invalid('invalid tar header: too many extended headers');
    if (size === 0) this.#applyPayload(typeflag, Buffer.alloc(0));
    else this.#state = { in: 'payload', typeflag, buffer: Buffer.allocUnsafe(size), filled: 0 };
  }

  #applyPayload(typeflag: string, payload: Buffer): void {
    this.#state = headers;
    if (typeflag === 'g') {
      this.#prefixes = 0;
      applyRecords(this.#global, parsePax(payload).filter(isGlobal));
    } else if (typeflag === 'L' || typeflag === 'K') {
      const nul = payload.indexOf(0);
      const name = payload.toString('latin1', 0, nul < 0 ? payload.length : nul);
      this.#local.values.set(typeflag === 'L' ? 'path' : 'linkpath', name);
    } else applyRecords(this.#local, parsePax(payload));
  }

  #beginMember(header: RawHeader, block: Buffer): TarEntry | undefined {
    this.#mergeGlobal();
    const pax = this.#local.values;
    if (header.typeflag === 'S') {
      const numbers: SparseNumbers = [];
      readOldSparse(block, 386, 4, numbers);
      const size = readNumber(block, 483, 12, 'realsize');
      if (block[482] === 0) return this.#sparseEntry(header, numbers, size, undefined);
      this.#state = { in: 'old-sparse', header, numbers, size };
      return undefined;
    }
    if (pax.get('GNU.sparse.major') === '1') {
      this.#state = {
        in: 'sparse-map',
        header,
        map: new SparseMapReader(this.#extentsLeft),
        left: storedSize(header, this.#local, 'file'),
      };
      return undefined;
    }
    if (pax.has('GNU.sparse.map') || this.#local.sparsePairs.length > 0) {
      const numbers = this.#sparseNumbers();
      return this.#sparseEntry(header, numbers, this.#realSize(), undefined);
    }
    return this.#plainEntry(header);
  }

  /** Global attributes hold for each member that does not say otherwise. */
  #mergeGlobal(): void {
    for (const [key, value] of this.#global.values) {
      if (!this.#local.values.has(key)) this.#local.values.set(key, value);
    }
  }

  #sparseNumbers(): SparseNumbers {
    const list = this.#local.values.get('GNU.sparse.map');
    if (list !== undefined) return parseSparseList(list, this.#extentsLeft);
    return this.#local.sparsePairs.map((number) => parseDecimal(number, 'GNU.sparse.offset'));
  }

  #realSize(): number {
    const pax = this.#local.values;
    const size = pax.get('GNU.sparse.realsize') ?? pax.get('GNU.sparse.size');
    if (size === undefined) throw invalid('invalid tar header: sparse file without its size');
    return parseDecimal(size, 'GNU.sparse.realsize');
  }

  get #extentsLeft(): number {
    return this.#limits.extents - this.#extents;
  }

  #sparseEntry(header: RawHeader, numbers: SparseNumbers, size: number, left: number | undefined): TarEntry {
    const identity = identityOf(header, this.#local, this.#limits.nameLength);
    const dataSize = left ?? storedSize(header, this.#local, 'file');
    if (numbers.length > this.#extentsLeft * 2) throw tooManyExtents();
    const extents = checkExtents(numbers, size, dataSize);
    this.#extents += extents.length;
    return this.#begin({ ...identity, type: 'file', size, dataSize, dataOffset: this.#position, extents });
  }

  #plainEntry(header: RawHeader): TarEntry {
    const identity = identityOf(header, this.#local, this.#limits.nameLength);
    const type = typeOf(header, identity.name);
    const dataSize = storedSize(header, this.#local, type);
    const extents: Extent[] | undefined = undefined;
    const size = type === 'file' ? dataSize : 0;
    return this.#begin({ ...identity, type, size, dataSize, dataOffset: this.#position, extents });
  }

  #begin(entry: TarEntry): TarEntry {
    if (entry.size > this.#limits.fileSize) {
      throw invalid(`${JSON.stringify(toText(entry.name))} is larger than ${this.#limits.fileSize} bytes`);
    }
    this.#dataLeft = entry.dataSize;
    this.#paddingLeft = (BLOCK - (entry.dataSize % BLOCK)) % BLOCK;
    this.#state = headers;
    this.#prefixes = 0;
    this.#local = newAttributes();
    this.#lastName = entry.name;
    return entry;
  }
}
