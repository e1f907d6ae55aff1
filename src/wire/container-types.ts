import { ContainerConfig, HostConfig, PortBinding } from './container-config.ts';
import { DriverData, ImageDescriptor } from './image-types.ts';
import { EndpointSettings, Port } from './network-types.ts';
import { any, boolean, int64, list, map, nullable, optional, string, struct, type TypeOf } from './schema.ts';

const HealthLog = struct('HealthcheckResult', {
  Start: string,
  End: string,
  ExitCode: int64,
  Output: string,
});
const Health = struct('Health', { Status: string, FailingStreak: int64, Log: list(HealthLog) });

/** Times are RFC 3339, "0001-01-01T00:00:00Z" for never. Running stays true while paused and while restarting. */
export const ContainerState = struct('State', {
  Status: string,
  Running: boolean,
  Paused: boolean,
  Restarting: boolean,
  OOMKilled: boolean,
  Dead: boolean,
  Pid: int64,
  ExitCode: int64,
  Error: string,
  StartedAt: string,
  FinishedAt: string,
  Health: optional(Health),
});
export type ContainerState = TypeOf<typeof ContainerState>;

const Address = struct('Address', { Addr: string, PrefixLen: int64 });

/** The keys from EndpointID to MacAddress repeat the default bridge's endpoint, up to API 1.51. */
export const NetworkSettings = struct('NetworkSettings', {
  Bridge: string,
  SandboxID: string,
  SandboxKey: string,
  Ports: map(list(PortBinding)),
  HairpinMode: optional(boolean),
  LinkLocalIPv6Address: optional(string),
  LinkLocalIPv6PrefixLen: optional(int64),
  SecondaryIPAddresses: optional(list(Address)),
  SecondaryIPv6Addresses: optional(list(Address)),
  EndpointID: optional(string),
  Gateway: optional(string),
  GlobalIPv6Address: optional(string),
  GlobalIPv6PrefixLen: optional(int64),
  IPAddress: optional(string),
  IPPrefixLen: optional(int64),
  IPv6Gateway: optional(string),
  MacAddress: optional(string),
  Networks: map(EndpointSettings),
});
export type NetworkSettings = TypeOf<typeof NetworkSettings>;

export const MountPoint = struct('MountPoint', {
  Type: optional(string),
  Name: optional(string),
  Source: string,
  Destination: string,
  Driver: optional(string),
  Mode: string,
  RW: boolean,
  Propagation: string,
});
export type MountPoint = TypeOf<typeof MountPoint>;

/** `GET /containers/{id}/json`. */
export const ContainerInspect = struct('InspectResponse', {
  Id: string,
  Created: string,
  Path: string,
  Args: list(string),
  State: ContainerState,
  Image: string,
  ResolvConfPath: string,
  HostnamePath: string,
  HostsPath: string,
  LogPath: string,
  Name: string,
  RestartCount: int64,
  Driver: string,
  Platform: string,
  MountLabel: string,
  ProcessLabel: string,
  AppArmorProfile: string,
  ExecIDs: list(string),
  HostConfig,
  GraphDriver: DriverData,
  SizeRw: optional(int64),
  SizeRootFs: optional(int64),
  Mounts: list(MountPoint),
  Config: ContainerConfig,
  NetworkSettings,
  ImageManifestDescriptor: optional(ImageDescriptor),
});
export type ContainerInspect = TypeOf<typeof ContainerInspect>;

/** An item of `GET /containers/json`. */
export const ContainerSummary = struct('Summary', {
  Id: string,
  Names: list(string),
  Image: string,
  ImageID: string,
  ImageManifestDescriptor: optional(ImageDescriptor),
  Command: string,
  Created: int64,
  Ports: list(Port),
  SizeRw: optional(int64),
  SizeRootFs: optional(int64),
  Labels: map(string),
  State: string,
  Status: string,
  HostConfig: struct('HostConfig', { NetworkMode: optional(string), Annotations: optional(map(string)) }),
  NetworkSettings: struct('NetworkSettingsSummary', { Networks: map(EndpointSettings) }),
  Mounts: list(MountPoint),
});
export type ContainerSummary = TypeOf<typeof ContainerSummary>;

export const ContainerCreateResponse = struct('CreateResponse', { Id: string, Warnings: list(string) });
export type ContainerCreateResponse = TypeOf<typeof ContainerCreateResponse>;

export const ContainerWaitResponse = struct('WaitResponse', {
  Error: optional(struct('WaitExitError', { Message: optional(string) })),
  StatusCode: int64,
});
export type ContainerWaitResponse = TypeOf<typeof ContainerWaitResponse>;

export const ContainerTopResponse = struct('TopResponse', {
  Processes: list(list(string)),
  Titles: list(string),
});
export type ContainerTopResponse = TypeOf<typeof ContainerTopResponse>;

export const ContainerPruneResponse = struct('PruneReport', {
  ContainersDeleted: list(string),
  SpaceReclaimed: int64,
});
export type ContainerPruneResponse = TypeOf<typeof ContainerPruneResponse>;

/** The body of `POST /exec/{id}/start`. */
export const ExecStartRequest = struct('ExecStartOptions', {
  Detach: boolean,
  Tty: boolean,
  ConsoleSize: optional(list(int64)),
});
export type ExecStartRequest = TypeOf<typeof ExecStartRequest>;

const ExecProcessConfig = struct('ExecProcessConfig', {
  tty: boolean,
  entrypoint: string,
  arguments: list(string),
  privileged: optional(boolean),
  user: optional(string),
});

/** `GET /exec/{id}/json`. ExitCode is null while it runs; DetachKeys is base64. */
export const ExecInspect = struct('ExecInspect', {
  ID: string,
  Running: boolean,
  ExitCode: nullable(int64),
  ProcessConfig: ExecProcessConfig,
  OpenStdin: boolean,
  OpenStderr: boolean,
  OpenStdout: boolean,
  CanRemove: boolean,
  ContainerID: string,
  DetachKeys: any,
  Pid: int64,
});
export type ExecInspect = TypeOf<typeof ExecInspect>;
