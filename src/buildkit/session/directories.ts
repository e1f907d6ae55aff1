import { createHash } from 'node:crypto';
import type { Context } from '../../base/context.ts';
import { invalid } from '../../base/errors.ts';
import type { Builder, ContextRecord, OpenTree } from '../../build/contract.ts';
import { toText } from '../../oci/tar/entry.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';
import type { ClientSession } from '../sessions.ts';
import { DiffCopy, type DirectoryWish, type FileStat } from './diff-copy.ts';
import { permissionsOf, typeOf } from './go-mode.ts';

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
  builder: Pick<Builder, 'compareContext' | 'openTree'>,
  session: ClientSession,
  wish: DirectoryWish,
  onBytes: (total: number) => void,
): Promise<OpenTree> {
  using copy = new DiffCopy(session, wish, context.signal, onBytes);
  const stats = await copy.list();
  const { records, numbers } = recordsOf(stats);
  const { id, wanted } = await builder.compareContext(context, keyOf(session, wish), records);
  const files = wanted.flatMap((row) => {
    const record = records[row];
    const number = numbers[row];
    return record === undefined || number === undefined ? [] : [{ record, id: number, size: record.size }];
  });
  const opened = await builder.openTree(context, { kind: 'compared', id, tar: tarOf(copy, files) });
  await copy.finish();
  return opened;
}

/** The same for the same directory, so that what was sent for another build counts. */
function keyOf({ id, sharedKey }: ClientSession, { name }: DirectoryWish): string {
  const parts = ['buildkit', sharedKey === '' ? id : sharedKey, name];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

interface Records {
  readonly records: readonly ContextRecord[];
  /** For each record the client's number of it. */
  readonly numbers: readonly number[];
}

/** Devices, pipes and sockets stay where they are. */
function recordsOf(stats: readonly FileStat[]): Records {
  const records: ContextRecord[] = [];
  const numbers: number[] = [];
  const sizes = new Map<string, number>();
  for (const [number, stat] of stats.entries()) {
    const type = typeOf(stat.mode);
    if (type === undefined) continue;
    // A further name of a file is listed without the size.
    const size =
      (type === 'file' && stat.linkName !== '' ? sizes.get(stat.linkName) : undefined) ?? stat.size;
    if (type === 'file') sizes.set(stat.path, size);
    records.push({
      ...{ type, path: stat.path, mode: permissionsOf(stat.mode), size: type === 'file' ? size : 0 },
      ...timeOf(stat.modified),
      linkName: type === 'symlink' ? stat.linkName : '',
    });
    numbers.push(number);
  }
  return { records, numbers };
}

const SECOND = 1_000_000_000n;

function timeOf(nanoseconds: bigint): { readonly seconds: number; readonly nanoseconds: number } {
  const rest = ((nanoseconds % SECOND) + SECOND) % SECOND;
  return { seconds: Number((nanoseconds - rest) / SECOND), nanoseconds: Number(rest) };
}

interface WantedFile {
  readonly record: ContextRecord;
  readonly id: number;
  readonly size: number;
}

/** What is wanted as the builder takes it. */
async function* tarOf(copy: DiffCopy, files: readonly WantedFile[]): AsyncGenerator<Uint8Array, void, void> {
  let index = 0;
  for await (const pieces of copy.fetch(files)) {
    const { record } = files[index++] ?? {};
    if (record === undefined) continue;
    const { path, mode, seconds, nanoseconds } = record;
    const head = { type: 'file', name: path, mode, seconds, nanoseconds } as const;
    if (record.size > SMALL) {
      yield formatTarHeader({ ...head, size: record.size });
      yield* exactly(pieces, record.size, path);
      yield tarPadding(record.size);
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
