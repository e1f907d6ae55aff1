import { conflict } from '../../base/errors.ts';
import { ContainerConfig, HostConfig } from '../../wire/container-config.ts';
import type { Container } from '../contract.ts';
import { completeHostConfig } from '../create/complete-host-config.ts';
import type { SandboxLimits, SandboxRequest } from './contract.ts';
import type { SandboxParts } from './parts.ts';

/** A run as the container that it would be: what a specification is made of. */
export type SandboxContainer = Pick<Container, 'id' | 'path' | 'args' | 'config' | 'hostConfig'>;

/** `peer` is the container whose network is joined: it gives its name too. */
export function sandboxContainer(
  { defaults, runtime }: SandboxParts,
  id: string,
  request: SandboxRequest,
  peer: Container | undefined,
): SandboxContainer {
  const [path = '', ...args] = request.args;
  const hasTerminal = request.terminal !== undefined;
  return {
    ...{ id, path, args },
    config: {
      ...ContainerConfig.zero(),
      Hostname: peer?.config.Hostname ?? request.hostname,
      Domainname: peer?.config.Domainname ?? '',
      User: request.user,
      Tty: hasTerminal,
      OpenStdin: hasTerminal,
      StdinOnce: hasTerminal,
      Env: [...request.env],
      WorkingDir: request.workingDirectory,
    },
    hostConfig: completeHostConfig(
      {
        ...HostConfig.zero(),
        ...limitsOf(request.limits),
        LogConfig: { Type: 'none', Config: {} },
        NetworkMode: networkMode(request.network),
        IpcMode: 'private',
        Init: false,
        Privileged: request.privileged,
        ExtraHosts: [...request.extraHosts],
      },
      defaults,
      runtime.capabilities,
    ),
  };
}

function networkMode(network: SandboxRequest['network']): string {
  if (network === 'default') return 'bridge';
  if (typeof network === 'string') return network;
  return 'name' in network ? network.name : `container:${network.container}`;
}

export function limitsOf(limits: SandboxLimits): Partial<HostConfig> {
  const { memory, memorySwap, cpuShares, cpuPeriod, cpuQuota, cpusetCpus, cpusetMems, shmSize } = limits;
  return {
    CgroupParent: limits.cgroupParent,
    Memory: memory,
    MemorySwap: memorySwap,
    CpuShares: cpuShares,
    CpuPeriod: cpuPeriod,
    CpuQuota: cpuQuota,
    CpusetCpus: cpusetCpus,
    CpusetMems: cpusetMems,
    ShmSize: shmSize,
    Ulimits: limits.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
  };
}

/** The running container whose network is to be joined, if one is. Fails in Docker's words. */
export function networkPeer(
  { containers }: SandboxParts,
  network: SandboxRequest['network'],
): Container | undefined {
  if (typeof network === 'string' || 'name' in network) return undefined;
  const peer = containers.get(network.container);
  if (peer.state.pid > 0) return peer;
  throw conflict(
    `cannot join network namespace of a non running container: container ${peer.name} is ${peer.state.status}`,
  );
}
