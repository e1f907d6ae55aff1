import type { RootFile } from '../../runtime/contract.ts';

/**
 * What Docker lays into every container's writable layer: places to mount on, /etc/mtab, and the file by which programs know that
 * they are in a container. Nothing that is there already is touched.
 */
export const rootFiles: readonly RootFile[] = [
  { kind: 'directory', path: '/dev', mode: 0o755 },
  { kind: 'directory', path: '/dev/pts', mode: 0o755 },
  { kind: 'directory', path: '/dev/shm', mode: 0o755 },
  { kind: 'file', path: '/dev/console', mode: 0o755 },
  { kind: 'directory', path: '/proc', mode: 0o755 },
  { kind: 'directory', path: '/sys', mode: 0o755 },
  { kind: 'directory', path: '/etc', mode: 0o755 },
  { kind: 'file', path: '/etc/hosts', mode: 0o755 },
  { kind: 'file', path: '/etc/hostname', mode: 0o755 },
  { kind: 'file', path: '/etc/resolv.conf', mode: 0o755 },
  { kind: 'symlink', path: '/etc/mtab', target: '/proc/mounts' },
  { kind: 'file', path: '/.dockerenv', mode: 0o755 },
];
