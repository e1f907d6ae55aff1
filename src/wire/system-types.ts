import { any, boolean, int64, list, map, nullable, optional, string, struct, type TypeOf } from './schema.ts';

const Component = struct('ComponentVersion', {
  Name: string,
  Version: string,
  Details: optional(map(string)),
});

/** `GET /version`. */
export const Version = struct('Version', {
  Platform: optional(struct('Platform', { Name: string })),
  Components: optional(list(Component)),
  Version: string,
  ApiVersion: string,
  MinAPIVersion: optional(string),
  GitCommit: string,
  GoVersion: string,
  Os: string,
  Arch: string,
  KernelVersion: optional(string),
  Experimental: optional(boolean),
  BuildTime: optional(string),
});
export type Version = TypeOf<typeof Version>;

const PluginsInfo = struct('PluginsInfo', {
  Volume: list(string),
  Network: list(string),
  Authorization: list(string),
  Log: list(string),
});

const IndexInfo = struct('IndexInfo', {
  Name: string,
  Mirrors: list(string),
  Secure: boolean,
  Official: boolean,
});

export const RegistryConfig = struct('ServiceConfig', {
  AllowNondistributableArtifactsCIDRs: optional(list(string)),
  AllowNondistributableArtifactsHostnames: optional(list(string)),
  InsecureRegistryCIDRs: list(string),
  IndexConfigs: map(IndexInfo),
  Mirrors: list(string),
});

const Runtime = struct('RuntimeWithStatus', {
  path: optional(string),
  runtimeArgs: optional(list(string)),
  status: optional(map(string)),
});

const Commit = struct('Commit', { ID: string, Expected: optional(string) });

const SwarmInfo = struct('Info', {
  NodeID: string,
  NodeAddr: string,
  LocalNodeState: string,
  ControlAvailable: boolean,
  Error: string,
  RemoteManagers: list(any),
});

/** `GET /info`. */
export const Info = struct('Info', {
  ID: string,
  Containers: int64,
  ContainersRunning: int64,
  ContainersPaused: int64,
  ContainersStopped: int64,
  Images: int64,
  Driver: string,
  DriverStatus: list(list(string)),
  SystemStatus: optional(list(list(string))),
  Plugins: PluginsInfo,
  MemoryLimit: boolean,
  SwapLimit: boolean,
  KernelMemory: optional(boolean),
  KernelMemoryTCP: optional(boolean),
  CpuCfsPeriod: boolean,
  CpuCfsQuota: boolean,
  CPUShares: boolean,
  CPUSet: boolean,
  PidsLimit: boolean,
  IPv4Forwarding: boolean,
  BridgeNfIptables: optional(boolean),
  BridgeNfIp6tables: optional(boolean),
  Debug: boolean,
  NFd: int64,
  OomKillDisable: boolean,
  NGoroutines: int64,
  SystemTime: string,
  LoggingDriver: string,
  CgroupDriver: string,
  CgroupVersion: optional(string),
  NEventsListener: int64,
  KernelVersion: string,
  OperatingSystem: string,
  OSVersion: string,
  OSType: string,
  Architecture: string,
  IndexServerAddress: string,
  RegistryConfig: nullable(RegistryConfig),
  NCPU: int64,
  MemTotal: int64,
  GenericResources: list(any),
  DockerRootDir: string,
  HttpProxy: string,
  HttpsProxy: string,
  NoProxy: string,
  Name: string,
  Labels: list(string),
  ExperimentalBuild: boolean,
  ServerVersion: string,
  Runtimes: map(Runtime),
  DefaultRuntime: string,
  Swarm: SwarmInfo,
  LiveRestoreEnabled: boolean,
  Isolation: string,
  InitBinary: string,
  ContainerdCommit: Commit,
  RuncCommit: Commit,
  InitCommit: Commit,
  SecurityOptions: list(string),
  ProductLicense: optional(string),
  DefaultAddressPools: optional(list(struct('NetworkAddressPool', { Base: string, Size: int64 }))),
  FirewallBackend: optional(struct('FirewallInfo', { Driver: string, Info: optional(list(list(string))) })),
  CDISpecDirs: list(string),
  Warnings: list(string),
});
export type Info = TypeOf<typeof Info>;

/** A line of `GET /events`. `status`, `id` and `from` only for containers and images, up to API 1.51. */
export const EventMessage = struct('Message', {
  status: optional(string),
  id: optional(string),
  from: optional(string),
  Type: string,
  Action: string,
  Actor: struct('Actor', { ID: string, Attributes: map(string) }),
  scope: optional(string),
  time: optional(int64),
  /** Nanoseconds: beyond what a JavaScript number holds exactly. */
  timeNano: optional(int64),
});
export type EventMessage = TypeOf<typeof EventMessage>;
