import { createHash } from 'node:crypto';
import { type BigIntStats, fstatSync, lstatSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { fromText, toText } from '../../oci/tar/entry.ts';
import type { ContextLine } from '../../wire/build-messages.ts';
import { timeOf } from './pack-context.ts';
import { type ContextEntry, type ContextFiles, walkContext } from './walk-context.ts';

export interface ScannedContext {
  readonly lines: readonly ContextLine[];
  /** Of all files. */
  readonly bytes: number;
  /** What no context can hold. */
  readonly sockets: readonly string[];
}

/** What there is in a context, without its content; undefined when that is more than files, directories and symbolic links. */
export function scanContext(files: ContextFiles): ScannedContext | undefined {
  const lines: ContextLine[] = [];
  const sockets: string[] = [];
  const top = `${fromText(files.directory)}/`;
  let bytes = 0;
  for (const entry of walkContext(files)) {
    const place = Buffer.from(top + entry.path, 'latin1');
    const stat = statOf(entry, place);
    if (stat === undefined) continue;
    if (stat.isSocket()) {
      sockets.push(toText(entry.path));
      continue;
    }
    const line = lineOf(entry.path, place, stat, files.rewritten.get(entry.path));
    if (line === undefined) return undefined;
    lines.push(line);
    bytes += line[3];
  }
  const now = Date.now();
  for (const [path, { length }] of files.added) {
    // The time keeps them from being taken for those of another build.
    lines.push(['file', path, 0o600, length, Math.floor(now / 1000), (now % 1000) * 1e6, '']);
  }
  return { lines, bytes, sockets };
}

/** By its whole path, which is quicker: what is not read need not be what the walk found. */
function statOf({ kind, descriptor }: ContextEntry, place: Buffer): BigIntStats | undefined {
  if (kind === 'directory') return fstatSync(descriptor, { bigint: true });
  return lstatSync(place, { bigint: true, throwIfNoEntry: false });
}

function lineOf(
  path: string,
  place: Buffer,
  stat: BigIntStats,
  rewritten: Uint8Array | undefined,
): ContextLine | undefined {
  const { seconds, nanoseconds } = timeOf(stat);
  const mode = Number(stat.mode) & 0o7777;
  if (rewritten !== undefined) {
    return ['file', path, mode & 0o666, rewritten.length, Math.floor(Date.now() / 1000), 0, ''];
  }
  if (stat.isFile()) return ['file', path, mode, Number(stat.size), seconds, nanoseconds, ''];
  if (stat.isDirectory()) return ['directory', path, mode, 0, seconds, nanoseconds, ''];
  if (!stat.isSymbolicLink()) return undefined;
  const target = readlinkSync(place, { encoding: 'latin1' });
  return ['symlink', path, mode, 0, seconds, nanoseconds, target];
}

/** What a context is known by from build to build: this machine's directory. */
export function contextKey(directory: string): string {
  const { dev, ino } = statSync(directory, { bigint: true });
  return createHash('sha256').update([machineId(), directory, dev, ino].join('\0')).digest('hex');
}

function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    return '';
  }
}
