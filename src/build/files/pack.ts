import { closeSync, fdatasync, openSync, read, readSync, unlinkSync, write } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isErrno } from '../../base/errno.ts';
import { SampanError } from '../../base/errors.ts';

const readAt = promisify(read);
const writeAt = promisify(write);
const syncData = promisify(fdatasync);

/** Bytes that are written at once, and that are read ahead at most. */
const CHUNK = 1 << 20;
/** What is read at once when a little of it is wanted, without waiting. */
const BLOCK = 256 << 10;
/** How many of them are kept: the files of one directory often come in another order than they are asked for. */
const BLOCKS = 32;

let counter = 0;

/** Closes the files of packs that nobody disposed of and nobody can reach any more. */
const forgotten = new FinalizationRegistry<number>((fd) => closeSync(fd));

/**
 * A file that holds the bytes of many: written once from its start, read at any place. Its descriptor is closed when nothing is at work on it any
 * more: the number soon is another file's.
 */
export class Pack implements Disposable {
  readonly #fd: number;
  readonly #closed = Promise.withResolvers<void>();
  #open = true;
  /** Reads and writes that are under way. */
  #busy = 0;
  #size: number;
  /** Two buffers: one fills while the other is written. */
  #filling = Buffer.allocUnsafeSlow(0);
  #spare = Buffer.allocUnsafeSlow(0);
  #filled = 0;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(fd: number, size: number) {
    this.#fd = fd;
    this.#size = size;
    forgotten.register(this, fd, this);
  }

  /** A pack without a name: it is gone when it is closed, however that comes. */
  static temporary(directory: string): Pack {
    const path = join(directory, `.pack.${process.pid}.${counter++}`);
    const fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return new Pack(fd, 0);
  }

  /** Bytes written so far: where the next ones come. */
  get size(): number {
    return this.#size + this.#filled;
  }

  /** Takes a copy of the bytes. Has to be waited for: the file may be slower than their source. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#filling.length === 0) this.#filling = Buffer.allocUnsafeSlow(CHUNK);
      const taken = Math.min(bytes.length - at, CHUNK - this.#filled);
      this.#filling.set(bytes.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled === CHUNK) await this.#flush();
    }
  }

  /** Everything that was written can be read from now on. */
  async finish(): Promise<void> {
    if (this.#filled > 0) await this.#flush();
    await this.#writing;
  }

  /** Makes what is finished durable. */
  async sync(): Promise<void> {
    await this.#work(() => syncData(this.#fd));
  }

  reader(): PackReader {
    return new PackReader((into, position) => this.#read(into, position));
  }

  [Symbol.dispose](): void {
    void this.close();
  }

  /** Fulfilled when nothing touches the file any more. */
  close(): Promise<void> {
    this.#open = false;
    if (this.#busy === 0) this.#end();
    return this.#closed.promise;
  }

  #end(): void {
    if (!forgotten.unregister(this)) return;
    closeSync(this.#fd);
    this.#closed.resolve();
  }

  async #work<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#open) throw closed();
    this.#busy++;
    try {
      return await work();
    } finally {
      if (--this.#busy === 0 && !this.#open) this.#end();
    }
  }

  /** Waits for the write before, and starts this one. */
  async #flush(): Promise<void> {
    await this.#writing;
    const [bytes, position] = [this.#filling.subarray(0, this.#filled), this.#size];
    [this.#filling, this.#spare] = [this.#spare, this.#filling];
    this.#size += bytes.length;
    this.#filled = 0;
    this.#writing = this.#work(() => this.#writeAll(bytes, position));
    // Whoever waits next is told.
    this.#writing.catch(() => {});
  }

  /** A little is read at once: it is faster than to wait, and mostly in memory still. */
  #read(into: Buffer, position: number): Buffer | Promise<Buffer> {
    if (!this.#open) throw closed();
    const bytes = into.subarray(0, Math.max(0, Math.min(into.length, this.#size - position)));
    if (bytes.length <= BLOCK && readSync(this.#fd, bytes, 0, bytes.length, position) === bytes.length)
      return bytes;
    return this.#work(() => this.#readAll(bytes, position));
  }

  async #readAll(bytes: Buffer, position: number): Promise<Buffer> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await readAt(this.#fd, bytes, at, bytes.length - at, position + at);
      if (bytesRead === 0) throw shorter();
      at += bytesRead;
    }
    return bytes;
  }

  async #writeAll(bytes: Buffer, position: number): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) {
        at += (await writeAt(this.#fd, bytes, at, bytes.length - at, position + at)).bytesWritten;
      }
    } catch (cause) {
      if (!isErrno(cause, 'ENOSPC', 'EDQUOT', 'EFBIG')) throw cause;
      throw new SampanError('exhausted', 'no space is left for the files of the build', { cause });
    }
  }
}

/**
 * Reads what is small by the block, as what is near is mostly wanted next. What it gives of a file is good until another file is read: the memory
 * of blocks is used again.
 */
export class PackReader {
  readonly #load: (into: Buffer, position: number) => Buffer | Promise<Buffer>;
  /** By their number, the last used at the end. */
  readonly #blocks = new Map<number, Buffer>();

  constructor(load: (into: Buffer, position: number) => Buffer | Promise<Buffer>) {
    this.#load = load;
  }

  /** The bytes from `offset`, at least one of `length` and no more than that; not a promise where they are quickly read. */
  read(offset: number, length: number): Buffer | Promise<Buffer> {
    if (length >= BLOCK / 2) return this.#load(Buffer.allocUnsafeSlow(Math.min(CHUNK, length)), offset);
    const number = Math.floor(offset / BLOCK);
    const known = this.#blocks.get(number);
    const block = known ?? this.#load(this.#memory(), number * BLOCK);
    return block instanceof Promise
      ? block.then((bytes) => this.#take(number, bytes, offset, length))
      : this.#take(number, block, offset, length);
  }

  #take(number: number, block: Buffer, offset: number, length: number): Buffer {
    this.#blocks.delete(number);
    this.#blocks.set(number, block);
    const from = offset - number * BLOCK;
    if (from >= block.length) throw shorter();
    return block.subarray(from, from + length);
  }

  /** Of the block that was used longest ago, once there are enough. */
  #memory(): Buffer {
    const [oldest] = this.#blocks;
    if (oldest === undefined || this.#blocks.size < BLOCKS) return Buffer.allocUnsafeSlow(BLOCK);
    const [number, block] = oldest;
    this.#blocks.delete(number);
    return block.length === BLOCK ? block : Buffer.allocUnsafeSlow(BLOCK);
  }
}

function shorter(): Error {
  return new SampanError('data-loss', 'a file of a build is shorter than it was');
}

function closed(): Error {
  return new SampanError('unavailable', 'the files of the build are gone: it has ended');
}
