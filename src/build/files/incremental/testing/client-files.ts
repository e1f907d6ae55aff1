import { background } from '../../../../base/context.ts';
import type { TreePart } from '../../../../runtime/trees/contract.ts';
import {
  type ContextListing,
  formatListing,
  type ListingEntry,
  listingId,
} from '../../../context-listing.ts';
import { readFile } from '../../read-file.ts';
import type { CurrentContext, IncrementalContexts, PendingContext } from '../incremental-contexts.ts';

const context = background();
export const contextKey = 'a'.repeat(64);

/** A client's files: text and time by path. */
export type Files = Readonly<Record<string, { readonly text: string; readonly seconds: number }>>;

export const file = (
  name: string,
  size: number,
  seconds = 1,
  more: Partial<ListingEntry> = {},
): ListingEntry => ({
  ...{ name, mode: 0o100644, size, seconds, stamp: '', target: '', ...more },
});

/** Of each directory one, with the directories above. */
export function listingsOf(files: Files): ContextListing[] {
  const directories = new Map<string, ListingEntry[]>([['', []]]);
  for (const [path, { text, seconds }] of Object.entries(files)) {
    const slash = path.lastIndexOf('/');
    const parent = path.slice(0, Math.max(0, slash));
    const entries = directories.get(parent) ?? [];
    directories.set(parent, [...entries, file(path.slice(slash + 1), text.length, seconds)]);
  }
  return [...directories].map(([path, entries]) => ({
    path,
    mode: path === '' ? null : 0o755,
    seconds: 1,
    entries,
  }));
}

interface Compared {
  readonly pending: PendingContext;
  /** Paths of files. */
  readonly wanted: readonly string[];
}

export async function compare(
  contexts: IncrementalContexts,
  listings: readonly ContextListing[],
  under = contextKey,
  isPart = false,
): Promise<Compared> {
  const texts = listings.map((listing) => Buffer.from(formatListing(listing)));
  const pending = await contexts.begin(under, texts.map(listingId), isPart);
  const unknown = pending.unknown.flatMap((index) => listings[index] ?? []);
  const paths = unknown.flatMap(({ path, entries }) =>
    entries.map(({ name }) => (path === '' ? name : `${path}/${name}`)),
  );
  const numbers =
    unknown.length === 0 ? [] : pending.list(pending.unknown.flatMap((index) => texts[index] ?? []));
  return { pending, wanted: numbers.flatMap((index) => paths[index] ?? []) };
}

export async function* send(files: Files, paths: readonly string[]): AsyncGenerator<TreePart, void, void> {
  for (const [name, { text, seconds }] of Object.entries(files)) {
    if (!paths.includes(name)) continue;
    yield { type: 'file', name, mode: 0o644, size: text.length, seconds, nanoseconds: 5 };
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
  }
}

export async function filesOf({ tree }: CurrentContext): Promise<Record<string, string>> {
  const read: Record<string, string> = {};
  for await (const { header } of tree.list(context, '/')) {
    if (header.type !== 'file') continue;
    read[header.name] = String(await readFile(context, tree, `/${header.name}`, 1 << 24));
  }
  return read;
}

/** One build's context: which files it sent, and what the build reads. */
export async function sync(
  contexts: IncrementalContexts,
  files: Files,
  under = contextKey,
): Promise<{ sent: readonly string[]; read: Record<string, string> }> {
  const { pending, wanted } = await compare(contexts, listingsOf(files), under);
  using current = await pending.finish(context, send(files, wanted));
  const read = await filesOf(current);
  await current.kept;
  return { sent: [...wanted].sort(), read };
}

export const textsOf = (files: Files): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([path, { text }]) => [path, text]));
