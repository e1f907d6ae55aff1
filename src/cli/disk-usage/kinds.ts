import type { DiskUsage } from '../../wire/disk-usage-types.ts';
import { humanSize } from '../../wire/sizes.ts';
import type { ListFormat, Listing } from '../format/listing.ts';

/** One line of `system df`: what there is of a kind. Sizes in bytes. */
export interface KindRow {
  readonly type: string;
  readonly total: number;
  readonly active: number;
  readonly size: number;
  readonly reclaimable: string;
}

/**
 * The kinds in Docker's order. Of images, what used ones have for themselves is kept; all else in the store - other images, what pulls that
 * were given up have left - could go.
 */
export function kindRows(usage: DiskUsage): readonly KindRow[] {
  return [imageRow(usage), containerRow(usage), volumeRow(usage), cacheRow(usage)];
}

const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);

function imageRow({ Images, LayersSize = 0 }: DiskUsage): KindRow {
  const images = Images ?? [];
  const used = images.filter(({ Containers }) => Containers !== 0);
  const own = used.map(({ Size, SharedSize }) => (Size === -1 || SharedSize === -1 ? 0 : Size - SharedSize));
  return {
    type: 'Images',
    total: images.length,
    active: images.filter(({ Containers }) => Containers > 0).length,
    size: LayersSize,
    reclaimable: shareOf(LayersSize - sum(own), LayersSize),
  };
}

const activeStates = new Set(['running', 'paused', 'restarting']);

function containerRow({ Containers }: DiskUsage): KindRow {
  const containers = Containers ?? [];
  const active = containers.filter(({ State }) => activeStates.has(State));
  const size = sum(containers.map(({ SizeRw = 0 }) => SizeRw));
  const free = size - sum(active.map(({ SizeRw = 0 }) => SizeRw));
  return {
    type: 'Containers',
    total: containers.length,
    active: active.length,
    size,
    reclaimable: shareOf(free, size),
  };
}

function volumeRow({ Volumes }: DiskUsage): KindRow {
  const volumes = (Volumes ?? []).map(({ UsageData }) => ({
    users: UsageData?.RefCount ?? 0,
    size: Math.max(0, UsageData?.Size ?? 0),
  }));
  const size = sum(volumes.map((volume) => volume.size));
  const free = sum(volumes.filter(({ users }) => users === 0).map((volume) => volume.size));
  return {
    type: 'Local Volumes',
    total: volumes.length,
    active: volumes.filter(({ users }) => users > 0).length,
    size,
    reclaimable: shareOf(free, size),
  };
}

/** What steps share with images is counted there. */
function cacheRow({ BuildCache }: DiskUsage): KindRow {
  const records = BuildCache ?? [];
  const own = records.filter(({ Shared }) => !Shared);
  const free = own.filter(({ InUse }) => !InUse);
  return {
    type: 'Build Cache',
    total: records.length,
    active: records.filter(({ InUse }) => InUse).length,
    size: sum(own.map(({ Size }) => Size)),
    reclaimable: humanSize(sum(free.map(({ Size }) => Size))),
  };
}

function shareOf(part: number, whole: number): string {
  return whole > 0 ? `${humanSize(part)} (${Math.trunc((part * 100) / whole)}%)` : humanSize(part);
}

export const kindListing: Listing<KindRow> = {
  typeName: '*formatter.diskUsageImagesContext',
  headings: {
    Type: 'TYPE',
    TotalCount: 'TOTAL',
    Active: 'ACTIVE',
    Size: 'SIZE',
    Reclaimable: 'RECLAIMABLE',
  },
  columns: {
    Type: ({ type }) => type,
    TotalCount: ({ total }) => String(total),
    Active: ({ active }) => String(active),
    Size: ({ size }) => humanSize(size),
    Reclaimable: ({ reclaimable }) => reclaimable,
  },
};

const rawFormat =
  'type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\nreclaimable: {{.Reclaimable}}\n';

export function kindFormat(format: string): ListFormat {
  if (format === 'raw') return { template: rawFormat };
  if (format !== '' && format !== 'table') return { template: format };
  return { table: ['Type', 'TotalCount', 'Active', 'Size', 'Reclaimable'] };
}
