import type { Engine, StorageKind, StorageUsage } from '../../engine/contract.ts';
import type { ContainerSummary } from '../../wire/container-types.ts';
import type { CacheRecord, DiskUsage, KindUsage } from '../../wire/disk-usage-types.ts';
import type { ImageSummary } from '../../wire/image-types.ts';
import { type ApiVersion, differs } from '../../wire/versions.ts';
import type { Volume } from '../../wire/volume-types.ts';
import { newestContainers } from '../filters/containers.ts';
import { containersByImage, selectImages } from '../filters/images.ts';
import { builderSize, cacheSum, renderCacheRecord } from './cache-record.ts';
import { renderSummary } from './container.ts';
import { renderImageSummary } from './image.ts';
import { renderVolume } from './volume.ts';

export interface DiskUsageRequest {
  readonly kinds: ReadonlySet<StorageKind>;
  readonly version: ApiVersion;
  /** Whether newer versions list items; undefined when the client did not say. */
  readonly verbose: boolean | undefined;
  readonly now: Date;
}

/** What is kept, by kind; null for a kind that was not asked for. */
interface Lists {
  readonly layersSize: number;
  readonly images: ImageSummary[] | null;
  readonly containers: ContainerSummary[] | null;
  readonly volumes: Volume[] | null;
  readonly cache: CacheRecord[] | null;
}

export function renderDiskUsage(engine: Engine, usage: StorageUsage, request: DiskUsageRequest): DiskUsage {
  const lists: Lists = {
    layersSize: usage.images?.total ?? 0,
    images: imageItems(engine, usage, request),
    containers: containerItems(engine, usage, request),
    volumes: volumeItems(engine, usage),
    cache: usage.buildCache?.map(renderCacheRecord) ?? null,
  };
  if (differs(request.version, 'diskUsageLists')) return renderLists(lists, request.version);
  const sums = renderSums(lists, request);
  // Clients that do not know `verbose` expect the lists.
  return request.verbose === undefined ? { ...renderLists(lists, request.version), ...sums } : sums;
}

function renderLists(lists: Lists, version: ApiVersion): DiskUsage {
  return {
    LayersSize: lists.layersSize,
    Images: lists.images,
    Containers: lists.containers,
    Volumes: lists.volumes,
    BuildCache: lists.cache,
    ...(differs(version, 'diskUsageBuilderSize') ? { BuilderSize: builderSize(lists.cache ?? []) } : {}),
  };
}

/** Sizes are what lies on the disk, so that what images share and have alone adds up. */
function imageItems(
  engine: Engine,
  { images }: StorageUsage,
  { version, now }: DiskUsageRequest,
): ImageSummary[] | null {
  if (images === undefined) return null;
  const users = containersByImage(engine);
  return selectImages(engine, {}, false, now).map((image) => {
    const { shared, unique } = images.images.get(image.id) ?? { shared: 0, unique: 0 };
    const containers = users.get(image.id) ?? 0;
    return renderImageSummary(image, version, { containers, size: shared + unique, shared });
  });
}

function containerItems(
  engine: Engine,
  { containers }: StorageUsage,
  { version, now }: DiskUsageRequest,
): ContainerSummary[] | null {
  if (containers === undefined) return null;
  return newestContainers(engine).map((container) =>
    renderSummary(container, engine, version, now, containers.get(container.id)),
  );
}

function volumeItems(engine: Engine, { volumes }: StorageUsage): Volume[] | null {
  if (volumes === undefined) return null;
  return engine.volumes.list().map((volume) => {
    const { bytes, users } = volumes.get(volume.name) ?? { bytes: -1, users: 0 };
    return { ...renderVolume(volume), UsageData: { RefCount: users, Size: bytes } };
  });
}

function renderSums(lists: Lists, { verbose }: DiskUsageRequest): DiskUsage {
  const { images, containers, volumes, cache } = lists;
  const withItems = <Item>(sum: KindUsage, items: Item[]) => (verbose ? { ...sum, Items: items } : sum);
  return {
    ...(images === null ? {} : { ImageUsage: withItems(imageSum(images, lists.layersSize), images) }),
    ...(containers === null ? {} : { ContainerUsage: withItems(containerSum(containers), containers) }),
    ...(volumes === null ? {} : { VolumeUsage: withItems(volumeSum(volumes), volumes) }),
    ...(cache === null ? {} : { BuildCacheUsage: withItems(cacheSum(cache), cache) }),
  };
}

interface Entry {
  readonly active: boolean;
  readonly size: number;
}

function sumOf(entries: readonly Entry[]): KindUsage {
  const active = entries.filter((entry) => entry.active);
  const total = sizeOf(entries);
  return {
    ActiveCount: active.length,
    TotalCount: entries.length,
    Reclaimable: total - sizeOf(active),
    TotalSize: total,
  };
}

function sizeOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { size }) => sum + Math.max(size, 0), 0);
}

/** What used images have alone stays; all else goes with the others. */
function imageSum(images: readonly ImageSummary[], total: number): KindUsage {
  const entries = images.map(({ Containers, Size, SharedSize }) => ({
    active: Containers > 0,
    size: Size - SharedSize,
  }));
  const used = sizeOf(entries.filter(({ active }) => active));
  return { ...sumOf(entries), Reclaimable: total - used, TotalSize: total };
}

function containerSum(containers: readonly ContainerSummary[]): KindUsage {
  const isActive = (state: string): boolean => ['running', 'paused', 'restarting'].includes(state);
  return sumOf(containers.map(({ State, SizeRw = 0 }) => ({ active: isActive(State), size: SizeRw })));
}

function volumeSum(volumes: readonly Volume[]): KindUsage {
  return sumOf(
    volumes.map(({ UsageData }) => ({
      active: (UsageData?.RefCount ?? 0) > 0,
      size: Math.max(0, UsageData?.Size ?? 0),
    })),
  );
}
