import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../base/atomic-file.ts';
import { type Context, throwIfAborted } from '../base/context.ts';
import { isErrno } from '../base/errno.ts';
import { type Digest, finishDigest, hexOf } from '../oci/digest.ts';
import type { BlobInfo, ContentFile, ContentWriter, Lease } from './contract.ts';
import type { Holds } from './holds.ts';
import { type Expected, verify, writerEnded } from './verify.ts';

/** Small chunks are gathered up to this many bytes. */
const BUFFER_SIZE = 1 << 19;

export interface FileWriterTarget {
  readonly file: FileHandle;
  /** The path of `file`. */
  readonly temporary: string;
  /** Where the blob goes. */
  readonly directory: string;
  readonly holds: Holds;
}

/** What a file has when its writer begins; the hash's owner sees to it that these bytes are hashed before others are written. */
export interface Beginning {
  readonly size: number;
  readonly hash: Hash;
}

/**
 * Collects a blob in a temporary file, hashing on this thread while an other one writes.
 */
export class FileWriter implements ContentWriter {
  readonly #context: Context;
  readonly #target: FileWriterTarget;
  readonly #hash: Hash;
  /** Two buffers: one fills while the other is written. */
  #filling = Buffer.allocUnsafeSlow(BUFFER_SIZE);
  #spare = Buffer.allocUnsafeSlow(BUFFER_SIZE);
  #filled = 0;
  #written: number;
  #writing: Promise<void> = Promise.resolve();
  #state: 'open' | 'ended' = 'open';

  constructor(context: Context, target: FileWriterTarget, beginning?: Beginning) {
    this.#context = context;
    this.#target = target;
    this.#hash = beginning?.hash ?? createHash('sha256');
    this.#written = beginning?.size ?? 0;
  }

  get size(): number {
    return this.#written + this.#filled;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#state !== 'open') throw writerEnded();
    throwIfAborted(this.#context);
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(chunk.length - at, BUFFER_SIZE - this.#filled);
      const part = chunk.subarray(at, at + taken);
      this.#filling.set(part, this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled === BUFFER_SIZE) {
        await this.#writing;
        this.#startWrite();
      }
      // After the write has started, so that both run at once.
      this.#hash.update(part);
    }
  }

  async commit(expected: Expected = {}, lease?: Lease): Promise<BlobInfo> {
    if (this.#state !== 'open') throw writerEnded();
    try {
      await this.#writing;
      this.#startWrite();
      await this.#writing;
      this.#state = 'ended';
      const digest = finishDigest(this.#hash);
      verify(digest, this.#written, expected);
      lease?.hold(digest);
      return await publish(this.#target, digest);
    } finally {
      await this.#discard();
    }
  }

  async cancel(): Promise<void> {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    await this.#writing.catch(() => {});
    await this.#discard();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cancel();
  }

  /**
   * Ends without commit, keeping what was written in the temporary file. What the disk did not take whole is deleted: a full disk needs
   * the room more than the next writer needs the bytes.
   */
  async leave(): Promise<void> {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    try {
      await this.#writing;
      this.#startWrite();
      await this.#writing;
    } catch {
      return await this.#discard();
    }
    if (this.#written === 0) await this.#discard();
    else await this.#target.file.close();
  }

  #startWrite(): void {
    const bytes = this.#filling.subarray(0, this.#filled);
    const position = this.#written;
    this.#written += this.#filled;
    this.#filled = 0;
    [this.#filling, this.#spare] = [this.#spare, this.#filling];
    this.#writing = writeFully(this.#target.file, bytes, position);
    // A failure is reported by the next write or the commit, not as unhandled.
    this.#writing.catch(() => {});
  }

  async #discard(): Promise<void> {
    this.#state = 'ended';
    await discard(this.#target);
  }
}

/** A temporary file that others write. */
export class SharedFile implements ContentFile {
  readonly #target: FileWriterTarget;
  #ended = false;

  constructor(target: FileWriterTarget) {
    this.#target = target;
  }

  get fd(): number {
    return this.#target.file.fd;
  }

  async publish(digest: Digest, lease?: Lease): Promise<BlobInfo> {
    if (this.#ended) throw writerEnded();
    try {
      lease?.hold(digest);
      return await publish(this.#target, digest);
    } finally {
      await this.cancel();
    }
  }

  async cancel(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await discard(this.#target);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cancel();
  }
}

/** The bytes first, then the name, then the directory that holds the name: whatever happens, a blob is whole. */
async function publish(
  { file, temporary, directory, holds }: FileWriterTarget,
  digest: Digest,
): Promise<BlobInfo> {
  return await holds.holding(digest, async () => {
    const path = join(directory, hexOf(digest));
    const existing = await stat(path).catch((error: unknown) => {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    });
    if (existing === undefined) {
      await file.sync();
      await rename(temporary, path);
      await syncDirectory(directory);
    }
    const { size, mtime } = existing ?? (await file.stat());
    return { digest, size, modified: mtime };
  });
}

async function discard({ file, temporary }: FileWriterTarget): Promise<void> {
  await file.close();
  await unlink(temporary).catch(() => {});
}

async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}
