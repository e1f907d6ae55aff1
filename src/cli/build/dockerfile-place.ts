import { lstatSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { CommandError } from '../command-error.ts';
import { fileFailure } from '../file-failure.ts';

/** Where the Dockerfile of a local context is. */
export type DockerfilePlace =
  /** Its path below the context. */
  | { readonly kind: 'inside'; readonly path: string }
  /** It goes with the context, under a name that is not taken there. */
  | { readonly kind: 'outside'; readonly text: Uint8Array; readonly ignoreFile: Uint8Array | undefined };

/** The context's directory, links followed. Throws CommandError in Docker's words. */
export function contextDirectory(given: string): string {
  const directory = realpathSync(given);
  if (statSync(directory).isDirectory()) return directory;
  throw new CommandError(`unable to prepare context: context must be a directory: ${directory}`);
}

/** `given` is relative to the working directory; empty for the usual place, where links lead nowhere else. Throws CommandError. */
export function placeOfDockerfile(directory: string, given: string): DockerfilePlace {
  const named = given === '' ? usualPlace(directory) : resolve(given);
  const actual = followed(named);
  const path = relative(directory, actual);
  if (path !== '..' && !path.startsWith('../')) return { kind: 'inside', path: path === '' ? '.' : path };
  if (given === '') {
    throw new CommandError(
      `unable to prepare context: ${named} is a link to a file outside of the context: if it is meant, name it with --file`,
    );
  }
  try {
    return { kind: 'outside', text: readFileSync(actual), ignoreFile: readIfThere(ignoreFileOf(named)) };
  } catch (reason) {
    throw fileFailure('unable to open Dockerfile: open', given, reason);
  }
}

/** The ignore file of one Dockerfile alone, beside it. */
export function ignoreFileOf(dockerfile: string): string {
  return join(dirname(dockerfile), `${basename(dockerfile)}.dockerignore`);
}

/** Undefined where there is none. */
export function readIfThere(path: string): Buffer | undefined {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path) : undefined;
}

function usualPlace(directory: string): string {
  const usual = join(directory, 'Dockerfile');
  const other = join(directory, 'dockerfile');
  const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  return !isThere(usual) && isThere(other) ? other : usual;
}

function followed(path: string): string {
  try {
    return realpathSync(path);
  } catch (reason) {
    const operation = 'unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat';
    throw fileFailure(operation, firstMissing(path), reason);
  }
}

/** The part of a path from which on nothing is there. */
function firstMissing(path: string): string {
  const above = dirname(path);
  return above === path || lstatSync(above, { throwIfNoEntry: false }) !== undefined
    ? path
    : firstMissing(above);
}
