import { CommandError } from '../command-error.ts';
import { assertsDirectory, splitPath } from './paths.ts';

/** The two ends of a copy, as far as the rules look at them. */
export interface CopySource {
  readonly path: string;
  readonly isDirectory: boolean;
  /** The name that the archive's top has instead of the path's last component, or empty. */
  readonly rename: string;
}

export interface CopyDestination {
  readonly path: string;
  readonly exists: boolean;
  readonly isDirectory: boolean;
}

/** What to do with the archive. */
export interface CopyPlan {
  /** Directory to unpack it in. */
  readonly directory: string;
  /** What its first component becomes; undefined leaves all names alone. */
  readonly rename: { readonly from: string; readonly to: string } | undefined;
}

/**
 * Docker's rules of what a copy makes: into a directory that is there; over a file; or as something new, whose name is the
 * destination's. Throws CommandError for what cannot be.
 */
export function planCopy(source: CopySource, destination: CopyDestination): CopyPlan {
  if (destination.exists && destination.isDirectory) {
    return { directory: destination.path, rename: undefined };
  }
  if (destination.exists && source.isDirectory) throw new CommandError('cannot copy directory');
  if (!destination.exists && !source.isDirectory && assertsDirectory(destination.path)) {
    throw new CommandError('no such directory');
  }
  const { directory, base } = splitPath(destination.path);
  const from = source.rename === '' ? splitPath(source.path).base : source.rename;
  return { directory, rename: { from, to: base } };
}
