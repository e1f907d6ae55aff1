import { readFileSync } from 'node:fs';
import { isErrno } from '../../base/errno.ts';
import { cut } from '../flag-types.ts';
import { compactJson } from '../format/json-text.ts';

export interface SecurityOptions {
  readonly options: string[] | null;
  /** Empty lists where nothing is to be hidden; null for the daemon's defaults. */
  readonly maskedPaths: string[] | null;
  readonly readonlyPaths: string[] | null;
}

/** Reads every `--security-opt`; a seccomp profile is sent as its text. Throws an Error in Docker's words. */
export function parseSecurity(given: readonly string[]): SecurityOptions {
  const options: string[] = [];
  let unconfined = false;
  for (const option of given) {
    const [name, value] = splitOption(option);
    if (value === '' && name !== 'no-new-privileges') {
      throw new Error(`Invalid --security-opt: ${JSON.stringify(option)}`);
    }
    if (option === 'systempaths=unconfined') unconfined = true;
    else if (name === 'seccomp' && value !== 'builtin' && value !== 'unconfined') {
      options.push(`seccomp=${readProfile(value)}`);
    } else options.push(option);
  }
  return {
    options: given.length === 0 ? null : options,
    maskedPaths: unconfined ? [] : null,
    readonlyPaths: unconfined ? [] : null,
  };
}

function splitOption(option: string): [string, string] {
  if (option.includes('=')) return cut(option, '=');
  return option === 'no-new-privileges' ? [option, ''] : cut(option, ':');
}

function readProfile(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (reason) {
    const why = isErrno(reason, 'ENOENT') ? `open ${path}: no such file or directory` : String(reason);
    throw new Error(`opening seccomp profile (${path}) failed: ${why}`);
  }
  try {
    return compactJson(text);
  } catch (reason) {
    throw new Error(`compacting json for seccomp profile (${path}) failed: ${reason}`);
  }
}
