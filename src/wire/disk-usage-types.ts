import { ContainerSummary } from './container-types.ts';
import { ImageSummary } from './image-types.ts';
import {
  boolean,
  int64,
  list,
  nullable,
  optional,
  type Schema,
  string,
  struct,
  type TypeOf,
} from './schema.ts';
import { Volume } from './volume-types.ts';

export const CacheRecord = struct('CacheRecord', {
  ID: string,
  Parent: optional(string),
  Parents: optional(list(string)),
  Type: string,
  Description: string,
  InUse: boolean,
  Shared: boolean,
  Size: int64,
  CreatedAt: string,
  LastUsedAt: nullable(string),
  UsageCount: int64,
});
export type CacheRecord = TypeOf<typeof CacheRecord>;

function usageOf<Item>(typeName: string, item: Schema<Item>) {
  return struct(typeName, {
    ActiveCount: int64,
    TotalCount: int64,
    Reclaimable: int64,
    TotalSize: int64,
    Items: optional(list(item)),
  });
}

const ImageUsage = usageOf('ImagesDiskUsage', ImageSummary);
const ContainerUsage = usageOf('ContainersDiskUsage', ContainerSummary);
const VolumeUsage = usageOf('VolumesDiskUsage', Volume);
const BuildCacheUsage = usageOf('BuildCacheDiskUsage', CacheRecord);
/** Of one kind: Items only where they were asked for. */
export type KindUsage = Omit<TypeOf<typeof ImageUsage>, 'Items'>;

/**
 * `GET /system/df`: lists up to API 1.51 (null for a kind that was not asked for), sums by kind from 1.52 on. There, the lists stay
 * unless `verbose` is given.
 */
export const DiskUsage = struct('DiskUsage', {
  LayersSize: optional(int64),
  Images: optional(list(ImageSummary)),
  Containers: optional(list(ContainerSummary)),
  Volumes: optional(list(Volume)),
  BuildCache: optional(list(CacheRecord)),
  BuilderSize: optional(int64),
  ImageUsage: optional(ImageUsage),
  ContainerUsage: optional(ContainerUsage),
  VolumeUsage: optional(VolumeUsage),
  BuildCacheUsage: optional(BuildCacheUsage),
});
export type DiskUsage = TypeOf<typeof DiskUsage>;

/** `POST /build/prune`. */
export const BuildPruneResponse = struct('CachePruneReport', {
  CachesDeleted: list(string),
  SpaceReclaimed: int64,
});
export type BuildPruneResponse = TypeOf<typeof BuildPruneResponse>;
