import { randomBytes } from 'node:crypto';
import { invalid } from '../base/errors.ts';

const pattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** The longest name of a directory on the filesystems that Linux has. */
const LONGEST = 255;

/** Fails with `invalid-argument` in Docker's words: a volume's name is a directory's. */
export function checkVolumeName(name: string): void {
  if (name.length === 1) {
    throw invalid(
      `create ${name}: volume name is too short, names should be at least two alphanumeric characters`,
    );
  }
  if (!pattern.test(name) || name.length > LONGEST) {
    throw invalid(
      `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
}

/** What a volume that nobody named is called: 64 hex digits. */
export function anonymousName(): string {
  return randomBytes(32).toString('hex');
}

/** Fails with `invalid-argument`: a snapshot's name is a directory's as well. */
export function checkSnapshotName(name: string): void {
  if (pattern.test(name) && name.length <= LONGEST) return;
  throw invalid(
    `${JSON.stringify(name)} is no name for a snapshot, only "[a-zA-Z0-9][a-zA-Z0-9_.-]*" is allowed`,
  );
}
