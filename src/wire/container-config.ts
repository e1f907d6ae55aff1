import {
  any,
  boolean,
  int64,
  list,
  map,
  nullable,
  number,
  optional,
  string,
  struct,
  type TypeOf,
  uint16,
  uint32,
  uint64,
} from './schema.ts';

/** What a container is asked to be: the bodies of `POST /containers/create`, kept as they are and shown by inspect. Key order is Docker's. */

const empty = struct('struct {}', {});

export const HealthConfig = struct('HealthcheckConfig', {
  Test: optional(list(string)),
  Interval: optional(int64),
  Timeout: optional(int64),
  StartPeriod: optional(int64),
  StartInterval: optional(int64),
  Retries: optional(int64),
});

/** Independent of the host. */
export const ContainerConfig = struct('Config', {
  Hostname: string,
  Domainname: string,
  User: string,
  AttachStdin: boolean,
  AttachStdout: boolean,
  AttachStderr: boolean,
  ExposedPorts: optional(map(empty)),
  Tty: boolean,
  OpenStdin: boolean,
  StdinOnce: boolean,
  Env: list(string),
  Cmd: list(string),
  Healthcheck: optional(HealthConfig),
  ArgsEscaped: optional(boolean),
  Image: string,
  Volumes: map(empty),
  WorkingDir: string,
  Entrypoint: list(string),
  NetworkDisabled: optional(boolean),
  MacAddress: optional(string),
  OnBuild: list(string),
  Labels: map(string),
  StopSignal: optional(string),
  StopTimeout: optional(nullable(int64)),
  Shell: optional(list(string)),
});
export type ContainerConfig = TypeOf<typeof ContainerConfig>;

export const LogConfig = struct('LogConfig', { Type: string, Config: map(string) });

export const PortBinding = struct('PortBinding', { HostIp: string, HostPort: string });
export type PortBinding = TypeOf<typeof PortBinding>;
export type PortMap = Record<string, PortBinding[] | null>;

export const RestartPolicy = struct('RestartPolicy', { Name: string, MaximumRetryCount: int64 });
export type RestartPolicy = TypeOf<typeof RestartPolicy>;

const WeightDevice = struct('WeightDevice', { Path: string, Weight: uint16 });
const ThrottleDevice = struct('ThrottleDevice', { Path: string, Rate: uint64 });
export const DeviceMapping = struct('DeviceMapping', {
  PathOnHost: string,
  PathInContainer: string,
  CgroupPermissions: string,
});
export const DeviceRequest = struct('DeviceRequest', {
  Driver: string,
  Count: int64,
  DeviceIDs: list(string),
  Capabilities: list(list(string)),
  Options: map(string),
});
/** A process's limit; -1 is "unlimited". */
const Ulimit = struct('Ulimit', { Name: string, Hard: int64, Soft: int64 });
export type Ulimit = TypeOf<typeof Ulimit>;

/** The keys of HostConfig that `update` may change too. */
const resourceFields = {
  CpuShares: int64,
  Memory: int64,
  NanoCpus: int64,
  CgroupParent: string,
  BlkioWeight: uint16,
  BlkioWeightDevice: list(WeightDevice),
  BlkioDeviceReadBps: list(ThrottleDevice),
  BlkioDeviceWriteBps: list(ThrottleDevice),
  BlkioDeviceReadIOps: list(ThrottleDevice),
  BlkioDeviceWriteIOps: list(ThrottleDevice),
  CpuPeriod: int64,
  CpuQuota: int64,
  CpuRealtimePeriod: int64,
  CpuRealtimeRuntime: int64,
  CpusetCpus: string,
  CpusetMems: string,
  Devices: list(DeviceMapping),
  DeviceCgroupRules: list(string),
  DeviceRequests: list(DeviceRequest),
  KernelMemory: optional(int64),
  KernelMemoryTCP: optional(int64),
  MemoryReservation: int64,
  MemorySwap: int64,
  MemorySwappiness: nullable(int64),
  OomKillDisable: nullable(boolean),
  PidsLimit: nullable(int64),
  Ulimits: list(Ulimit),
  CpuCount: int64,
  CpuPercent: int64,
  IOMaximumIOps: uint64,
  IOMaximumBandwidth: uint64,
} as const;

export const Resources = struct('Resources', resourceFields);
export type Resources = TypeOf<typeof Resources>;

/** What Docker lets an update change. */
export const UpdateConfig = struct('UpdateConfig', { ...resourceFields, RestartPolicy });
export type UpdateConfig = TypeOf<typeof UpdateConfig>;

