import { readFileSync } from 'node:fs';
import { isErrno } from '../../base/errno.ts';

/**
 * Reads files of `KEY=value` lines (`--env-file`, `--label-file`): blank lines and comments are left out; a key alone takes its value
 * from `lookup`, or is left out. Throws an Error in Docker's words.
 */
export function readKeyValueFiles(
  paths: readonly string[],
  lookup?: (key: string) => string | undefined,
): string[] {
  return paths.flatMap((path) => readFile(path, lookup));
}

function readFile(path: string, lookup?: (key: string) => string | undefined): string[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (reason) {
    if (isErrno(reason, 'EISDIR'))
      throw new Error(`invalid env file (${path}): read ${path}: is a directory`);
    throw new Error(
      `open ${path}: ${isErrno(reason, 'EACCES') ? 'permission denied' : 'no such file or directory'}`,
    );
  }
  const wrong = (what: string): Error => new Error(`invalid env file (${path}): ${what}`);
  const lines: string[] = [];
  for (const [index, raw] of splitLines(bytes).entries()) {
    if (!isUtf8(raw)) throw wrong(`invalid utf8 bytes at line ${index + 1}: [${raw.join(' ')}]`);
    const line = raw
      .toString()
      .replace(/^\uFEFF/, '')
      .trimStart();
    if (line === '' || line.startsWith('#')) continue;
    const equals = line.indexOf('=');
    const key = equals < 0 ? line : line.slice(0, equals);
    if (key === '') throw wrong(`no variable name on line '${line}'`);
    if (/[ \t]/.test(key)) throw wrong(`variable '${key}' contains whitespaces`);
    if (equals >= 0) lines.push(line);
    else {
      const value = lookup?.(line);
      if (value !== undefined) lines.push(`${line}=${value}`);
    }
  }
  return lines;
}

function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    lines.push(bytes.subarray(start, bytes[end - 1] === 13 && end > start ? end - 1 : end));
    start = end + 1;
  }
  return lines;
}

function isUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
