import { HealthConfig } from './container-config.ts';
import { Platform } from './platform.ts';
import { any, boolean, int64, list, map, nullable, optional, string, struct, type TypeOf } from './schema.ts';

/** OCI's descriptor, of a manifest or an index. */
export const ImageDescriptor = struct('Descriptor', {
  mediaType: string,
  digest: string,
  size: int64,
  urls: optional(list(string)),
  annotations: optional(map(string)),
  data: optional(string),
  platform: optional(Platform),
  artifactType: optional(string),
});

/** A manifest that an image's name stands for, whether what it names is here or not. Sizes are in bytes. */
export const ImageManifest = struct('ManifestSummary', {
  ID: string,
  Descriptor: ImageDescriptor,
  Available: boolean,
  Size: struct('ManifestSize', { Content: int64, Total: int64 }),
  /** "image", "attestation" or "unknown". */
  Kind: string,
  ImageData: optional(
    struct('ImageProperties', {
      Platform: Platform,
      /** IDs of those that were made of it. */
      Containers: list(string),
      Size: struct('ImageSize', { Unpacked: int64 }),
    }),
  ),
  AttestationData: optional(struct('AttestationProperties', { For: string })),
});
export type ImageManifest = TypeOf<typeof ImageManifest>;

/** Where a container's or an image's root filesystem lies. */
export const DriverData = struct('DriverData', { Data: map(string), Name: string });
export type DriverData = TypeOf<typeof DriverData>;

/**
 * An image's defaults for its containers. Keys are sorted, as Docker sends them. Up to 1.49 it has every key of a container's
 * configuration, later only these.
 */
export const ImageConfig = struct('ImageConfig', {
  ArgsEscaped: optional(boolean),
  AttachStderr: optional(boolean),
  AttachStdin: optional(boolean),
  AttachStdout: optional(boolean),
  Cmd: list(string),
  Domainname: optional(string),
  Entrypoint: list(string),
  Env: list(string),
  ExposedPorts: optional(map(struct('struct {}', {}))),
  Healthcheck: optional(HealthConfig),
  Hostname: optional(string),
  Image: optional(string),
  Labels: map(string),
  OnBuild: list(string),
  OpenStdin: optional(boolean),
  Shell: optional(list(string)),
  StdinOnce: optional(boolean),
  StopSignal: optional(string),
  Tty: optional(boolean),
  User: string,
  Volumes: map(struct('struct {}', {})),
  WorkingDir: string,
});
export type ImageConfig = TypeOf<typeof ImageConfig>;

const RootFs = struct('RootFS', { Type: string, Layers: optional(list(string)) });

/** `GET /images/{name}/json`. */
export const ImageInspect = struct('ImageInspect', {
  Id: string,
  RepoTags: list(string),
  RepoDigests: list(string),
  Parent: string,
  Comment: string,
  Created: optional(string),
  Container: optional(string),
  ContainerConfig: optional(any),
  DockerVersion: string,
  Author: string,
  Config: nullable(ImageConfig),
  Architecture: string,
  Variant: optional(string),
  Os: string,
  OsVersion: optional(string),
  Size: int64,
  VirtualSize: optional(int64),
  GraphDriver: DriverData,
  RootFS: RootFs,
  Metadata: struct('Metadata', { LastTagTime: string }),
  Descriptor: optional(ImageDescriptor),
  Manifests: optional(list(ImageManifest)),
});
export type ImageInspect = TypeOf<typeof ImageInspect>;

/** An item of `GET /images/json`. Counts and sizes that were not asked for are -1. */
export const ImageSummary = struct('Summary', {
  Containers: int64,
  Created: int64,
  Id: string,
  Labels: map(string),
  ParentId: string,
  Descriptor: optional(ImageDescriptor),
  Manifests: optional(list(ImageManifest)),
  RepoDigests: list(string),
  RepoTags: list(string),
  SharedSize: int64,
  Size: int64,
  VirtualSize: optional(int64),
});
export type ImageSummary = TypeOf<typeof ImageSummary>;

export const ImageDelete = struct('DeleteResponse', {
  Deleted: optional(string),
  Untagged: optional(string),
});
export type ImageDelete = TypeOf<typeof ImageDelete>;

/** An item of `GET /images/{name}/history`. */
export const History = struct('HistoryResponseItem', {
  Comment: string,
  Created: int64,
  CreatedBy: string,
  Id: string,
  Size: int64,
  Tags: list(string),
});
export type History = TypeOf<typeof History>;

export const ImagePruneResponse = struct('PruneReport', {
  ImagesDeleted: list(ImageDelete),
  SpaceReclaimed: int64,
});
export type ImagePruneResponse = TypeOf<typeof ImagePruneResponse>;
