const names = new Set([
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
]);

/** Whether a setting belongs to an IPC namespace (ipc_namespaces(7)). `name` has dots. */
export function isIpcSysctl(name: string): boolean {
  return names.has(name) || name.startsWith('fs.mqueue.');
}