const BindOptions = struct('BindOptions', {
  Propagation: optional(string),
  NonRecursive: optional(boolean),
  CreateMountpoint: optional(boolean),
  ReadOnlyNonRecursive: optional(boolean),
  ReadOnlyForceRecursive: optional(boolean),
});
const VolumeOptions = struct('VolumeOptions', {
  NoCopy: optional(boolean),
  Labels: optional(map(string)),
  Subpath: optional(string),
  DriverConfig: optional(struct('Driver', { Name: optional(string), Options: optional(map(string)) })),
});
const TmpfsOptions = struct('TmpfsOptions', {
  SizeBytes: optional(int64),
  Mode: optional(uint32),
  Options: optional(list(list(string))),
});

/** One entry of HostConfig.Mounts, as asked for. */
export const Mount = struct('Mount', {
  Type: string,
  Source: optional(string),
  Target: string,
  ReadOnly: optional(boolean),
  Consistency: optional(string),
  BindOptions: optional(BindOptions),
  VolumeOptions: optional(VolumeOptions),
  ImageOptions: optional(struct('ImageOptions', { Subpath: optional(string) })),
  TmpfsOptions: optional(TmpfsOptions),
  ClusterOptions: optional(any),
});
export type Mount = TypeOf<typeof Mount>;

/** Dependent on the host. */
export const HostConfig = struct('HostConfig', {
  Binds: list(string),
  ContainerIDFile: string,
  LogConfig,
  NetworkMode: string,
  PortBindings: map(list(PortBinding)),
  RestartPolicy,
  AutoRemove: boolean,
  VolumeDriver: string,
  VolumesFrom: list(string),
  ConsoleSize: list(number),
  Annotations: optional(map(string)),
  CapAdd: list(string),
  CapDrop: list(string),
  CgroupnsMode: string,
  Dns: list(string),
  DnsOptions: list(string),
  DnsSearch: list(string),
  ExtraHosts: list(string),
  GroupAdd: list(string),
  IpcMode: string,
  Cgroup: string,
  Links: list(string),
  OomScoreAdj: int64,
  PidMode: string,
  Privileged: boolean,
  PublishAllPorts: boolean,
  ReadonlyRootfs: boolean,
  SecurityOpt: list(string),
  StorageOpt: optional(map(string)),
  Tmpfs: optional(map(string)),
  UTSMode: string,
  UsernsMode: string,
  ShmSize: int64,
  Sysctls: optional(map(string)),
  Runtime: string,
  Isolation: string,
  ...resourceFields,
  Mounts: optional(list(Mount)),
  MaskedPaths: list(string),
  ReadonlyPaths: list(string),
  Init: optional(nullable(boolean)),
});
export type HostConfig = TypeOf<typeof HostConfig>;

const EndpointIPAMConfig = struct('EndpointIPAMConfig', {
  IPv4Address: optional(string),
  IPv6Address: optional(string),
  LinkLocalIPs: optional(list(string)),
});

/** How a container is to join one network. */
export const EndpointConfig = struct('EndpointSettings', {
  IPAMConfig: nullable(EndpointIPAMConfig),
  Links: list(string),
  Aliases: list(string),
  MacAddress: string,
  DriverOpts: map(string),
  GwPriority: optional(int64),
});
export type EndpointConfig = TypeOf<typeof EndpointConfig>;

export const NetworkingConfig = struct('NetworkingConfig', { EndpointsConfig: map(EndpointConfig) });
export type NetworkingConfig = TypeOf<typeof NetworkingConfig>;

/** The body of `POST /containers/create`: ContainerConfig's keys, HostConfig and NetworkingConfig side by side. */
export const ContainerCreateRequest = struct('ContainerConfigWrapper', {
  ...ContainerConfig.fields,
  HostConfig: nullable(HostConfig),
  NetworkingConfig: nullable(NetworkingConfig),
});

/** The body of `POST /containers/{id}/exec`. */
export const ExecConfig = struct('ExecOptions', {
  User: string,
  Privileged: boolean,
  Tty: boolean,
  ConsoleSize: optional(list(number)),
  AttachStdin: boolean,
  AttachStderr: boolean,
  AttachStdout: boolean,
  DetachKeys: string,
  Env: list(string),
  WorkingDir: string,
  Cmd: list(string),
});
export type ExecConfig = TypeOf<typeof ExecConfig>;
