import { HealthConfig, LogConfig, Mount, PortBinding, UpdateConfig } from './container-config.ts';
import { boolean, int64, list, map, nullable, optional, string, struct, type TypeOf } from './schema.ts';

/**
 * What `POST /containers/{id}/update` takes beyond Docker's limits, below the key `Changes`. Each key may be missing; what is not named stays.
 * Keys that end with "Remove" name what goes.
 */
export const ContainerChanges = struct('ContainerChanges', {
  /** By container port, "80/tcp". */
  PublishAdd: optional(map(list(PortBinding))),
  /** The same; no bindings for all of a container port. An empty HostIp or HostPort stands for any. */
  PublishRemove: optional(map(list(PortBinding))),
  Env: optional(list(string)),
  EnvRemove: optional(list(string)),
  Labels: optional(map(string)),
  LabelsRemove: optional(list(string)),
  Hostname: optional(string),
  Domainname: optional(string),
  User: optional(string),
  WorkingDir: optional(string),
  Entrypoint: optional(list(string)),
  Cmd: optional(list(string)),
  StopSignal: optional(string),
  StopTimeout: optional(nullable(int64)),
  /** Its keys replace those that the container has. */
  Healthcheck: optional(HealthConfig),
  /** Without a `Type` the driver stays; its options are added to those that the container has, empty ones taken away. */
  LogConfig: optional(LogConfig),
  Binds: optional(list(string)),
  Mounts: optional(list(Mount)),
  Tmpfs: optional(map(string)),
  /** Where they are mounted in the container. */
  MountsRemove: optional(list(string)),
  CapAdd: optional(list(string)),
  CapDrop: optional(list(string)),
});
export type ContainerChanges = TypeOf<typeof ContainerChanges>;

/** One thing that an update changed, as it answers. */
export const AppliedChange = struct('AppliedChange', {
  /** "publish", "env", "label", "memory" ... */
  Kind: string,
  /** Which of its kind; empty where there is only one. */
  Name: string,
  Removed: boolean,
  /** "now", or "next start". */
  Applied: string,
});
export type AppliedChange = TypeOf<typeof AppliedChange>;

/** The body of `POST /containers/{id}/update`: Docker's keys, and Sampan's below one that no client of Docker's sends. */
export const ContainerUpdateRequest = struct('UpdateConfig', {
  ...UpdateConfig.fields,
  Changes: optional(ContainerChanges),
});
export type ContainerUpdateRequest = TypeOf<typeof ContainerUpdateRequest>;

/** `Changes` answers `Changes`: whoever did not send it gets Docker's answer. */
export const ContainerUpdateResponse = struct('UpdateResponse', {
  Warnings: list(string),
  Changes: optional(list(AppliedChange)),
});
export type ContainerUpdateResponse = TypeOf<typeof ContainerUpdateResponse>;
