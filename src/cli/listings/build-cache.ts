import type { DiskUsage } from '../../wire/disk-usage-types.ts';
import { humanDuration } from '../../wire/durations.ts';
import { humanSize } from '../../wire/sizes.ts';
import type { Listing } from '../format/listing.ts';
import { formatGoTime } from '../format/time.ts';

export type CacheRecord = NonNullable<DiskUsage['BuildCache']>[number];

/** Columns of builds' cache. `now` in milliseconds. */
export function cacheListing(truncate: boolean, now: number): Listing<CacheRecord> {
  const since = (time: string | null | undefined): string =>
    time ? `${humanDuration(now - Date.parse(time))} ago` : '';
  return {
    typeName: '*formatter.buildCacheContext',
    headings: {
      ID: 'CACHE ID',
      Parent: 'PARENT',
      CacheType: 'CACHE TYPE',
      Description: 'DESCRIPTION',
      InUse: 'IN USE',
      Shared: 'SHARED',
      Size: 'SIZE',
      CreatedAt: 'CREATED AT',
      CreatedSince: 'CREATED',
      LastUsedAt: 'LAST USED AT',
      LastUsedSince: 'LAST USED',
      UsageCount: 'USAGE',
    },
    columns: {
      ID: ({ ID, InUse }) => (truncate ? ID.slice(0, 12) : ID) + (InUse ? '*' : ''),
      Parent: ({ Parent, Parents }) => Parent || (Parents ?? []).join(', '),
      CacheType: ({ Type }) => Type,
      Description: ({ Description }) => Description,
      InUse: ({ InUse }) => String(InUse),
      Shared: ({ Shared }) => String(Shared),
      Size: ({ Size }) => humanSize(Size, 3),
      CreatedAt: ({ CreatedAt }) => formatGoTime(CreatedAt),
      CreatedSince: ({ CreatedAt }) => since(CreatedAt),
      LastUsedAt: ({ LastUsedAt }) => (LastUsedAt ? formatGoTime(LastUsedAt) : ''),
      LastUsedSince: ({ LastUsedAt }) => since(LastUsedAt),
      UsageCount: ({ UsageCount }) => String(UsageCount),
    },
  };
}
