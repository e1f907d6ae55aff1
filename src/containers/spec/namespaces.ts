import type { NamespaceType } from '../../oci/runtime-spec.ts';
import type { HostConfig } from '../../wire/container-config.ts';

/** Host PIDs of running containers whose namespaces are joined. */
export interface JoinedPids {
  readonly network: number | undefined;
  readonly ipc: number | undefined;
  readonly pid: number | undefined;
}

type Namespace = { readonly type: NamespaceType; readonly path?: string };
type Modes = Pick<HostConfig, 'NetworkMode' | 'IpcMode' | 'PidMode' | 'UTSMode' | 'CgroupnsMode'>;

/** New, joined ("container:") or left out (the host's), by each mode. The mount namespace is always new. */
export function buildNamespaces(modes: Modes, joined: JoinedPids): Namespace[] {
  return [
    { type: 'mount' },
    ...namespace('network', 'net', modes.NetworkMode, joined.network),
    ...namespace('uts', 'uts', modes.UTSMode, undefined),
    ...namespace('pid', 'pid', modes.PidMode, joined.pid),
    ...namespace('ipc', 'ipc', modes.IpcMode, joined.ipc),
    ...(modes.CgroupnsMode === 'private' ? [{ type: 'cgroup' as const }] : []),
  ];
}

function namespace(type: NamespaceType, file: string, mode: string, pid: number | undefined): Namespace[] {
  if (mode === 'host') return [];
  return pid === undefined ? [{ type }] : [{ type, path: `/proc/${pid}/ns/${file}` }];
}
