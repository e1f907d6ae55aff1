import type { CachePruneOptions, CacheRecord } from '../contract.ts';

/**
 * What is to go, least recently used first. Without any limit all that the filter takes goes; with limits only as much as is above them.
 * What an image has too takes no space of its own, and goes only when all is to go.
 */
export function selectForPruning(
  records: readonly CacheRecord[],
  { all, filter, reservedSpace, maxUsedSpace, minFreeSpace }: CachePruneOptions,
  freeSpace: number,
): readonly CacheRecord[] {
  const candidates = records
    .filter((record) => !record.inUse && (all || !record.shared) && filter(record))
    .sort((left, right) => lastUse(left) - lastUse(right) || left.uses - right.uses);
  if (reservedSpace === 0 && maxUsedSpace === 0 && minFreeSpace === 0) return candidates;
  const used = records.reduce((sum, record) => sum + own(record), 0);
  let surplus = Math.max(
    // Without other limits the reserve is what shall be left.
    maxUsedSpace > 0 ? used - maxUsedSpace : minFreeSpace > 0 ? 0 : used - reservedSpace,
    minFreeSpace > 0 ? minFreeSpace - freeSpace : 0,
  );
  surplus = Math.min(surplus, used - reservedSpace);
  return candidates.filter((record) => {
    if (surplus <= 0) return false;
    surplus -= own(record);
    return own(record) > 0;
  });
}

function own({ shared, size }: CacheRecord): number {
  return shared ? 0 : size;
}

function lastUse({ lastUsed, created }: CacheRecord): number {
  return (lastUsed ?? created).getTime();
}
