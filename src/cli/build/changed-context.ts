import type { Client } from '../../client/client.ts';
import { ApiError } from '../../client/errors.ts';
import type { Query } from '../../client/query.ts';
import type {
  ComparedContext,
  ContextListing,
  ContextPaths,
  ListedContext,
} from '../../wire/build-messages.ts';
import type { Listing } from './directory-lister.ts';
import { type PackOptions, packContext } from './pack-context.ts';
import { contextKey, scanContext, scanScope } from './scan-context.ts';
import type { ContextFiles } from './walk-context.ts';

/** Contexts with fewer files and bytes are sent before a daemon could tell what it has. */
const SMALL = { entries: 1000, bytes: 4 << 20 };

export interface ChangedContext {
  /** By which the daemon knows what it has of it; undefined where the body is all that it needs. */
  readonly id: string | undefined;
  /** A tar of the files that it has not. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface ContextQuestions {
  readonly client: Client;
  readonly files: ContextFiles;
  readonly onSocket: PackOptions['onSocket'];
  /** What the build needs, as patterns; undefined for everything. */
  readonly paths: () => Promise<readonly string[] | undefined>;
}

/** What a build needs of a context of which the daemon has the most, perhaps, from an earlier one; undefined where all of it is to be sent. */
export async function changedContext(questions: ContextQuestions): Promise<ChangedContext | undefined> {
  const { client, onSocket } = questions;
  if (!scanContext(questions.files, SMALL).isCut) return undefined;
  const { files, scanned } = scanScope(questions.files, await questions.paths());
  if (scanned.hasSpecial) return undefined;
  const { listings, entries, bytes, sockets } = scanned;
  const isPart = files.scope !== undefined;
  if (entries < SMALL.entries && bytes < SMALL.bytes) {
    return isPart ? { id: undefined, body: packContext(files, { onSocket }) } : undefined;
  }
  const compared = await compare(client, contextKey(files.directory), listings, isPart);
  if (compared === undefined) return undefined;
  for (const path of sockets) onSocket(path);
  const unknown = (compared.Unknown ?? []).flatMap((index) => listings[index]?.text ?? []);
  const only = unknown.length === 0 ? new Set<string>() : await wantedOf(client, compared.ID, unknown);
  return { id: compared.ID, body: packContext(files, { onSocket, only }) };
}

/** Undefined from a daemon that cannot tell: then it is everything. */
export async function neededPaths(
  client: Client,
  query: Query,
  dockerfile: Uint8Array,
): Promise<readonly string[] | undefined> {
  const { secrets: _, ...asked } = query;
  try {
    const { Paths }: ContextPaths = await client.json('POST', '/build/contexts/paths', {
      query: asked,
      headers: { 'Content-Type': 'text/plain' },
      body: dockerfile,
    });
    return Paths ?? undefined;
  } catch (reason) {
    // What is wrong with the build itself is said when it is asked for.
    if (reason instanceof ApiError) return undefined;
    throw reason;
  }
}

/** Undefined from a daemon that compares nothing. */
async function compare(
  client: Client,
  key: string,
  listings: readonly Listing[],
  isPart: boolean,
): Promise<ComparedContext | undefined> {
  try {
    return await client.json('POST', '/build/contexts/compare', {
      query: { key, part: isPart },
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
