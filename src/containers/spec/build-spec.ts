import { posix } from 'node:path';
import type { RuntimeSpec, SpecProcess } from '../../oci/runtime-spec.ts';
import type { Container } from '../contract.ts';
import { type ContainerDefaults, defaultMaskedPaths, defaultReadonlyPaths } from '../defaults.ts';
import type { StoredMount } from '../mounts/stored-mount.ts';
import { usesInit } from '../record.ts';
import { buildCapabilities } from './capability-sets.ts';
import { buildDevices } from './devices.ts';
import { buildEnvironment } from './environment.ts';
import { buildMounts, type EtcFiles, INIT_PATH } from './mounts.ts';
import { buildNamespaces, type JoinedPids } from './namespaces.ts';
import { buildResources } from './resource-limits.ts';
import { chooseSeccomp } from './seccomp.ts';
import { parseSecurityOptions, type SecurityOptions } from './security-options.ts';
import { buildSysctls } from './sysctls.ts';
import { buildRlimits } from './ulimits.ts';

export interface SpecInputs {
  /** Its Hostname and Domainname are those to be set. */
  readonly container: Pick<Container, 'id' | 'path' | 'args' | 'config' | 'hostConfig'>;
  readonly mounts: readonly StoredMount[];
  readonly etc: EtcFiles;
  readonly joined: JoinedPids;
  /** A host directory to be /dev/shm, when the container shares one. */
  readonly sharedMemory: string | undefined;
  /** Variables that tell of linked containers. */
  readonly linkEnvironment?: readonly string[] | undefined;
  readonly defaults: ContainerDefaults;
  readonly initBinary: string;
  readonly rootTarget: string;
}

/** What the runtime is to make of a container. Fails in Docker's words when something that it names is missing now. */
export function buildSpec(inputs: SpecInputs): RuntimeSpec {
  const { config, hostConfig } = inputs.container;
  const security = parseSecurityOptions(hostConfig.SecurityOpt ?? [], inputs.defaults.noNewPrivileges);
  const init = usesInit(hostConfig, inputs.defaults.init);
  const devices = buildDevices(hostConfig);
  const { mounts, rootPropagation } = buildMounts({
    hostConfig,
    mounts: inputs.mounts,
    etc: inputs.etc,
    sharedMemory: inputs.sharedMemory,
    initBinary: init ? inputs.initBinary : undefined,
    writableCgroups: security.writableCgroups ?? hostConfig.Privileged,
  });
  const seccomp = chooseSeccomp(security.seccomp, hostConfig.Privileged, inputs.defaults.seccompProfile);
  const ownNames = hostConfig.UTSMode !== 'host';
  return {
    ociVersion: '1.2.0',
    process: buildProcess(inputs, security, init),
    root: { path: inputs.rootTarget, readonly: hostConfig.ReadonlyRootfs },
    ...(ownNames ? { hostname: config.Hostname } : {}),
    ...(ownNames && config.Domainname !== '' ? { domainname: config.Domainname } : {}),
    mounts,
    ...(hostConfig.Annotations ? { annotations: hostConfig.Annotations } : {}),
    linux: {
      namespaces: buildNamespaces(hostConfig, inputs.joined),
      devices: devices.nodes,
      cgroupsPath: cgroupsPath(inputs.container.id, hostConfig.CgroupParent, inputs.defaults),
      resources: buildResources(hostConfig, devices.rules),
      ...(rootPropagation === undefined ? {} : { rootfsPropagation: rootPropagation }),
      ...(seccomp === undefined ? {} : { seccomp }),
      sysctl: buildSysctls(hostConfig),
      maskedPaths: hostConfig.MaskedPaths ?? (hostConfig.Privileged ? [] : defaultMaskedPaths()),
      readonlyPaths: hostConfig.ReadonlyPaths ?? (hostConfig.Privileged ? [] : defaultReadonlyPaths()),
    },
  };
}

function buildProcess(inputs: SpecInputs, security: SecurityOptions, init: boolean): SpecProcess {
  const { path, args, config, hostConfig } = inputs.container;
  const command = [path, ...args];
  return {
    terminal: config.Tty,
    args: init ? [INIT_PATH, '--', ...command] : command,
    env: buildEnvironment(config, config.Tty, inputs.linkEnvironment),
    cwd: config.WorkingDir || '/',
    user: { uid: 0, gid: 0, username: config.User, additionalGroups: hostConfig.GroupAdd ?? [] },
    capabilities: buildCapabilities(hostConfig),
    rlimits: buildRlimits(hostConfig.Ulimits),
    noNewPrivileges: security.noNewPrivileges,
    oomScoreAdj: hostConfig.OomScoreAdj,
    ...(security.appArmor !== '' && security.appArmor !== 'unconfined'
      ? { apparmorProfile: security.appArmor }
      : {}),
  };
}

/** "/parent/<id>" for cgroupfs, "parent.slice:sampan:<id>" for systemd. */
export function cgroupsPath(id: string, own: string, defaults: ContainerDefaults): string {
  const given = own || defaults.cgroupParent;
  if (defaults.cgroupDriver === 'systemd') return `${given || 'system.slice'}:sampan:${id}`;
  return posix.resolve('/', given || 'sampan', id);
}
