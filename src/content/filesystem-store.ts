import { type FileHandle, mkdir, open, readdir, readFile, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Context, throwIfAborted } from '../base/context.ts';
import { isErrno } from '../base/errno.ts';
import { type Digest, hexOf } from '../oci/digest.ts';
import type {
  BlobInfo,
  ContentFile,
  ContentWriter,
  FileContentStore,
  Lease,
  PartialWriter,
} from './contract.ts';
import { FilePartials } from './file-partials.ts';
import { FileWriter, type FileWriterTarget, SharedFile } from './file-writer.ts';
import { Holds } from './holds.ts';
import { blobExists, blobMissing, blobTooLarge } from './verify.ts';

/** Bytes read at once: large enough that the event loop hardly shows. */
const READ_SIZE = 512 * 1024;

/**
 * Opens (or makes) a store whose blobs are the files `<root>/blobs/sha256/<hex>` and whose partials are `<root>/partials/<hex>`.
 * Temporary files of writers that never ended, in `<root>/ingest`, are deleted. One process at a time may have a store open.
 */
export async function openContentStore(root: string): Promise<FileContentStore> {
  const blobs = join(root, 'blobs', 'sha256');
  const ingest = join(root, 'ingest');
  await rm(ingest, { recursive: true, force: true });
  await mkdir(blobs, { recursive: true, mode: 0o700 });
  await mkdir(ingest, { mode: 0o700 });
  const partials = join(root, 'partials');
  return new FilesystemStore({ blobs, ingest, partials }, await FilePartials.open(partials));
}

interface Directories {
  readonly blobs: string;
  readonly ingest: string;
  readonly partials: string;
}

class FilesystemStore implements FileContentStore {
  readonly #directories: Directories;
  readonly #partials: FilePartials;
  readonly #holds = new Holds();
  #writers = 0;

  constructor(directories: Directories, partials: FilePartials) {
    this.#directories = directories;
    this.#partials = partials;
  }

  pathOf(digest: Digest): string {
    return join(this.#directories.blobs, hexOf(digest));
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
    return new FileWriter(context, await this.#temporary(context));
  }

  async file(context: Context): Promise<ContentFile> {
    return new SharedFile(await this.#temporary(context));
  }

  partial(context: Context, digest: Digest): Promise<PartialWriter> {
    const target = { directory: this.#directories.blobs, holds: this.#holds };
    return this.#partials.writer(context, digest, target, async () => {
      if ((await this.stat(digest)) !== undefined) throw blobExists(digest);
    });
  }

  async setAside(digest: Digest): Promise<void> {
    // Nothing may come between this look and the start: no await.
    if (this.#holds.isHeld(digest)) return;
    await this.#holds.deleting(digest, () => this.#partials.adopt(digest, this.pathOf(digest)));
  }

  dropPartials(context: Context, time: Date): Promise<number> {
    return this.#partials.drop(context, time);
  }

  async usage(): Promise<{ readonly blobs: number; readonly partials: number }> {
    const { blobs, ingest, partials } = this.#directories;
    return {
      blobs: await diskUsage(blobs),
      partials: (await diskUsage(ingest)) + (await diskUsage(partials)),
    };
  }

  async *list(): AsyncGenerator<BlobInfo, void, void> {
    const names = await readdir(this.#directories.blobs);
    yield* this.#statAll(names.map((name): Digest => `sha256:${name}`));
  }

  async *#statAll(digests: Iterable<Digest>): AsyncGenerator<BlobInfo, void, void> {
    for (const digest of digests) {
      const info = await this.stat(digest);
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

  async collect(
    context: Context,
    isRooted: (digest: Digest) => boolean,
    among?: Iterable<Digest>,
  ): Promise<number> {
    let freed = 0;
    for await (const { digest, size } of among === undefined ? this.list() : this.#statAll(among)) {
      throwIfAborted(context);
      // Nothing may come between this look and the start of the deletion: no await.
      if (this.#holds.isHeld(digest) || isRooted(digest)) continue;
      await this.delete(digest);
      freed += size;
    }
    return freed;
  }

  async #temporary(context: Context): Promise<FileWriterTarget> {
    throwIfAborted(context);
    const temporary = join(this.#directories.ingest, String(this.#writers++));
    const file = await open(temporary, 'wx', 0o600);
    return { file, temporary, directory: this.#directories.blobs, holds: this.#holds };
  }

  async #open(digest: Digest): Promise<FileHandle> {
    await this.#holds.settled(digest);
    const file = await orMissing(open(this.pathOf(digest), 'r'));
    if (file === undefined) throw blobMissing(digest);
    return file;
  }
}

/** Bytes on disk of a directory's files. */
async function diskUsage(directory: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(directory)) {
    const found = await orMissing(stat(join(directory, name)));
    bytes += (found?.blocks ?? 0) * 512;
  }
  return bytes;
}

async function orMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
