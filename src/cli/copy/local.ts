import { lstatSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import { isErrno } from '../../base/errno.ts';
import { CommandError } from '../command-error.ts';
import { fileFailure } from '../file-failure.ts';
import { baseName, followed, linkDestination, splitPath } from './paths.ts';
import type { CopyDestination, CopySource } from './plan.ts';

/** What copies find on this machine. */

function attempt<T>(operation: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (reason) {
    throw fileFailure(operation, path, reason);
  }
}

/** What is to be copied: links on the way to it are resolved, and the last one when `follow`. */
export function findSource(path: string, follow: boolean): CopySource {
  const { path: resolved, rename } = follow ? followed(path, followAll(path)) : resolveParents(path);
  const stat = attempt('lstat', resolved, () => lstatSync(resolved));
  return { path: resolved, isDirectory: stat.isDirectory(), rename };
}

function followAll(path: string): string {
  try {
    return realpathSync(path);
  } catch (reason) {
    const missing = lstatOrUndefined(path)?.isSymbolicLink()
      ? linkDestination(path, readlinkSync(path))
      : path;
    throw fileFailure('lstat', missing, reason);
  }
}

function resolveParents(path: string): { readonly path: string; readonly rename: string } {
  const slash = path.lastIndexOf('/');
  const directory = path.slice(0, slash + 1);
  let resolved: string;
  try {
    resolved = realpathSync(directory);
    // A slash at the end is a promise that a file does not keep.
    if (!lstatSync(resolved).isDirectory()) throw new CommandError('not a directory');
  } catch (reason) {
    if (isErrno(reason, 'ENOTDIR')) throw new CommandError('not a directory');
    throw fileFailure('lstat', directory.replace(/(?<=.)\/$/, ''), reason);
  }
  const found = `${resolved === '/' ? '' : resolved}/${path.slice(slash + 1)}`;
  const renames = path.endsWith('/') && baseName(path) !== baseName(found);
  return { path: found, rename: renames ? baseName(path) : '' };
}

const MAX_LINKS = 10;

/** Where a copy goes: a link at the end is followed, also one to nothing yet. The directory that it lies in must be there. */
export function findDestination(asked: string): CopyDestination {
  let path = asked;
  let stat = lstatUnlessMissing(path);
  for (let links = 0; stat?.isSymbolicLink(); links++) {
    if (links > MAX_LINKS) throw new CommandError(`too many symlinks in ${asked}`);
    path = linkDestination(path, readlinkSync(path));
    stat = lstatUnlessMissing(path);
  }
  if (stat !== undefined) return { path, exists: true, isDirectory: stat.isDirectory() };
  const { directory } = splitPath(path);
  const parent = attempt('stat', directory, () => statSync(directory));
  if (!parent.isDirectory()) throw new CommandError('not a directory');
  return { path, exists: false, isDirectory: false };
}

function lstatOrUndefined(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

function lstatUnlessMissing(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (reason) {
    if (isErrno(reason, 'ENOENT')) return undefined;
    throw fileFailure('lstat', path, reason);
  }
}

/** Refuses early what a copy could not be written to: devices, and names in directories that are not there. */
export function checkOutputPath(path: string): void {
  const { directory } = splitPath(path);
  if (directory !== '.' && isMissing(directory)) {
    throw new CommandError(`invalid output path: directory ${JSON.stringify(directory)} does not exist`);
  }
  let stat: Stats;
  try {
    stat = statSync(path);
  } catch (reason) {
    if (isErrno(reason, 'ENOENT')) return;
    throw fileFailure('stat', path, reason);
  }
  if (stat.isCharacterDevice() || stat.isBlockDevice()) {
    throw new CommandError(
      `invalid output path: ${JSON.stringify(path)} must be a directory or a regular file: got a device`,
    );
  }
}

function isMissing(path: string): boolean {
  try {
    statSync(path);
    return false;
  } catch (reason) {
    return isErrno(reason, 'ENOENT');
  }
}
