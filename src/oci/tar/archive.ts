import { invalid } from '../../base/errors.ts';
import { type TarEntry, toText } from './entry.ts';
import type { TarLimits } from './limits.ts';
import { type TarEvent, TarReader } from './reader.ts';

/** A member of an archive that is being read. */
export interface TarMember {
  readonly entry: TarEntry;
  /**
   * The stored data, once; what is not read is skipped. Only good until the next member is asked for. Of a sparse file
   * these are the runs of data without the holes.
   */
  body(): AsyncGenerator<Uint8Array, void, void>;
  /** The whole data of a small member. Fails with `invalid-argument` above `limit` bytes. */
  text(limit: number): Promise<string>;
}

/** The members of an archive, one after the other, as it streams in. Fails with `invalid-argument` on a broken one. */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  limits: Partial<TarLimits> = {},
): AsyncGenerator<TarMember, void, void> {
  const events = eventsOf(source, new TarReader(limits));
  try {
    for (let event = await events.next(); !event.done; event = await events.next()) {
      // Data that nobody asked for pass by here.
      if (!(event.value instanceof Uint8Array)) yield memberOf(event.value, events);
    }
  } finally {
    await events.return();
  }
}

async function* eventsOf(
  source: AsyncIterable<Uint8Array>,
  reader: TarReader,
): AsyncGenerator<TarEvent, void, void> {
  for await (const chunk of source) yield* reader.feed(chunk);
  reader.finish();
}

function memberOf(entry: TarEntry, events: AsyncGenerator<TarEvent, void, void>): TarMember {
  let left = entry.dataSize;
  async function* body(): AsyncGenerator<Uint8Array, void, void> {
    while (left > 0) {
      const event = await events.next();
      if (event.done || !(event.value instanceof Uint8Array)) return;
      left -= event.value.length;
      yield event.value;
    }
  }
  const text = async (limit: number): Promise<string> => {
    if (entry.dataSize > limit) throw tooLarge(entry, limit);
    const chunks: Uint8Array[] = [];
    for await (const chunk of body()) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString('utf8');
  };
  return { entry, body, text };
}

function tooLarge(entry: TarEntry, limit: number): Error {
  return invalid(`${JSON.stringify(toText(entry.name))} is larger than ${limit} bytes`);
}
