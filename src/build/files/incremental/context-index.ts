import type { Digest } from '../../../oci/digest.ts';
import { isDigest } from '../../../oci/digest.ts';

/** A file of a context whose bytes are here. */
export interface KnownFile {
  readonly size: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Permission bits. */
  readonly mode: number;
  /** Where its bytes begin in the pack. */
  readonly offset: number;
  readonly content: Digest;
}

/** What a context's pack holds. */
export interface ContextIndex {
  /** The pack's file name. */
  readonly pack: string;
  /** Its bytes that count; what follows was never said to be there. */
  readonly size: number;
  /** By path below the context, a byte string. */
  readonly files: ReadonlyMap<string, KnownFile>;
}

const VERSION = 1;

/** Written in columns, which are read several times as fast as rows. */
interface Stored {
  readonly version: number;
  readonly pack: string;
  readonly size: number;
  readonly paths: readonly string[];
  /** For each path: size, seconds, nanoseconds, mode, offset. */
  readonly numbers: readonly number[];
  readonly contents: readonly Digest[];
}

const NUMBERS = 5;

export function encodeIndex({ pack, size, files }: ContextIndex): string {
  const numbers: number[] = [];
  const contents: Digest[] = [];
  for (const file of files.values()) {
    numbers.push(file.size, file.seconds, file.nanoseconds, file.mode, file.offset);
    contents.push(file.content);
  }
  const stored: Stored = { version: VERSION, pack, size, paths: [...files.keys()], numbers, contents };
  return JSON.stringify(stored);
}

/** Undefined for what is no index, or one of another version: the context is sent anew then. */
export function decodeIndex(text: string): ContextIndex | undefined {
  const stored = parse(text);
  if (stored === undefined) return undefined;
  const files = new Map<string, KnownFile>();
  for (const [row, path] of stored.paths.entries()) {
    const [size, seconds, nanoseconds, mode, offset] = stored.numbers.slice(
      row * NUMBERS,
      (row + 1) * NUMBERS,
    );
    const content = stored.contents[row];
    if (size === undefined || seconds === undefined || nanoseconds === undefined) return undefined;
    if (mode === undefined || offset === undefined || content === undefined || !isDigest(content))
      return undefined;
    if (offset < 0 || size < 0 || offset + size > stored.size) return undefined;
    files.set(path, { size, seconds, nanoseconds, mode, offset, content });
  }
  return { pack: stored.pack, size: stored.size, files };
}

function parse(text: string): Stored | undefined {
  try {
    const stored: Stored = JSON.parse(text);
    const isWhole =
      stored.version === VERSION &&
      /^pack\.\d+$/.test(stored.pack) &&
      Number.isSafeInteger(stored.size) &&
      Array.isArray(stored.paths) &&
      Array.isArray(stored.numbers) &&
      Array.isArray(stored.contents);
    return isWhole ? stored : undefined;
  } catch {
    return undefined;
  }
}
