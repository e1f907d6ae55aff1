import type { Client } from '../../client/client.ts';
import { ApiError } from '../../client/errors.ts';
import type { ComparedContext, ContextListing, ListedContext } from '../../wire/build-messages.ts';
import type { Listing } from './directory-lister.ts';
import { type PackOptions, packContext } from './pack-context.ts';
import { contextKey, scanContext } from './scan-context.ts';
import type { ContextFiles } from './walk-context.ts';

/** Contexts with fewer files and bytes are sent before a daemon could tell what it has. */
const MIN_ENTRIES = 1000;
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
  const { listings, entries, bytes, sockets } = scanned;
  if (entries < MIN_ENTRIES && bytes < MIN_BYTES) return undefined;
  const compared = await compare(client, contextKey(files.directory), listings);
  if (compared === undefined) return undefined;
  for (const path of sockets) onSocket(path);
  const unknown = (compared.Unknown ?? []).flatMap((index) => listings[index]?.text ?? []);
  const only = unknown.length === 0 ? new Set<string>() : await wantedOf(client, compared.ID, unknown);
  return { id: compared.ID, body: packContext(files, { onSocket, only }) };
}

/** Undefined from a daemon that compares nothing. */
async function compare(
  client: Client,
  key: string,
  listings: readonly Listing[],
): Promise<ComparedContext | undefined> {
  try {
    return await client.json('POST', '/build/contexts/compare', {
      query: { key },
      headers: { 'Content-Type': 'application/octet-stream' },
      body: Buffer.concat(listings.map(({ id }) => id)),
    });
  } catch (reason) {
    if (reason instanceof ApiError && [404, 405, 501].includes(reason.status)) return undefined;
    throw reason;
  }
}

/** The paths of the files that the daemon wants of these listings. */
async function wantedOf(client: Client, context: string, texts: readonly string[]): Promise<Set<string>> {
  const { Wanted }: ListedContext = await client.json('POST', '/build/contexts/list', {
    query: { context },
    headers: { 'Content-Type': 'application/x-ndjson' },
    body: linesOf(texts),
  });
  const wanted = new Set(Wanted);
  const paths = new Set<string>();
  let number = 0;
  for (const text of wanted.size === 0 ? [] : texts) {
    const [directory, , , ...entries]: ContextListing = JSON.parse(text);
    for (const [name] of entries) {
      if (wanted.has(number++)) paths.add(directory === '' ? name : `${directory}/${name}`);
    }
  }
  return paths;
}

/** Characters that are sent together. */
const BATCH = 1 << 18;

async function* linesOf(texts: readonly string[]): AsyncGenerator<Uint8Array, void, void> {
  let batch = '';
  for (const text of texts) {
    batch += `${text}\n`;
    if (batch.length < BATCH) continue;
    yield Buffer.from(batch);
    batch = '';
  }
  yield Buffer.from(batch);
}
