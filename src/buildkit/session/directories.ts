import { createHash } from 'node:crypto';
import type { Context } from '../../base/context.ts';
import { invalid } from '../../base/errors.ts';
import type { Builder, OpenTree } from '../../build/contract.ts';
import { toText } from '../../oci/tar/entry.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';
import type { ClientSession } from '../sessions.ts';
import { listingsOf, type SentEntry } from './context-listings.ts';
import { DiffCopy, type DirectoryWish } from './diff-copy.ts';
import { typeOf } from './go-mode.ts';

const MAX_TEXT = 4 << 20;
/** Smaller files may change while they are sent. */
const SMALL = 1 << 20;

/** Small files of a client's directory by their paths, as bytes. Those that are not there are left out. */
export async function readTexts(
  context: Context,
  session: ClientSession,
  wish: DirectoryWish,
  onBytes: (total: number) => void,
): Promise<ReadonlyMap<string, Uint8Array>> {
  using copy = new DiffCopy(session, wish, context.signal, onBytes);
  const stats = await copy.list();
  const files = stats.flatMap((stat, id) =>
    typeOf(stat.mode) === 'file' ? [{ id, path: stat.path, size: stat.size }] : [],
  );
  const wanted = files.filter(({ path }) => wish.includes.includes(toText(path)));
  const texts = new Map<string, Uint8Array>();
  let index = 0;
  for await (const pieces of copy.fetch(wanted)) {
    const path = toText(wanted[index++]?.path ?? '');
    texts.set(path, await whole(pieces, MAX_TEXT, path));
  }
  await copy.finish();
  return texts;
}

/** A client's directory as a tree. Only what is not here from the last time crosses the connection. */
export async function openDirectory(
  context: Context,
  builder: Pick<Builder, 'compareContext' | 'listContext' | 'openTree'>,
  session: ClientSession,
  wish: DirectoryWish,
  onBytes: (total: number) => void,
): Promise<OpenTree> {
  const begin = Date.now();
  using copy = new DiffCopy(session, wish, context.signal, onBytes);
  const listings = listingsOf(await copy.list(), begin);
  const compared = await builder.compareContext(
    keyOf(session, wish),
    listings.map(({ id }) => id),
    wish.follows.length > 0,
  );
  const unknown = compared.unknown.flatMap((index) => listings[index] ?? []);
  const entries = unknown.flatMap((listing) => listing.entries);
  const texts = unknown.map(({ text }) => text);
  const wanted = texts.length === 0 ? [] : builder.listContext(compared.id, texts);
  const files = wanted.flatMap((index) => entries[index] ?? []);
  const source = { kind: 'compared', id: compared.id, tar: tarOf(copy, files) } as const;
  const opened = await builder.openTree(context, source);
  await copy.finish();
  return opened;
}

/** The same for the same directory, so that what was sent for another build counts. */
function keyOf({ id, sharedKey }: ClientSession, { name }: DirectoryWish): string {
  const parts = ['buildkit', sharedKey === '' ? id : sharedKey, name];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** What is wanted as the builder takes it. */
async function* tarOf(copy: DiffCopy, files: readonly SentEntry[]): AsyncGenerator<Uint8Array, void, void> {
  let index = 0;
  const asked = files.map(({ number, size }) => ({ id: number, size }));
  for await (const pieces of copy.fetch(asked)) {
    const file = files[index++];
    if (file === undefined) continue;
    const { path, mode, size, seconds } = file;
    const head = { type: 'file', name: path, mode: mode & 0o7777, seconds } as const;
    if (size > SMALL) {
      yield formatTarHeader({ ...head, size });
      yield* exactly(pieces, size, path);
      yield tarPadding(size);
    } else {
      const bytes = await whole(pieces, 2 * SMALL, path);
      yield formatTarHeader({ ...head, size: bytes.length });
      yield bytes;
      yield tarPadding(bytes.length);
    }
  }
  yield tarEnd;
}

async function* exactly(
  pieces: AsyncIterable<Uint8Array>,
  size: number,
  path: string,
): AsyncGenerator<Uint8Array, void, void> {
  let count = 0;
  for await (const piece of pieces) {
    count += piece.length;
    if (count > size) break;
    yield piece;
  }
  if (count !== size) throw invalid(`the file ${JSON.stringify(toText(path))} changed while it was sent`);
}

async function whole(pieces: AsyncIterable<Uint8Array>, limit: number, path: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces) {
    size += piece.length;
    if (size > limit) throw invalid(`the file ${JSON.stringify(path)} is too large`);
    parts.push(piece);
  }
  return Buffer.concat(parts);
}
