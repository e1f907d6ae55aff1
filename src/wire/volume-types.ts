import { any, int64, list, map, optional, string, struct, type TypeOf } from './schema.ts';

const UsageData = struct('UsageData', { RefCount: int64, Size: int64 });

export const Volume = struct('Volume', {
  CreatedAt: optional(string),
  Driver: string,
  Labels: map(string),
  Mountpoint: string,
  Name: string,
  Options: map(string),
  Scope: string,
  Status: optional(map(any)),
  UsageData: optional(UsageData),
});
export type Volume = TypeOf<typeof Volume>;

export const VolumeList = struct('VolumeListResponse', { Volumes: list(Volume), Warnings: list(string) });
export type VolumeList = TypeOf<typeof VolumeList>;

/** A read-only copy that is kept beside a volume. */
export const VolumeSnapshot = struct('VolumeSnapshot', { Name: string, CreatedAt: string });
export type VolumeSnapshot = TypeOf<typeof VolumeSnapshot>;

/** The body of `POST /volumes/create`. */
export const VolumeCreateRequest = struct('CreateOptions', {
  Name: string,
  Driver: string,
  DriverOpts: map(string),
  Labels: map(string),
});
export type VolumeCreateRequest = TypeOf<typeof VolumeCreateRequest>;

export const VolumePruneResponse = struct('PruneReport', {
  VolumesDeleted: list(string),
  SpaceReclaimed: int64,
});
export type VolumePruneResponse = TypeOf<typeof VolumePruneResponse>;
