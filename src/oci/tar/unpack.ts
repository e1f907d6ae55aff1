import type { TarEntry } from './entry.ts';
import type { TarLimits } from './limits.ts';
import type { TreePart } from './part.ts';
import { TarReader } from './reader.ts';

/** Zeros to fill holes with. */
const zeros: Uint8Array = new Uint8Array(256 * 1024);

/**
 * The members of an archive as parts: notes are left out, sparse files have their holes filled. Data are views of what `source` gave. Fails
 * with `invalid-argument` on a broken archive, and on one that goes beyond `limits`.
 */
export async function* unpackTar(
  source: AsyncIterable<Uint8Array>,
  limits: Partial<TarLimits> = {},
): AsyncGenerator<TreePart, void, void> {
  const reader = new TarReader(limits);
  const member = new Member();
  for await (const chunk of source) {
    for (const event of reader.feed(chunk)) {
      if (event instanceof Uint8Array) yield* member.fill(event);
      else {
        yield* member.end();
        member.begin(event);
        if (event.type !== 'note') yield event;
      }
    }
  }
  reader.finish();
  yield* member.end();
}

/** The member that is being read: where its next stored byte belongs. */
class Member {
  #isFile = false;
  #size = 0;
  #at = 0;
  #extents: TarEntry['extents'];
  #extent = 0;

  begin(entry: TarEntry): void {
    this.#isFile = entry.type === 'file';
    this.#size = entry.size;
    this.#at = 0;
    this.#extents = entry.extents;
    this.#extent = 0;
  }

  /** Stored bytes, with the holes before them. */
  *fill(bytes: Uint8Array): Generator<Uint8Array, void, void> {
    if (!this.#isFile) return;
    if (this.#extents === undefined) {
      this.#at += bytes.length;
      yield bytes;
      return;
    }
    for (let rest = bytes; rest.length > 0; ) {
      const extent = this.#extents[this.#extent];
      if (extent === undefined) return;
      yield* this.#holeUpTo(extent.offset);
      const run = rest.subarray(0, extent.offset + extent.length - this.#at);
      this.#at += run.length;
      if (this.#at === extent.offset + extent.length) this.#extent++;
      yield run;
      rest = rest.subarray(run.length);
    }
  }

  /** What comes after the last stored byte. */
  *end(): Generator<Uint8Array, void, void> {
    if (this.#isFile && this.#extents !== undefined) yield* this.#holeUpTo(this.#size);
    this.#isFile = false;
  }

  *#holeUpTo(end: number): Generator<Uint8Array, void, void> {
    while (this.#at < end) {
      const hole = zeros.subarray(0, Math.min(zeros.length, end - this.#at));
      this.#at += hole.length;
      yield hole;
    }
  }
}
