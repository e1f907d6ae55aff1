import { posix } from 'node:path';
import { invalid } from '../../base/errors.ts';
import { fromText } from '../../oci/tar/entry.ts';

/** A place in a container as a client names it. Paths are byte strings. */
export interface ContainerPath {
  /** Absolute, and cleaned as text alone: ".." takes a component away, whatever that is. */
  readonly path: string;
  /** It ends in "/" or "/.": it must be a directory, and a link at its end is followed. */
  readonly demandsDirectory: boolean;
  /** What answers call it: its last component, "." where the client wrote that, "/" for the root. */
  readonly name: string;
}

/** Reads a path by Docker's rules; a relative one starts at the root. Fails with `invalid-argument` on what cannot be a path. */
export function parseContainerPath(text: string): ContainerPath {
  if (text === '') throw invalid('bad parameter: path cannot be empty');
  if (text.includes('\0')) throw invalid('bad parameter: path must not contain a null byte');
  const bytes = fromText(text);
  const path = posix.resolve('/', bytes);
  const last = bytes.slice(bytes.lastIndexOf('/') + 1);
  return {
    path,
    demandsDirectory: last === '' || last === '.',
    name: last === '.' ? '.' : posix.basename(path) || '/',
  };
}

/** Whether `path` is `directory` or lies below it; both absolute and clean. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || directory === '/' || path.startsWith(`${directory}/`);
}
