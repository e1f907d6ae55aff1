import type { EntryType } from '../../oci/tar/entry.ts';

/** Bits of Go's os.FileMode, which clients say types and permissions with. */
const bits = {
  directory: 2 ** 31,
  symlink: 1 << 27,
  device: 1 << 26,
  pipe: 1 << 25,
  socket: 1 << 24,
  setuid: 1 << 23,
  setgid: 1 << 22,
  character: 1 << 21,
  sticky: 1 << 20,
  irregular: 1 << 19,
};
const OTHERS = bits.device | bits.pipe | bits.socket | bits.character | bits.irregular;

const special = [
  [bits.setuid, 0o4000],
  [bits.setgid, 0o2000],
  [bits.sticky, 0o1000],
] as const;

/** Undefined for what is neither. */
export function typeOf(mode: number): 'file' | 'directory' | 'symlink' | undefined {
  if (mode >= bits.directory) return 'directory';
  if ((mode & bits.symlink) !== 0) return 'symlink';
  return (mode & OTHERS) === 0 ? 'file' : undefined;
}

/** 07777 */
export function permissionsOf(mode: number): number {
  return special.reduce((sum, [go, unix]) => ((mode & go) === 0 ? sum : sum | unix), mode & 0o777);
}

export function goModeOf(type: EntryType, permissions: number): number {
  const low = special.reduce(
    (sum, [go, unix]) => ((permissions & unix) === 0 ? sum : sum | go),
    permissions & 0o777,
  );
  if (type === 'directory') return bits.directory + low;
  return type === 'symlink' ? low | bits.symlink : low;
}
