import type { SpecProcess } from '../oci/runtime-spec.ts';
import type { ExecConfig } from '../wire/container-config.ts';
import type { Container } from './contract.ts';
import type { ContainerDefaults } from './defaults.ts';
import { buildCapabilities } from './spec/capability-sets.ts';
import { buildEnvironment, overrideEnvironment } from './spec/environment.ts';
import { parseSecurityOptions } from './spec/security-options.ts';
import { buildRlimits } from './spec/ulimits.ts';

/** A further process in a container: the container's own settings under the exec's. */
export function buildExecProcess(
  { config, hostConfig }: Container,
  exec: ExecConfig,
  defaults: ContainerDefaults,
  links: readonly string[] = [],
): SpecProcess {
  const security = parseSecurityOptions(hostConfig.SecurityOpt ?? [], defaults.noNewPrivileges);
  return {
    terminal: exec.Tty,
    args: exec.Cmd ?? [],
    env: overrideEnvironment(buildEnvironment(config, exec.Tty, links), exec.Env ?? []),
    cwd: exec.WorkingDir || config.WorkingDir || '/',
    user: {
      uid: 0,
      gid: 0,
      username: exec.User || config.User,
      additionalGroups: hostConfig.GroupAdd ?? [],
    },
    capabilities: buildCapabilities(exec.Privileged ? { ...hostConfig, Privileged: true } : hostConfig),
    rlimits: buildRlimits(hostConfig.Ulimits),
    noNewPrivileges: security.noNewPrivileges,
    oomScoreAdj: hostConfig.OomScoreAdj,
    ...(security.appArmor !== '' && security.appArmor !== 'unconfined'
      ? { apparmorProfile: security.appArmor }
      : {}),
  };
}
