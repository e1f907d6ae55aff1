import { errnoOf } from '../base/errno.ts';
import { CommandError } from './command-error.ts';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EISDIR: 'is a directory',
  ELOOP: 'too many levels of symbolic links',
  ENOSPC: 'no space left on device',
  EROFS: 'read-only file system',
  ENAMETOOLONG: 'file name too long',
};

/** What became of a file, as Docker's command line tells it: `lstat /x: no such file or directory`. Throws what the system did not say. */
export function fileFailure(operation: string, path: string, reason: unknown): CommandError {
  const code = errnoOf(reason) ?? '';
  // Not the system's: an archive that is broken, for one.
  if (!/^E[A-Z0-9]+$/.test(code)) throw reason;
  return new CommandError(`${operation} ${path}: ${reasons[code] ?? code}`);
}
