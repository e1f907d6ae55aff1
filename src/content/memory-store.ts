import { createHash } from 'node:crypto';
import { type Context, throwIfAborted } from '../base/context.ts';
import { type Digest, digestOf, finishDigest } from '../oci/digest.ts';
import type { BlobInfo, ContentStore, ContentWriter, Lease, PartialWriter } from './contract.ts';
import { Holds } from './holds.ts';
import { Turns } from './turns.ts';
import { blobExists, blobMissing, blobTooLarge, type Expected, verify, writerEnded } from './verify.ts';

interface Blob {
  readonly bytes: Uint8Array;
  readonly modified: Date;
}

/** A store that is gone with the process: for tests, and for small content on its way somewhere else. */
export class MemoryContentStore implements ContentStore {
  readonly #blobs = new Map<Digest, Blob>();
  readonly #partials = new Map<Digest, Blob>();
  readonly #turns = new Turns<Digest>();
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
    return new MemoryWriter(context, (digest, bytes) => this.#keep(digest, bytes));
  }

  async partial(context: Context, digest: Digest): Promise<PartialWriter> {
    const giveBack = await this.#turns.take(context, digest);
    if (this.#blobs.has(digest)) {
      giveBack();
      throw blobExists(digest);
    }
    const existing = this.#partials.get(digest)?.bytes ?? new Uint8Array(0);
    return new MemoryPartial(context, digest, existing, {
      keep: (bytes) => this.#keep(digest, bytes),
      end: (bytes) => {
        if (bytes === undefined || bytes.length === 0) this.#partials.delete(digest);
        else this.#partials.set(digest, { bytes, modified: new Date() });
        giveBack();
      },
    });
  }

  async setAside(digest: Digest): Promise<void> {
    const blob = this.#blobs.get(digest);
    if (blob === undefined || this.#holds.isHeld(digest)) return;
    this.#blobs.delete(digest);
    if (!this.#turns.isTaken(digest)) this.#partials.set(digest, blob);
  }

  async dropPartials(_context: Context, time: Date): Promise<number> {
    let freed = 0;
    for (const [digest, { bytes, modified }] of this.#partials) {
      if (this.#turns.isTaken(digest) || modified >= time) continue;
      this.#partials.delete(digest);
      freed += bytes.length;
    }
    return freed;
  }

  async usage(): Promise<{ readonly blobs: number; readonly partials: number }> {
    const sum = (stored: Map<Digest, Blob>): number =>
      [...stored.values()].reduce((total, { bytes }) => total + bytes.length, 0);
    return { blobs: sum(this.#blobs), partials: sum(this.#partials) };
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

  async collect(
    context: Context,
    isRooted: (digest: Digest) => boolean,
    among: Iterable<Digest> = [...this.#blobs.keys()],
  ): Promise<number> {
    let freed = 0;
    for (const digest of among) {
      throwIfAborted(context);
      const bytes = this.#blobs.get(digest)?.bytes;
      if (bytes === undefined || this.#holds.isHeld(digest) || isRooted(digest)) continue;
      this.#blobs.delete(digest);
      freed += bytes.length;
    }
    return freed;
  }

  #keep(digest: Digest, bytes: Uint8Array): BlobInfo {
    const modified = this.#blobs.get(digest)?.modified ?? new Date();
    this.#blobs.set(digest, { bytes, modified });
    return { digest, size: bytes.length, modified };
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

interface PartialEnds {
  keep(bytes: Uint8Array): BlobInfo;
  /** What is left for the next one. */
  end(bytes: Uint8Array | undefined): void;
}

class MemoryPartial implements PartialWriter {
  readonly #context: Context;
  readonly #digest: Digest;
  readonly #existing: Uint8Array;
  readonly #ends: PartialEnds;
  readonly #chunks: Uint8Array[];
  #open = true;
  size: number;

  constructor(context: Context, digest: Digest, existing: Uint8Array, ends: PartialEnds) {
    this.#context = context;
    this.#digest = digest;
    this.#existing = existing;
    this.#ends = ends;
    this.#chunks = [existing];
    this.size = existing.length;
  }

  get existing(): AsyncIterable<Uint8Array> {
    return this.#read();
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (!this.#open) throw writerEnded();
    throwIfAborted(this.#context);
    this.#chunks.push(new Uint8Array(chunk));
    this.size += chunk.length;
  }

  async commit(expected: Expected = {}, lease?: Lease): Promise<BlobInfo> {
    if (!this.#open) throw writerEnded();
    const bytes = Buffer.concat(this.#chunks);
    this.#end(undefined);
    const digest = digestOf(bytes);
    verify(digest, bytes.length, { digest: this.#digest, ...expected });
    lease?.hold(digest);
    return this.#ends.keep(bytes);
  }

  async cancel(): Promise<void> {
    this.#end(undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end(Buffer.concat(this.#chunks));
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    if (this.#existing.length > 0) yield new Uint8Array(this.#existing);
  }

  #end(left: Uint8Array | undefined): void {
    if (!this.#open) return;
    this.#open = false;
    this.#ends.end(left);
  }
}
