import { createHash } from 'node:crypto';
import { type Context, throwIfAborted } from '../base/context.ts';
import { type Digest, finishDigest } from '../oci/digest.ts';
import type { BlobInfo, ContentStore, ContentWriter, Lease } from './contract.ts';
import { Holds } from './holds.ts';
import { blobMissing, blobTooLarge, type Expected, verify, writerEnded } from './verify.ts';

interface Blob {
  readonly bytes: Uint8Array;
  readonly modified: Date;
}

/** A store that is gone with the process: for tests, and for small content on its way somewhere else. */
export class MemoryContentStore implements ContentStore {
  readonly #blobs = new Map<Digest, Blob>();
  readonly #holds = new Holds();

  async stat(digest: Digest): Promise<BlobInfo | undefined> {
    const blob = this.#blobs.get(digest);
    return blob && { digest, size: blob.bytes.length, modified: blob.modified };
  }

  async *read(
    digest: Digest,
    range: { readonly offset: number; readonly length?: number } = { offset: 0 },
  ): AsyncGenerator<Uint8Array, void, void> {
    const { bytes } = this.#get(digest);
    const end = range.length === undefined ? bytes.length : range.offset + range.length;
    if (range.offset < Math.min(end, bytes.length)) yield new Uint8Array(bytes.subarray(range.offset, end));
  }

  async readAll(digest: Digest, limit: number): Promise<Uint8Array> {
    const { bytes } = this.#get(digest);
    if (bytes.length > limit) throw blobTooLarge(digest, bytes.length, limit);
    return new Uint8Array(bytes);
  }

  async writer(context: Context): Promise<ContentWriter> {
    throwIfAborted(context);
    return new MemoryWriter(context, (digest, bytes) => {
      const modified = this.#blobs.get(digest)?.modified ?? new Date();
      this.#blobs.set(digest, { bytes, modified });
      return { digest, size: bytes.length, modified };
    });
  }

  async *list(): AsyncGenerator<BlobInfo, void, void> {
    for (const [digest, { bytes, modified }] of this.#blobs) yield { digest, size: bytes.length, modified };
  }

  async delete(digest: Digest): Promise<void> {
    this.#blobs.delete(digest);
  }

  lease(): Lease {
    return this.#holds.lease();
  }

  async collect(context: Context, isRooted: (digest: Digest) => boolean): Promise<number> {
    let freed = 0;
    for (const [digest, { bytes }] of this.#blobs) {
      throwIfAborted(context);
      if (this.#holds.isHeld(digest) || isRooted(digest)) continue;
      this.#blobs.delete(digest);
      freed += bytes.length;
    }
    return freed;
  }

  #get(digest: Digest): Blob {
    const blob = this.#blobs.get(digest);
    if (blob === undefined) throw blobMissing(digest);
    return blob;
  }
}

class MemoryWriter implements ContentWriter {
  readonly #context: Context;
  readonly #keep: (digest: Digest, bytes: Uint8Array) => BlobInfo;
  readonly #hash = createHash('sha256');
  #chunks: Uint8Array[] = [];
  #open = true;
  size = 0;

  constructor(context: Context, keep: (digest: Digest, bytes: Uint8Array) => BlobInfo) {
    this.#context = context;
    this.#keep = keep;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (!this.#open) throw writerEnded();
    throwIfAborted(this.#context);
    this.#hash.update(chunk);
    this.#chunks.push(new Uint8Array(chunk));
    this.size += chunk.length;
  }

  async commit(expected: Expected = {}, lease?: Lease): Promise<BlobInfo> {
    if (!this.#open) throw writerEnded();
    this.#open = false;
    const digest = finishDigest(this.#hash);
    verify(digest, this.size, expected);
    lease?.hold(digest);
    return this.#keep(digest, Buffer.concat(this.#chunks));
  }

  async cancel(): Promise<void> {
    this.#open = false;
    this.#chunks = [];
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cancel();
  }
}
