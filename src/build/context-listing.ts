import { createHash } from 'node:crypto';
import { invalid } from '../base/errors.ts';
import { modeType } from '../oci/tar/layer-node.ts';

/**
 * What a client says of one of its context's directories, or of some of what is in it where that is much. Written as a JSON list,
 * `[path, mode, seconds, ...entries]`, each entry `[name, mode, size, seconds, stamp]`, a link's with its target besides. Texts are byte strings.
 * A client names a listing by the SHA-256 of that text.
 */
export interface ContextListing {
  /** Below the context, "a/b"; empty for the context itself. */
  readonly path: string;
  /** 07777; null where nothing is known of the directory but that something is in it. */
  readonly mode: number | null;
  readonly seconds: number;
  readonly entries: readonly ListingEntry[];
}

/** A file or a symbolic link. */
export interface ListingEntry {
  readonly name: string;
  /** With the type's bits (stat(2)). */
  readonly mode: number;
  readonly size: number;
  /** Of the last change of its content, since the epoch. */
  readonly seconds: number;
  /** Another one for all that tells a changed file from what it was. */
  readonly stamp: string;
  /** Of a link. */
  readonly target: string;
}

/** Bytes of one listing. */
export const MAX_LISTING = 4 << 20;
const MAX_PATH = 4096;
const MAX_NAME = 255;
const MAX_STAMP = 200;

export function isLink({ mode }: Pick<ListingEntry, 'mode'>): boolean {
  return (mode & modeType.mask) === modeType.symlink;
}

/** By which clients name it: 64 hexadecimal digits. */
export function listingId(text: Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}

export function formatListing({ path, mode, seconds, entries }: ContextListing): string {
  const rows = entries.map((entry) => {
    const { name, mode, size, seconds, stamp, target } = entry;
    return isLink(entry) ? [name, mode, size, seconds, stamp, target] : [name, mode, size, seconds, stamp];
  });
  return JSON.stringify([path, mode, seconds, ...rows]);
}

/** Fails with `invalid-argument` on what no context can have. */
export function parseListing(text: Uint8Array): ContextListing {
  const value = text.length <= MAX_LISTING ? parsed(text) : undefined;
  if (!Array.isArray(value)) throw wrong(text);
  const [path, mode, seconds]: unknown[] = value;
  if (!isPath(path) || !(mode === null || isMode(mode)) || !isSeconds(seconds)) throw wrong(text);
  const entries: ListingEntry[] = [];
  for (let index = 3; index < value.length; index++) {
    const entry = entryOf(value[index]);
    if (entry === undefined) throw wrong(text);
    entries.push(entry);
  }
  return { path, mode: mode === null ? null : mode & 0o7777, seconds, entries };
}

function entryOf(value: unknown): ListingEntry | undefined {
  if (!Array.isArray(value)) return undefined;
  const [name, mode, size, seconds, stamp, target = '']: unknown[] = value;
  if (!isName(name) || !isMode(mode) || !isSize(size) || !isSeconds(seconds)) return undefined;
  if (typeof stamp !== 'string' || stamp.length > MAX_STAMP) return undefined;
  if (!isBytes(target) || target.length >= MAX_PATH) return undefined;
  const type = mode & modeType.mask;
  if (type === modeType.symlink ? target === '' : type !== modeType.file || target !== '') return undefined;
  return { name, mode, size: type === modeType.file ? size : 0, seconds, stamp, target };
}

function parsed(text: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(text.buffer, text.byteOffset, text.length).toString());
  } catch {
    return undefined;
  }
}

function isPath(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length < MAX_PATH && (value === '' || value.split('/').every(isName))
  );
}

function isName(value: unknown): value is string {
  return isBytes(value) && isFileName(value);
}

function isFileName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && name.length <= MAX_NAME && !name.includes('/');
}

/** One character for each byte, none of them NUL. */
function isBytes(value: unknown): value is string {
  return typeof value === 'string' && !/[^\x01-\xff]/.test(value);
}

function isMode(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 0o177777;
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isSeconds(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function wrong(text: Uint8Array): Error {
  const start = Buffer.from(text.buffer, text.byteOffset, Math.min(text.length, 200)).toString();
  return invalid(`invalid listing of a build context: ${JSON.stringify(start)}`);
}
