import type { Client } from '../../client/client.ts';
import { ApiError } from '../../client/errors.ts';
import type { ComparedContext, ContextLine } from '../../wire/build-messages.ts';
import { type PackOptions, packContext } from './pack-context.ts';
import { contextKey, scanContext } from './scan-context.ts';
import type { ContextFiles } from './walk-context.ts';

/** Contexts with fewer files and bytes are sent before a daemon could tell what it has. */
const MIN_FILES = 1000;
const MIN_BYTES = 4 << 20;

export interface ChangedContext {
  /** By which the daemon knows what it has of it. */
  readonly id: string;
  /** A tar of the files that it has not. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** A context of which the daemon has the most, perhaps, from an earlier build; undefined where all of it is to be sent. */
export async function changedContext(
  client: Client,
  files: ContextFiles,
  { onSocket }: Pick<PackOptions, 'onSocket'>,
): Promise<ChangedContext | undefined> {
  const scanned = scanContext(files);
  if (scanned === undefined) return undefined;
  const { lines, bytes, sockets } = scanned;
  if (lines.length < MIN_FILES && bytes < MIN_BYTES) return undefined;
  const compared = await compare(client, contextKey(files.directory), lines);
  if (compared === undefined) return undefined;
  for (const path of sockets) onSocket(path);
  const only = new Set((compared.Wanted ?? []).flatMap((index) => lines[index]?.[1] ?? []));
  return { id: compared.ID, body: packContext(files, { onSocket, only }) };
}

/** Undefined from a daemon that compares nothing. */
async function compare(
  client: Client,
  key: string,
  lines: readonly ContextLine[],
): Promise<ComparedContext | undefined> {
  try {
    return await client.json('POST', '/build/contexts/compare', {
      query: { key },
      headers: { 'Content-Type': 'application/x-ndjson' },
      body: texts(lines),
    });
  } catch (reason) {
    if (reason instanceof ApiError && [404, 405, 501].includes(reason.status)) return undefined;
    throw reason;
  }
}

/** Lines that are sent together. */
const BATCH = 2000;

async function* texts(lines: readonly ContextLine[]): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < lines.length; at += BATCH) {
    const batch = lines.slice(at, at + BATCH).map((line) => `${JSON.stringify(line)}\n`);
    yield Buffer.from(batch.join(''));
  }
}
