import type { TreeStat } from '../../runtime/trees/contract.ts';

/** Bits of Go's FileMode beside the permissions. */
const types: Readonly<Record<TreeStat['type'], number>> = {
  file: 0,
  directory: 2 ** 31,
  symlink: 2 ** 27,
  block: 2 ** 26,
  character: 2 ** 26 + 2 ** 21,
  fifo: 2 ** 25,
  socket: 2 ** 24,
};

const SETUID = 2 ** 23;
const SETGID = 2 ** 22;
const STICKY = 2 ** 20;

/** A file's type and mode as Go's FileMode, an unsigned 32-bit number. */
export function goFileMode({ type, mode }: Pick<TreeStat, 'type' | 'mode'>): number {
  const setuid = mode & 0o4000 ? SETUID : 0;
  const setgid = mode & 0o2000 ? SETGID : 0;
  const sticky = mode & 0o1000 ? STICKY : 0;
  return types[type] + setuid + setgid + sticky + (mode & 0o777);
}
