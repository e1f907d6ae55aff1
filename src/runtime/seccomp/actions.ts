import { invalid } from '../../base/errors.ts';
import { errno } from '../../plan/errno.ts';

/** The kernel cuts larger ones down to this. */
const MAX_ERRNO = 4095;

/** SECCOMP_RET_* (linux/seccomp.h), for actions without data. */
const plainActions: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
};

/** Actions whose low half is a number for the caller (errno) or the tracer. */
const numberedActions: Readonly<Record<string, number>> = {
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_TRACE: 0x7ff00000,
};

/** What a foreign architecture's call gets: it could mean anything. */
export const KILL_PROCESS = 0x80000000;

/** The filter's return value for an action; with the error number `chosen` where a profile gives one, EPERM else. */
export function actionValue(action: string, chosen: number | undefined): number {
  const plain = plainActions[action];
  if (plain !== undefined) return plain;
  const numbered = numberedActions[action];
  if (numbered !== undefined) return numbered + checkErrno(chosen ?? errno.EPERM);
  if (action === 'SCMP_ACT_NOTIFY') {
    throw invalid('seccomp: SCMP_ACT_NOTIFY needs an agent that listens, which Sampan does not have', {
      hint: 'Use SCMP_ACT_ERRNO or SCMP_ACT_TRAP instead.',
    });
  }
  throw invalid(`seccomp: unknown action ${JSON.stringify(action)}`);
}

/** ENOSYS: what a call gets that is newer than the profile, so that the C library falls back to an older one. */
export const NOT_IMPLEMENTED = 0x00050000 + errno.ENOSYS;

/** True where a call that the profile does not know goes through. */
export function isPermissive(action: string): boolean {
  return ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE'].includes(action);
}

function checkErrno(value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > MAX_ERRNO) {
    throw invalid(`seccomp: errnoRet ${value} is not between 0 and ${MAX_ERRNO}`);
  }
  return value;
}
