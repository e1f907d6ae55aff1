import { existsSync } from 'node:fs';
import { DEFAULT_SYSCTLS } from '../../oci/defaults.ts';
import { StartError } from '../../runtime/start-error.ts';
import type { HostConfig } from '../../wire/container-config.ts';
import { joinedContainer } from '../record.ts';

type Wishes = Pick<HostConfig, 'NetworkMode' | 'IpcMode' | 'UTSMode' | 'Sysctls'>;

/** Kernel parameters that each IPC namespace has its own of. */
const ipcParameters = new Set([
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
]);

/** Defaults and `--sysctl`, which may only touch namespaces of the container's own. Fails with StartError. */
export function buildSysctls(wishes: Wishes, domainname: string): Readonly<Record<string, string>> {
  const ownNetwork = isOwn(wishes.NetworkMode);
  for (const name of Object.keys(wishes.Sysctls ?? {})) {
    if (!isSeparate(name, wishes, ownNetwork)) throw notSeparate(name);
  }
  return {
    ...(ownNetwork ? networkDefaults() : {}),
    ...(domainname !== '' && wishes.UTSMode !== 'host' ? { 'kernel.domainname': domainname } : {}),
    ...wishes.Sysctls,
  };
}

function isOwn(mode: string): boolean {
  return mode !== 'host' && joinedContainer(mode) === undefined;
}

function isSeparate(name: string, wishes: Wishes, ownNetwork: boolean): boolean {
  if (!/^[\w./:-]+$/.test(name) || name.split(/[./]/).includes('')) return false;
  const dotted = name.replaceAll('/', '.');
  if (dotted.startsWith('net.')) return ownNetwork;
  if (ipcParameters.has(dotted) || dotted.startsWith('fs.mqueue.')) return isOwn(wishes.IpcMode);
  return dotted === 'kernel.domainname' && wishes.UTSMode !== 'host';
}

function notSeparate(name: string): StartError {
  return new StartError(
    128,
    `failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: sysctl ${JSON.stringify(name)} is not in a separate kernel namespace: unknown`,
  );
}

let present: Readonly<Record<string, string>> | undefined;

/** Kernels may be built without some of them; what the host has, a namespace has. */
function networkDefaults(): Readonly<Record<string, string>> {
  present ??= Object.fromEntries(
    Object.entries(DEFAULT_SYSCTLS).filter(([name]) => existsSync(`/proc/sys/${name.replaceAll('.', '/')}`)),
  );
  return present;
}
