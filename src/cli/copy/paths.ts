import { isAbsolute, join, normalize, resolve } from 'node:path';

/**
 * Paths of copies. How a path ends says what is meant: `dir/.` is the content of a directory, `dir/` must be one. Shortening a path must
 * not lose that.
 */

export interface SplitPath {
  readonly directory: string;
  /** `.` for the content of a directory, `/` for the root. */
  readonly base: string;
}

const hasTrailingSlash = (path: string): boolean => path.endsWith('/');

/** Whether the last component is `.`: the content of a directory. */
function namesContent(path: string): boolean {
  return baseName(path) === '.';
}

/** Whether the path says that it is a directory. */
export function assertsDirectory(path: string): boolean {
  return hasTrailingSlash(path) || namesContent(path);
}

/** `normalize` keeps a slash at the end; here it says nothing. */
function cleanPath(path: string): string {
  const clean = normalize(path);
  return clean.length > 1 && hasTrailingSlash(clean) ? clean.slice(0, -1) : clean;
}

/** The last component; `/` of the root, `.` of nothing. */
export function baseName(path: string): string {
  if (path === '') return '.';
  const trimmed = path.replace(/\/+$/, '');
  return trimmed === '' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

export function splitPath(path: string): SplitPath {
  const clean = cleanPath(path);
  if (namesContent(path)) return { directory: clean, base: '.' };
  if (clean === '/') return { directory: '/', base: '/' };
  const slash = clean.lastIndexOf('/');
  const directory = slash < 0 ? '.' : slash === 0 ? '/' : clean.slice(0, slash);
  return { directory, base: clean.slice(slash + 1) };
}

/** `resolved` with the end that `original` had. */
export function keepEnding(resolved: string, original: string): string {
  let path = resolved;
  if (namesContent(original) && !namesContent(path)) path = `${path}${hasTrailingSlash(path) ? '' : '/'}.`;
  return hasTrailingSlash(original) && !hasTrailingSlash(path) ? `${path}/` : path;
}

/** The absolute form of a path on this machine, its end kept. */
export function absolutePath(path: string): string {
  return keepEnding(resolve(path), path);
}

/** Where a symbolic link at `link` leads. */
export function linkDestination(link: string, target: string): string {
  return isAbsolute(target) ? target : join(splitPath(link).directory, target);
}

/**
 * What a link that was asked for resolved to, with the end that the link was given, and the name that the copy then has: the link's, where
 * it is not the same.
 */
export function followed(
  asked: string,
  resolved: string,
): { readonly path: string; readonly rename: string } {
  const path = keepEnding(resolved, asked);
  return { path, rename: baseName(asked) === baseName(path) ? '' : baseName(asked) };
}
