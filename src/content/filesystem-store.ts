import { type FileHandle, mkdir, open, readdir, readFile, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Context, throwIfAborted } from '../base/context.ts';
import { isErrno } from '../base/errno.ts';
import { type Digest, hexOf } from '../oci/digest.ts';
import type { BlobInfo, ContentWriter, FileContentStore, Lease } from './contract.ts';
import { FileWriter } from './file-writer.ts';
import { Holds } from './holds.ts';
import { blobMissing, blobTooLarge } from './verify.ts';

/** Bytes read at once: large enough that the event loop hardly shows. */
const READ_SIZE = 512 * 1024;

/**
 * Opens (or makes) a store whose blobs are the files `<root>/blobs/sha256/<hex>`. Temporary files of writers that
 * never ended, in `<root>/ingest`, are deleted. One process at a time may have a store open.
 */
export async function openContentStore(root: string): Promise<FileContentStore> {
  const blobs = join(root, 'blobs', 'sha256');
  const ingest = join(root, 'ingest');
  await rm(ingest, { recursive: true, force: true });
  await mkdir(blobs, { recursive: true, mode: 0o700 });
  await mkdir(ingest, { mode: 0o700 });
  return new FilesystemStore(blobs, ingest);
}

class FilesystemStore implements FileContentStore {
  readonly #blobs: string;
  readonly #ingest: string;
  readonly #holds = new Holds();
  #writers = 0;

  constructor(blobs: string, ingest: string) {
    this.#blobs = blobs;
    this.#ingest = ingest;
  }

  pathOf(digest: Digest): string {
    return join(this.#blobs, hexOf(digest));
  }

  async stat(digest: Digest): Promise<BlobInfo | undefined> {
    await this.#holds.settled(digest);
    const found = await orMissing(stat(this.pathOf(digest)));
    return found && { digest, size: found.size, modified: found.mtime };
  }

  async *read(
    digest: Digest,
    range: { readonly offset: number; readonly length?: number } = { offset: 0 },
  ): AsyncGenerator<Uint8Array, void, void> {
    const file = await this.#open(digest);
    try {
      let at = range.offset;
      const end = range.length === undefined ? Number.POSITIVE_INFINITY : at + range.length;
      while (at < end) {
        const size = Math.min(READ_SIZE, end - at);
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(size), 0, size, at);
        if (bytesRead === 0) return;
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  async readAll(digest: Digest, limit: number): Promise<Uint8Array> {
    const file = await this.#open(digest);
    try {
      const { size } = await file.stat();
      if (size > limit) throw blobTooLarge(digest, size, limit);
      return await readFile(file);
    } finally {
      await file.close();
    }
  }

  async writer(context: Context): Promise<ContentWriter> {
    throwIfAborted(context);
    const temporary = join(this.#ingest, String(this.#writers++));
    const file = await open(temporary, 'wx', 0o600);
    return new FileWriter(context, { file, temporary, directory: this.#blobs, holds: this.#holds });
  }

  async *list(): AsyncGenerator<BlobInfo, void, void> {
    for (const name of await readdir(this.#blobs)) {
      const info = await this.stat(`sha256:${name}`);
      if (info !== undefined) yield info;
    }
  }

  async delete(digest: Digest): Promise<void> {
    await this.#holds.deleting(digest, async () => {
      await orMissing(unlink(this.pathOf(digest)));
    });
  }

  lease(): Lease {
    return this.#holds.lease();
  }

  async collect(context: Context, isRooted: (digest: Digest) => boolean): Promise<number> {
    let freed = 0;
    for await (const { digest, size } of this.list()) {
      throwIfAborted(context);
      // Nothing may come between this look and the start of the deletion: no await.
      if (this.#holds.isHeld(digest) || isRooted(digest)) continue;
      await this.delete(digest);
      freed += size;
    }
    return freed;
  }

  async #open(digest: Digest): Promise<FileHandle> {
    await this.#holds.settled(digest);
    const file = await orMissing(open(this.pathOf(digest), 'r'));
    if (file === undefined) throw blobMissing(digest);
    return file;
  }
}

async function orMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
