import type { CacheRecord as KnownRecord } from '../../build/contract.ts';
import type { CacheRecord, KindUsage } from '../../wire/disk-usage-types.ts';

export function renderCacheRecord(record: KnownRecord): CacheRecord {
  const { id, parents, type, description, inUse, shared, size, created, lastUsed, uses } = record;
  return {
    ID: id,
    ...(parents.length === 0 ? {} : { Parents: [...parents] }),
    Type: type,
    Description: description,
    InUse: inUse,
    Shared: shared,
    Size: size,
    CreatedAt: created.toISOString(),
    LastUsedAt: lastUsed?.toISOString() ?? null,
    UsageCount: uses,
  };
}

/** Bytes that the cache alone takes. */
export function builderSize(records: readonly CacheRecord[]): number {
  return records.reduce((sum, { Shared, Size }) => sum + (Shared ? 0 : Size), 0);
}

/** What images have too is not the cache's to give back. */
export function cacheSum(records: readonly CacheRecord[]): KindUsage {
  const active = records.filter(({ InUse }) => InUse);
  return {
    ActiveCount: active.length,
    TotalCount: records.length,
    Reclaimable: builderSize(records) - builderSize(active),
    TotalSize: records.reduce((sum, { Size }) => sum + Size, 0),
  };
}
