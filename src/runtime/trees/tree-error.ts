import { type ErrorCode, SampanError } from '../../base/errors.ts';
import type { PlanFailure } from '../../plan/contract.ts';
import { errno, errnoName } from '../../plan/errno.ts';

/** What a verb on a tree failed with. */
export class TreeError extends SampanError {
  /** Where in the tree, as text; empty where it is no single place. */
  readonly path: string;
  /** The kernel's word, positive: EROFS (30) tells a read-only place from one that is forbidden otherwise. */
  readonly errno: number;

  constructor(failure: Pick<PlanFailure, 'errno' | 'subject' | 'detail'>) {
    super(codes[failure.errno] ?? 'internal', describe(failure));
    this.path = failure.subject;
    this.errno = failure.errno;
  }
}

const ESTALE = 116;
const EDQUOT = 122;
const EFBIG = 27;
const EOVERFLOW = 75;

const codes: Readonly<Record<number, ErrorCode>> = {
  [errno.ENOENT]: 'not-found',
  [errno.ESRCH]: 'not-found',
  [errno.EINVAL]: 'invalid-argument',
  [errno.ENAMETOOLONG]: 'invalid-argument',
  [errno.ELOOP]: 'invalid-argument',
  [errno.ENOTDIR]: 'invalid-argument',
  [errno.EISDIR]: 'invalid-argument',
  [errno.E2BIG]: 'invalid-argument',
  [EFBIG]: 'invalid-argument',
  [errno.EXDEV]: 'invalid-argument',
  [errno.EEXIST]: 'conflict',
  [errno.ENOTEMPTY]: 'conflict',
  [ESTALE]: 'conflict',
  [errno.EBUSY]: 'conflict',
  [errno.ENOSPC]: 'exhausted',
  [errno.ENOMEM]: 'exhausted',
  [EDQUOT]: 'exhausted',
  [EOVERFLOW]: 'exhausted',
  [errno.EROFS]: 'permission-denied',
  [errno.EPERM]: 'permission-denied',
  [errno.EACCES]: 'permission-denied',
};

/** A conflict comes in Docker's words, which are the whole message. */
function describe({
  errno: number,
  subject,
  detail,
}: Pick<PlanFailure, 'errno' | 'subject' | 'detail'>): string {
  if (number === errno.EEXIST && detail !== '') return detail;
  const place = subject === '' ? '' : `${subject}: `;
  if (number === 0) return place + detail;
  const reason = errnoName(number).message;
  return detail === '' ? `${place}${reason}` : `${place}${reason} (${detail})`;
}
