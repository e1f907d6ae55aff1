import { existsSync } from 'node:fs';
import { DEFAULT_SYSCTLS } from '../../oci/defaults.ts';
import type { HostConfig } from '../../wire/container-config.ts';
import { joinedContainer } from '../record.ts';

/** Docker's defaults under `--sysctl`. Which of them a container may set at all is the runtime's to check. */
export function buildSysctls({
  NetworkMode: mode,
  Sysctls: own,
}: Pick<HostConfig, 'NetworkMode' | 'Sysctls'>): Readonly<Record<string, string>> {
  const ownNetwork = mode !== 'host' && joinedContainer(mode) === undefined;
  return { ...(ownNetwork ? networkDefaults() : {}), ...own };
}

let present: Readonly<Record<string, string>> | undefined;

/** Kernels may be built without some of them; what the host has, a namespace has. */
function networkDefaults(): Readonly<Record<string, string>> {
  present ??= Object.fromEntries(
    Object.entries(DEFAULT_SYSCTLS).filter(([name]) => existsSync(`/proc/sys/${name.replaceAll('.', '/')}`)),
  );
  return present;
}
