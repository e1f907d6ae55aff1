import type { SpecProcess } from '../oci/runtime-spec.ts';
import type { Operation } from '../plan/operations.ts';
import { specError } from './start-errors.ts';

/** RLIMIT_* (asm-generic/resource.h, which x86-64 and arm64 use). */
const resources: Readonly<Record<string, number>> = {
  RLIMIT_CPU: 0,
  RLIMIT_FSIZE: 1,
  RLIMIT_DATA: 2,
  RLIMIT_STACK: 3,
  RLIMIT_CORE: 4,
  RLIMIT_RSS: 5,
  RLIMIT_NPROC: 6,
  RLIMIT_NOFILE: 7,
  RLIMIT_MEMLOCK: 8,
  RLIMIT_AS: 9,
  RLIMIT_LOCKS: 10,
  RLIMIT_SIGPENDING: 11,
  RLIMIT_MSGQUEUE: 12,
  RLIMIT_NICE: 13,
  RLIMIT_RTPRIO: 14,
  RLIMIT_RTTIME: 15,
};

/** Steps that set limits; -1 is unlimited. Fails with StartError on a name that is none. */
export function planRlimits(limits: NonNullable<SpecProcess['rlimits']>): Operation[] {
  return limits.map(({ type, soft, hard }) => {
    const resource = resources[type];
    if (resource === undefined) throw specError(`wrong rlimit value: ${type}`);
    return { op: 'rlimit', resource, soft, hard };
  });
}
