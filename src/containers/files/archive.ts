import type { Extent } from '../../oci/tar/entry.ts';
import { TarReader } from '../../oci/tar/reader.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';
import type { TreePart } from '../../runtime/trees/contract.ts';
import { isHeader } from './tree-parts.ts';

/** Headers and small files are gathered to pieces of this many bytes. */
const PIECE = 64 << 10;

/** Parts of a tree as a tar archive. */
export async function* packTar(parts: AsyncIterable<TreePart>): AsyncGenerator<Uint8Array, void, void> {
  let gathered: Uint8Array[] = [];
  let length = 0;
  for await (const bytes of blocks(parts)) {
    gathered.push(bytes);
    length += bytes.length;
    if (length < PIECE) continue;
    yield gathered.length === 1 ? bytes : Buffer.concat(gathered);
    gathered = [];
    length = 0;
  }
  yield Buffer.concat([...gathered, tarEnd]);
}

async function* blocks(parts: AsyncIterable<TreePart>): AsyncGenerator<Uint8Array, void, void> {
  let size = 0;
  for await (const part of parts) {
    if (!isHeader(part)) {
      yield part;
      continue;
    }
    yield tarPadding(size);
    size = part.type === 'file' ? (part.size ?? 0) : 0;
    const slash = part.type === 'directory' && !part.name.endsWith('/') ? '/' : '';
    yield formatTarHeader({ ...part, name: part.name + slash });
  }
  yield tarPadding(size);
}

/** A tar archive as parts of a tree; holes of sparse files are filled with zeros. Fails with `invalid-argument` on a broken one. */
export async function* unpackTar(tar: AsyncIterable<Uint8Array>): AsyncGenerator<TreePart, void, void> {
  const reader = new TarReader();
  let file = new DataFiller(undefined, 0);
  for await (const chunk of tar) {
    for (const event of reader.feed(chunk)) {
      if (event instanceof Uint8Array) {
        yield* file.fill(event);
        continue;
      }
      yield* file.finish();
      file = new DataFiller(event.extents, event.type === 'file' ? event.size : 0);
      if (event.type !== 'note') yield event;
    }
  }
  reader.finish();
  yield* file.finish();
}

const ZEROS = new Uint8Array(PIECE);

/** Puts the zeros between the stored data of one file. */
class DataFiller {
  readonly #extents: readonly Extent[];
  readonly #size: number;
  #position = 0;
  #extent = 0;
  #used = 0;

  constructor(extents: readonly Extent[] | undefined, size: number) {
    this.#extents = extents ?? [{ offset: 0, length: size }];
    this.#size = size;
  }

  *fill(data: Uint8Array): Generator<Uint8Array, void, void> {
    for (let at = 0; at < data.length; ) {
      const extent = this.#extents[this.#extent];
      if (extent === undefined) return;
      yield* this.#zerosUpTo(extent.offset);
      const taken = Math.min(extent.length - this.#used, data.length - at);
      if (taken > 0) yield data.subarray(at, at + taken);
      at += taken;
      this.#position += taken;
      this.#used += taken;
      if (this.#used < extent.length) return;
      this.#extent++;
      this.#used = 0;
    }
  }

  *finish(): Generator<Uint8Array, void, void> {
    yield* this.#zerosUpTo(this.#size);
  }

  *#zerosUpTo(end: number): Generator<Uint8Array, void, void> {
    while (this.#position < end) {
      const taken = Math.min(ZEROS.length, end - this.#position);
      yield ZEROS.subarray(0, taken);
      this.#position += taken;
    }
  }
}
