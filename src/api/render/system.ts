import type { Container } from '../../containers/contract.ts';
import type { SystemFacts } from '../../engine/contract.ts';
import type { TypeOf } from '../../wire/schema.ts';
import type { Info, RegistryConfig, Version } from '../../wire/system-types.ts';
import { formatTime } from '../../wire/times.ts';
import { type ApiVersion, differs, minimumVersion } from '../../wire/versions.ts';

/** `newest`: the API version that the client is told of. */
export function renderVersion(facts: SystemFacts, version: ApiVersion, newest: ApiVersion): Version {
  const build = facts.buildTime;
  const details = {
    ApiVersion: newest,
    Arch: facts.architecture,
    BuildTime: build,
    Experimental: 'false',
    GitCommit: facts.commit,
    GoVersion: `bun${facts.bunVersion}`,
    KernelVersion: facts.kernelVersion,
    MinAPIVersion: minimumVersion,
    Os: 'linux',
  };
  return {
    ...(differs(version, 'versionComponents')
      ? {
          Platform: { Name: 'Sampan' },
          Components: [{ Name: 'Engine', Version: facts.version, Details: details }],
        }
      : {}),
    Version: facts.version,
    ApiVersion: newest,
    MinAPIVersion: minimumVersion,
    GitCommit: facts.commit,
    // Clients show the language's version under this key.
    GoVersion: details.GoVersion,
    Os: 'linux',
    Arch: facts.architecture,
    KernelVersion: facts.kernelVersion,
    ...(build === '' ? {} : { BuildTime: build }),
  };
}

/** What changes from one call to the next. */
export interface InfoCounts {
  readonly containers: readonly Container[];
  readonly images: number;
  readonly now: Date;
}

export function renderInfo(facts: SystemFacts, counts: InfoCounts, version: ApiVersion): Info {
  const { host } = facts;
  const inState = (...states: readonly string[]): number =>
    counts.containers.filter(({ state }) => states.includes(state.status)).length;
  return {
    ID: facts.id,
    Containers: counts.containers.length,
    ContainersRunning: inState('running', 'restarting'),
    ContainersPaused: inState('paused'),
    ContainersStopped: inState('created', 'exited', 'dead', 'removing'),
    Images: counts.images,
    Driver: facts.storageDriver,
    DriverStatus: facts.storageStatus.map((pair) => [...pair]),
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'null'],
      Authorization: null,
      Log: ['json-file', 'none'],
    },
    MemoryLimit: host.memoryLimit,
    SwapLimit: host.swapLimit,
    ...(differs(version, 'infoKernelMemory') ? { KernelMemory: false } : {}),
    ...(host.kernelMemoryTcp ? { KernelMemoryTCP: true } : {}),
    CpuCfsPeriod: host.cpuCfs,
    CpuCfsQuota: host.cpuCfs,
    CPUShares: host.cpuShares,
    CPUSet: host.cpuset,
    PidsLimit: host.pidsLimit,
    IPv4Forwarding: facts.ipv4Forwarding,
    ...(differs(version, 'infoBridgeNetfilter') ? { BridgeNfIptables: false, BridgeNfIp6tables: false } : {}),
    Debug: facts.debug,
    NFd: facts.openFiles,
    OomKillDisable: host.oomKillDisable,
    NGoroutines: 1,
    SystemTime: formatTime(counts.now),
    LoggingDriver: 'json-file',
    CgroupDriver: facts.cgroupDriver,
    CgroupVersion: String(host.cgroupVersion),
    NEventsListener: 0,
    ...hostInfo(facts, version),
    ...engineInfo(facts, version),
  };
}

function hostInfo(facts: SystemFacts, version: ApiVersion) {
  return {
    KernelVersion: facts.kernelVersion,
    OperatingSystem: facts.operatingSystem,
    OSVersion: facts.osVersion,
    OSType: 'linux',
    Architecture: machineName(facts.architecture),
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: registryConfig(facts, version),
    NCPU: facts.host.processors,
    MemTotal: facts.host.memoryBytes,
    GenericResources: null,
    DockerRootDir: facts.dataRoot,
    HttpProxy: facts.proxies.http,
    HttpsProxy: facts.proxies.https,
    NoProxy: facts.proxies.no,
    Name: facts.name,
    Labels: [...facts.labels],
  } satisfies Partial<Info>;
}

/** As uname names it: info's Architecture differs from version's Arch. */
function machineName(architecture: string): string {
  return { amd64: 'x86_64', arm64: 'aarch64' }[architecture] ?? architecture;
}

function registryConfig(
  { insecureRegistries, registryMirrors }: SystemFacts,
  version: ApiVersion,
): TypeOf<typeof RegistryConfig> {
  const cidrs = insecureRegistries.filter((name) => name.includes('/'));
  const insecure = insecureRegistries.filter((name) => !name.includes('/'));
  const index = (Name: string, Mirrors: string[], Secure: boolean, Official: boolean) => ({
    Name,
    Mirrors,
    Secure,
    Official,
  });
  return {
    ...(differs(version, 'infoNondistributable')
      ? { AllowNondistributableArtifactsCIDRs: null, AllowNondistributableArtifactsHostnames: null }
      : {}),
    InsecureRegistryCIDRs: [...new Set(['::1/128', '127.0.0.0/8', ...cidrs])],
    IndexConfigs: {
      ...Object.fromEntries(insecure.map((name) => [name, index(name, [], false, false)])),
      'docker.io': index('docker.io', [...registryMirrors], true, true),
    },
    Mirrors: [...registryMirrors],
  };
}

function engineInfo(facts: SystemFacts, version: ApiVersion) {
  const commit = {
    ID: facts.commit,
    ...(differs(version, 'infoExpectedCommits') ? { Expected: facts.commit } : {}),
  };
  return {
    ExperimentalBuild: false,
    ServerVersion: facts.version,
    Runtimes: { sampan: { path: 'sampan' } },
    DefaultRuntime: 'sampan',
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: 'sampan-init',
    ContainerdCommit: commit,
    RuncCommit: commit,
    InitCommit: commit,
    SecurityOptions: securityOptions(facts),
    ...(differs(version, 'infoFirewall') ? { FirewallBackend: { Driver: 'nftables' } } : {}),
    CDISpecDirs: [],
    Warnings: facts.warnings.length === 0 ? null : [...facts.warnings],
  } satisfies Partial<Info>;
}

function securityOptions({ host }: SystemFacts): string[] {
  return [
    ...(host.appArmor ? ['name=apparmor'] : []),
    ...(host.seccomp ? ['name=seccomp,profile=builtin'] : []),
    ...(host.cgroupVersion === 2 ? ['name=cgroupns'] : []),
  ];
}
