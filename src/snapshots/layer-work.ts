import { createHash } from 'node:crypto';
import { ftruncateSync, writeSync } from 'node:fs';
import { SampanError } from '../base/errors.ts';
import { type Digest, finishDigest } from '../oci/digest.ts';
import { LayerIndexer } from '../oci/erofs/layer-indexer.ts';
import type { ImageSink } from '../oci/erofs/sink.ts';
import type { TarLimits } from '../oci/tar/limits.ts';

/** What a layer is made into: file descriptors of two empty files. */
export interface LayerFiles {
  readonly tar: number;
  readonly index: number;
}

export interface LayerWorkOptions extends LayerFiles {
  readonly limits: Partial<TarLimits>;
}

export interface MadeLayer {
  readonly diffId: Digest;
  /** Of the tar, bytes. */
  readonly size: number;
}

/** Hashes, stores and indexes a tar as its bytes come, in one pass; nothing here waits, so it is for a thread where nothing else does. */
export class LayerWork {
  readonly #files: LayerFiles;
  readonly #hash = createHash('sha256');
  readonly #indexer: LayerIndexer;
  #size = 0;

  /** `onGarbage` is called whenever many small objects have become garbage. */
  constructor({ tar, index, limits }: LayerWorkOptions, onGarbage: () => void = () => {}) {
    this.#files = { tar, index };
    this.#indexer = new LayerIndexer(fileSink(index), { limits, onGarbage });
  }

  /** Fails with `invalid-argument` on what is no tar. Does not keep `bytes`. */
  write(bytes: Uint8Array): void {
    this.#indexer.write(bytes);
    writeFully(this.#files.tar, bytes, this.#size);
    this.#size += bytes.length;
    this.#hash.update(bytes);
  }

  /** Writes what remains of the index. Fails with `data-loss` when the tar is not the expected one. */
  finish(expected: Digest | undefined): MadeLayer {
    const diffId = finishDigest(this.#hash);
    if (expected !== undefined && expected !== diffId) {
      throw new SampanError('data-loss', `unexpected digest: got ${diffId}, expected ${expected}`);
    }
    this.#indexer.finish(diffId);
    return { diffId, size: this.#size };
  }
}

export function fileSink(file: number): ImageSink {
  return {
    write: (offset, bytes) => writeFully(file, bytes, offset),
    resize: (length) => ftruncateSync(file, length),
  };
}

function writeFully(file: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, position + at);
}
