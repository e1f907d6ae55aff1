import { statSync } from 'node:fs';
import { CommandError } from '../command-error.ts';

/** Where the files that an image is built from are, as the command line names them. */
export type ContextSource =
  | { readonly kind: 'stdin' }
  | { readonly kind: 'directory'; readonly path: string }
  /** A Git repository, an archive or a Dockerfile that the daemon fetches. */
  | { readonly kind: 'remote'; readonly url: string };

/** What is there as a file is meant, whatever else it may look like. Throws CommandError. */
export function contextSourceOf(given: string): ContextSource {
  if (given === '-') return { kind: 'stdin' };
  if (given !== '' && statSync(given, { throwIfNoEntry: false }) !== undefined) {
    return { kind: 'directory', path: given };
  }
  if (isRemote(given)) return { kind: 'remote', url: given };
  throw new CommandError(`unable to prepare context: path ${JSON.stringify(given)} not found`);
}

/** URLs, and the short forms that git(1) and Docker know. */
export function isRemote(given: string): boolean {
  return /^(?:https?:\/\/|git:\/\/|ssh:\/\/|git@|github\.com\/)./.test(given);
}
