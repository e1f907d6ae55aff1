import { invalid } from '../../base/errors.ts';
import { toText } from './entry.ts';
import type { TreePart } from './part.ts';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from './writer.ts';

/** About how much one chunk holds. */
const CHUNK = 256 * 1024;

/**
 * The archive that `parts` make, in chunks that are the reader's to keep. Fails with `invalid-argument` where a file's bytes are not as many
 * as its header says, or where a header cannot be written.
 */
export async function* packTar(parts: AsyncIterable<TreePart>): AsyncGenerator<Uint8Array, void, void> {
  const chunks = new Chunks();
  const members = new Members(chunks);
  for await (const part of parts) {
    members.add(part);
    if (chunks.full.length > 0) yield* chunks.take();
  }
  members.end();
  chunks.cut();
  yield* chunks.take();
}

/** Keeps count of a file's bytes, so that its padding and the next header come in their places. */
class Members {
  readonly #chunks: Chunks;
  #name = '';
  #left = 0;
  #padding: Uint8Array = new Uint8Array(0);

  constructor(chunks: Chunks) {
    this.#chunks = chunks;
  }

  add(part: TreePart): void {
    if (part instanceof Uint8Array) this.#addData(part);
    else this.#addHeader(part);
  }

  end(): void {
    this.#endFile();
    this.#chunks.add(tarEnd);
  }

  #addHeader(header: TarHeader): void {
    this.#endFile();
    this.#chunks.add(formatTarHeader(header));
    const size = header.type === 'file' ? (header.size ?? 0) : 0;
    this.#name = header.name;
    this.#left = size;
    this.#padding = tarPadding(size);
  }

  #addData(bytes: Uint8Array): void {
    if (bytes.length > this.#left) throw wrongSize(this.#name, 'more');
    this.#left -= bytes.length;
    this.#chunks.add(bytes);
  }

  #endFile(): void {
    if (this.#left > 0) throw wrongSize(this.#name, 'fewer');
    this.#chunks.add(this.#padding);
    this.#padding = new Uint8Array(0);
  }
}

function wrongSize(name: string, comparison: string): Error {
  return invalid(`${JSON.stringify(toText(name))} has ${comparison} bytes than its header says`);
}

/** Gathers small pieces; what is large already is passed on as it is. */
class Chunks {
  full: Uint8Array[] = [];
  #open = Buffer.allocUnsafe(CHUNK);
  #used = 0;

  add(bytes: Uint8Array): void {
    if (bytes.length >= CHUNK / 2) {
      this.cut();
      this.full.push(bytes);
      return;
    }
    if (this.#used + bytes.length > CHUNK) this.cut();
    this.#open.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  cut(): void {
    if (this.#used === 0) return;
    this.full.push(this.#open.subarray(0, this.#used));
    this.#open = Buffer.allocUnsafe(CHUNK);
    this.#used = 0;
  }

  take(): Uint8Array[] {
    const { full } = this;
    this.full = [];
    return full;
  }
}
