import { closeSync, createReadStream, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { isErrno } from '../../base/errno.ts';
import { LineSplitter } from './line-splitter.ts';

const CHUNK = 64 << 10;
const NEWLINE = 0x0a;

/** One open file of a log. It stays the same file whatever rotation renames it to. */
export class LogFile {
  readonly inode: number;
  /** Gzip, and complete. */
  readonly compressed: boolean;
  readonly #fd: number;
  #splitter = new LineSplitter();
  #position = 0;
  #lastLine = '';
  #closed = false;

  private constructor(fd: number, compressed: boolean) {
    this.#fd = fd;
    this.inode = fstatSync(fd).ino;
    this.compressed = compressed;
  }

  /** Undefined when there is no such file. */
  static open(path: string): LogFile | undefined {
    try {
      return new LogFile(openSync(path, 'r'), path.endsWith('.gz'));
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  /** Of those read so far. */
  get lastLine(): string {
    return this.#lastLine;
  }

  /** Where reading goes on, in bytes. */
  seek(position: number): void {
    this.#position = position;
  }

  /** Whole lines up to what a plain file holds now, a chunk at a time. */
  *newLines(): Generator<string[]> {
    const buffer = Buffer.allocUnsafe(CHUNK);
    while (!this.#closed) {
      const size = readSync(this.#fd, buffer, 0, CHUNK, this.#position);
      if (size === 0 && !this.#truncated()) return;
      this.#position += size;
      const lines = this.#splitter.push(buffer.subarray(0, size));
      this.#lastLine = lines.at(-1) ?? this.#lastLine;
      yield lines;
    }
  }

  /** A log of one file starts over in place. */
  #truncated(): boolean {
    if (fstatSync(this.#fd).size >= this.#position) return false;
    this.#position = 0;
    this.#splitter = new LineSplitter();
    return true;
  }

  /** All lines, of either form. */
  async *lines(): AsyncGenerator<string[]> {
    if (!this.compressed) {
      yield* this.newLines();
      return;
    }
    const splitter = new LineSplitter();
    const file = createReadStream('', { fd: this.#fd, start: 0, autoClose: false, highWaterMark: CHUNK });
    const plain = file.pipe(createGunzip());
    file.on('error', (error) => plain.destroy(error));
    try {
      for await (const chunk of plain) yield splitter.push(chunk);
    } finally {
      file.unpipe(plain);
      plain.destroy();
    }
  }

  /** Seeks to the last `count` lines of a plain file, reading from its end. Returns how many lines are missing. */
  seekTail(count: number): number {
    const buffer = Buffer.allocUnsafe(CHUNK);
    let found = 0;
    for (let end = fstatSync(this.#fd).size; end > 0; ) {
      const start = Math.max(0, end - CHUNK);
      const size = readSync(this.#fd, buffer, 0, end - start, start);
      for (let at = lastNewline(buffer, size); at >= 0; at = lastNewline(buffer, at)) {
        // This one ends the line before those wanted.
        if (found === count) {
          this.seek(start + at + 1);
          return 0;
        }
        found++;
      }
      end = start;
    }
    this.seek(0);
    return count - found;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }
}

function lastNewline(buffer: Buffer, before: number): number {
  return before === 0 ? -1 : buffer.subarray(0, before).lastIndexOf(NEWLINE);
}

/** Whether there is another file at `path` now. Between two steps of a rotation there may be none. */
export function isReplaced(path: string, file: LogFile): boolean {
  const inode = statSync(path, { throwIfNoEntry: false })?.ino;
  return inode !== undefined && inode !== file.inode;
}

export interface OpenLog {
  /** "x.2.gz", "x.1": oldest first. */
  readonly older: readonly LogFile[];
  /** "x", which is written to; undefined when there is none at the moment. */
  readonly current: LogFile | undefined;
}

/** Opens all files of a rotated log at once, so that no rotation comes between. */
export function openLog(path: string): OpenLog {
  for (;;) {
    const current = LogFile.open(path);
    const older: LogFile[] = [];
    for (let number = 1; ; number++) {
      const file = LogFile.open(`${path}.${number}`) ?? LogFile.open(`${path}.${number}.gz`);
      if (file === undefined) break;
      older.unshift(file);
    }
    if (current === undefined || !isReplaced(path, current)) return { older, current };
    for (const file of [...older, current]) file.close();
  }
}
