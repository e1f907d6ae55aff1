import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { writeFileAtomically } from '../../base/atomic-file.ts';
import { isErrno } from '../../base/errno.ts';
import { messageOf } from '../../base/errors.ts';
import { isJsonObject } from '../../base/json.ts';
import { CommandError } from '../command-error.ts';
import { MAX_CONFIG_BYTES } from '../config-file.ts';
import { withFileLock } from './file-lock.ts';

/** As in Linux (path_resolution(7)). */
const MAX_LINKS = 40;

/** `config.json` as it is, with keys that only other programs know. */
export type ConfigDocument = Record<string, unknown>;

/**
 * Changes `config.json` of a directory. Others see the old file or the new one; of writers at the same time none is forgotten; a symbolic
 * link stays and its target is changed; keys keep their order. Nothing is written when `change` says false. Throws CommandError when the
 * file is there and is no JSON object: what is in it would be lost.
 */
export async function changeConfig(
  directory: string,
  change: (document: ConfigDocument) => boolean,
): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = targetOf(`${directory}/config.json`);
  await withFileLock(path, async () => {
    const document = readDocument(path);
    if (!change(document)) return;
    await replaceFile(path, JSON.stringify(document, null, '\t'));
  });
}

function readDocument(path: string): ConfigDocument {
  let value: unknown;
  try {
    const { size } = statSync(path);
    if (size > MAX_CONFIG_BYTES) throw new Error(`it has more than ${MAX_CONFIG_BYTES} bytes`);
    const text = readFileSync(path, 'utf8');
    value = text.trim() === '' ? {} : JSON.parse(text);
  } catch (reason) {
    if (isErrno(reason, 'ENOENT')) return { auths: {} };
    throw unusable(path, messageOf(reason));
  }
  if (!isJsonObject(value)) throw unusable(path, 'it is not a JSON object');
  return { ...value };
}

function unusable(path: string, why: string): CommandError {
  return new CommandError(`cannot change the configuration file ${path}: ${why}`);
}

/** The file that a path leads to, also where it does not exist yet. */
function targetOf(path: string): string {
  let target = path;
  for (let links = 0; links < MAX_LINKS; links++) {
    const stat = lstatSync(target, { throwIfNoEntry: false });
    if (stat === undefined || !stat.isSymbolicLink()) return target;
    target = resolve(dirname(target), readlinkSync(target));
  }
  throw unusable(path, 'too many levels of symbolic links');
}

/** A new file is its owner's alone; an old one keeps its owner and mode. */
async function replaceFile(path: string, text: string): Promise<void> {
  const old = statSync(path, { throwIfNoEntry: false });
  await writeFileAtomically(path, text, 0o600);
  if (old === undefined) return;
  try {
    chownSync(path, old.uid, old.gid);
    chmodSync(path, old.mode & 0o777);
  } catch {
    // Another user's file, which that user let us replace: then it is ours now.
  }
}
