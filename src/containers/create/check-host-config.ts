import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { invalid } from '../../base/errors.ts';
import { canonicalCapability } from '../../oci/capabilities.ts';
import type { HostCapabilities } from '../../runtime/contract.ts';
import type { ContainerConfig, HostConfig, RestartPolicy } from '../../wire/container-config.ts';
import { checkUlimit } from '../../wire/ulimits.ts';
import { checkMount, checkTarget } from '../mounts/mount-rules.ts';
import { mergeTmpfsOptions } from '../mounts/tmpfs-options.ts';
import { parseDeviceRule } from '../spec/device-rules.ts';
import { parseSecurityOptions } from '../spec/security-options.ts';
import { checkNetworkMode } from './check-network-mode.ts';
import { checkPortBindings } from './check-ports.ts';
import { adaptResources } from './check-resources.ts';

/**
 * The host configuration with what this host cannot do left out, and a warning for each such thing. Fails with
 * `invalid-argument` in Docker's words.
 */
export function checkHostConfig(
  given: HostConfig,
  config: ContainerConfig,
  host: HostCapabilities,
): { hostConfig: HostConfig; warnings: string[] } {
  checkNetworkMode(config, given);
  checkPolicy(given);
  for (const mount of given.Mounts ?? []) checkMount(mount, existsSync);
  given.ExtraHosts?.forEach(checkExtraHost);
  checkPortBindings(given.PortBindings);
  const { resources, warnings } = adaptResources(given, host, 'create');
  const hostConfig: HostConfig = {
    ...given,
    ...resources,
    CapAdd: normaliseCapabilities('CapAdd', given.CapAdd),
    CapDrop: normaliseCapabilities('CapDrop', given.CapDrop),
  };
  checkModes(hostConfig);
  checkProcess(hostConfig);
  for (const [target, options] of Object.entries(hostConfig.Tmpfs ?? {})) {
    checkTarget(target);
    mergeTmpfsOptions(options);
  }
  if (hostConfig.NetworkMode === 'host' && Object.keys(hostConfig.PortBindings ?? {}).length > 0) {
    warnings.push('Published ports are discarded when using host network mode');
  }
  return { hostConfig, warnings };
}

function checkPolicy({
  RestartPolicy,
  AutoRemove,
  Isolation,
  Annotations,
  Runtime,
  StorageOpt,
}: HostConfig): void {
  if (AutoRemove && !isNone(RestartPolicy)) {
    throw invalid("can't create 'AutoRemove' container with restart policy");
  }
  checkRestartPolicy(RestartPolicy);
  if (Isolation !== '' && Isolation !== 'default') {
    throw invalid(`invalid isolation (${Isolation}): linux only supports 'default'`);
  }
  if (Annotations !== undefined && Annotations !== null && Object.hasOwn(Annotations, '')) {
    throw invalid('invalid Annotations: the empty string is not permitted as an annotation key');
  }
  if (Runtime !== '' && Runtime !== 'runc' && Runtime !== 'io.containerd.runc.v2') {
    throw invalid(`unknown or invalid runtime name: ${Runtime}`);
  }
  if (StorageOpt !== undefined && Object.keys(StorageOpt ?? {}).length > 0) {
    throw invalid("--storage-opt is supported only for overlay over xfs with 'pquota' mount option");
  }
}

function isNone(policy: RestartPolicy): boolean {
  return policy.Name === '' || policy.Name === 'no';
}

/** Fails with `invalid-argument` in Docker's words. */
export function checkRestartPolicy(policy: RestartPolicy): void {
  const count = policy.MaximumRetryCount;
  switch (policy.Name) {
    case '':
    case 'no':
    case 'always':
    case 'unless-stopped':
      if (count !== 0) {
        const negative = count < 0 ? ' and cannot be negative' : '';
        throw invalid(
          `invalid restart policy: maximum retry count can only be used with 'on-failure'${negative}`,
        );
      }
      return;
    case 'on-failure':
      if (count < 0) throw invalid('invalid restart policy: maximum retry count cannot be negative');
      return;
    default:
      throw invalid(
        `invalid restart policy: unknown policy '${policy.Name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
      );
  }
}

function checkExtraHost(entry: string): void {
  const colon = entry.indexOf(':');
  if (colon <= 0) throw invalid(`bad format for add-host: "${entry}"`);
  const address = entry.slice(colon + 1).replace(/^\[(.*)\]$/, '$1');
  if (address !== 'host-gateway' && isIP(address) === 0) {
    throw invalid(`invalid IP address in add-host: "${address}"`);
  }
}

/** Names as inspect shows them. Fails with `invalid-argument` in Docker's words. */
export function normaliseCapabilities(field: string, names: readonly string[] | null): string[] | null {
  if (names === null) return null;
  return names.map((name) => {
    if (name.toUpperCase() === 'ALL') return 'ALL';
    const canonical = canonicalCapability(name);
    if (canonical === undefined) {
      const spelledOut = `CAP_${name.toUpperCase().replace(/^CAP_/, '')}`;
      throw invalid(`invalid ${field}: unknown capability: "${spelledOut}"`);
    }
    return canonical;
  });
}

const containerMode = /^container:.+$/s;

function checkModes({ IpcMode, PidMode, UTSMode, CgroupnsMode }: HostConfig): void {
  const ipcModes = ['', 'none', 'private', 'shareable', 'host'];
  if (!ipcModes.includes(IpcMode) && !containerMode.test(IpcMode))
    throw invalid(`invalid IPC mode: ${IpcMode}`);
  if (!['', 'host'].includes(PidMode) && !containerMode.test(PidMode)) {
    throw invalid(`invalid PID mode: ${PidMode}`);
  }
  if (!['', 'host'].includes(UTSMode)) throw invalid(`invalid UTS mode: ${UTSMode}`);
  if (!['', 'private', 'host'].includes(CgroupnsMode)) {
    throw invalid(`invalid cgroup namespace mode: ${CgroupnsMode}`);
  }
}

function checkProcess(hostConfig: HostConfig): void {
  if (hostConfig.ShmSize < 0) throw invalid('SHM size can not be less than 0');
  const score = hostConfig.OomScoreAdj;
  if (score < -1000 || score > 1000) {
    throw invalid(`Invalid value ${score}, range for oom score adj is [-1000, 1000]`);
  }
  hostConfig.Ulimits?.forEach(checkUlimit);
  hostConfig.DeviceCgroupRules?.forEach(parseDeviceRule);
  parseSecurityOptions(hostConfig.SecurityOpt ?? [], false);
}
