import { readFileSync, writeFileSync } from 'node:fs';
import { invalid, messageOf } from '../../base/errors.ts';
import { HOST, type Operation } from '../../plan/operations.ts';

/** A value for a file of a group. */
export interface Setting {
  /** The file's whole path. */
  readonly path: string;
  readonly value: string;
}

const encoder = new TextEncoder();

/** The step that writes a setting. */
export function writeStep(setting: Setting, ignore: readonly number[] = []): Operation {
  return {
    op: 'write',
    dir: HOST,
    path: setting.path,
    flags: 0,
    mode: 0,
    data: encoder.encode(setting.value),
    ignore,
  };
}

/** Writes it now. Fails with `invalid-argument` in runc's words: a live update is refused by the kernel. */
function applySetting({ path, value }: Setting): void {
  try {
    writeFileSync(path, value);
  } catch (error) {
    throw invalid(`failed to write ${JSON.stringify(value)}: write ${path}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** All of them or, as far as the kernel lets values be put back, none. */
export function applySettings(settings: readonly Setting[]): void {
  const before: Setting[] = [];
  try {
    for (const setting of settings) {
      const value = readText(setting.path);
      applySetting(setting);
      if (value !== undefined) before.unshift({ ...setting, value });
    }
  } catch (error) {
    for (const setting of before) restoreSetting(setting);
    throw error;
  }
}

/** What refuses its own old value cannot be helped: the failure that led here is the one to tell. */
function restoreSetting(setting: Setting): void {
  try {
    applySetting(setting);
  } catch {}
}

/** "EBUSY: resource busy or locked, write" as "resource busy or locked". */
function reasonOf(error: unknown): string {
  const message = messageOf(error);
  return /^[A-Z0-9]+: (.*?)(?:, \w+.*)?$/.exec(message)?.[1] ?? message;
}

/** A file's text without its line end; undefined when there is no such file or group. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch {
    return undefined;
  }
}

/** A file's number; "max" and what is missing are undefined. */
export function readNumber(path: string): number | undefined {
  const text = readText(path);
  return text === undefined || !/^-?\d+$/.test(text) ? undefined : Number(text);
}

/** A file of "key value" lines. */
export function readTable(path: string): Map<string, number> {
  const table = new Map<string, number>();
  for (const line of (readText(path) ?? '').split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) table.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return table;
}
