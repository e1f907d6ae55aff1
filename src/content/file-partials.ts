import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Context, throwIfAborted } from '../base/context.ts';
import { isErrno } from '../base/errno.ts';
import { type Digest, hexOf } from '../oci/digest.ts';
import type { BlobInfo, Lease, PartialWriter } from './contract.ts';
import { FileWriter } from './file-writer.ts';
import type { Holds } from './holds.ts';
import { Turns } from './turns.ts';
import type { Expected } from './verify.ts';

/** Bytes read at once. */
const READ_SIZE = 512 * 1024;

/** The partials of a store: the files `<directory>/<hex>`, which outlive the process. */
export class FilePartials {
  readonly #directory: string;
  readonly #turns = new Turns<string>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(directory: string): Promise<FilePartials> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return new FilePartials(directory);
  }

  /** The writer of one partial; `admit` is called when it is this one's turn, and may throw. */
  async writer(
    context: Context,
    digest: Digest,
    target: { readonly directory: string; readonly holds: Holds },
    admit: () => Promise<void>,
  ): Promise<PartialWriter> {
    const name = hexOf(digest);
    const giveBack = await this.#turns.take(context, name);
    try {
      await admit();
      const temporary = join(this.#directory, name);
      const file = await openToContinue(temporary);
      const { size } = await file.stat();
      return new FilePartial(context, { ...target, file, temporary, digest, size, giveBack });
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  /** Takes a file that has the whole blob; where somebody writes the partial just now, that one is enough. */
  async adopt(digest: Digest, path: string): Promise<void> {
    const name = hexOf(digest);
    try {
      if (this.#turns.isTaken(name)) await unlink(path);
      else await rename(path, join(this.#directory, name));
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  }

  /** Deletes what nobody writes and what was last written before `time`; returns the bytes freed. */
  async drop(context: Context, time: Date): Promise<number> {
    let freed = 0;
    for (const name of await readdir(this.#directory)) {
      throwIfAborted(context);
      if (this.#turns.isTaken(name)) continue;
      const giveBack = await this.#turns.take(context, name);
      try {
        const path = join(this.#directory, name);
        const { mtime, blocks } = await stat(path);
        if (mtime >= time) continue;
        await unlink(path);
        freed += blocks * 512;
      } catch (error) {
        if (!isErrno(error, 'ENOENT')) throw error;
      } finally {
        giveBack();
      }
    }
    return freed;
  }
}

async function openToContinue(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    return await open(path, 'wx+', 0o600);
  }
}

interface FilePartialParts {
  readonly file: FileHandle;
  readonly temporary: string;
  readonly directory: string;
  readonly holds: Holds;
  readonly digest: Digest;
  /** Bytes that are there. */
  readonly size: number;
  readonly giveBack: () => void;
}

class FilePartial implements PartialWriter {
  readonly #context: Context;
  readonly #parts: FilePartialParts;
  readonly #hash: Hash = createHash('sha256');
  readonly #writer: FileWriter;
  /** Bytes of the existing ones that have gone into the hash. */
  #hashed = 0;

  constructor(context: Context, parts: FilePartialParts) {
    this.#context = context;
    this.#parts = parts;
    this.#writer = new FileWriter(context, parts, { size: parts.size, hash: this.#hash });
  }

  get size(): number {
    return this.#writer.size;
  }

  get existing(): AsyncIterable<Uint8Array> {
    return this.#read();
  }

  async write(chunk: Uint8Array): Promise<void> {
    await this.#hashRest();
    await this.#writer.write(chunk);
  }

  async commit(expected: Expected = {}, lease?: Lease): Promise<BlobInfo> {
    await this.#hashRest();
    try {
      return await this.#writer.commit({ digest: this.#parts.digest, ...expected }, lease);
    } finally {
      this.#parts.giveBack();
    }
  }

  async cancel(): Promise<void> {
    await this.#writer.cancel();
    this.#parts.giveBack();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.leave();
    this.#parts.giveBack();
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    const { file, size } = this.#parts;
    for (let at = 0; at < size; ) {
      throwIfAborted(this.#context);
      const length = Math.min(READ_SIZE, size - at);
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(length), 0, length, at);
      if (bytesRead === 0) return;
      const bytes = buffer.subarray(0, bytesRead);
      // Read in any order and any number of times, each byte is hashed once.
      this.#hash.update(bytes.subarray(Math.min(Math.max(this.#hashed - at, 0), bytesRead)));
      at += bytesRead;
      this.#hashed = Math.max(this.#hashed, at);
      yield bytes;
    }
  }

  async #hashRest(): Promise<void> {
    if (this.#hashed === this.#parts.size) return;
    for await (const _ of this.#read());
  }
}
