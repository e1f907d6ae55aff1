import { invalid } from '../../base/errors.ts';
import type { CacheRecord } from '../../build/contract.ts';
import type { BuildPruneResponse } from '../../wire/disk-usage-types.ts';
import type { Filters } from '../../wire/query.ts';
import type { Call } from '../call.ts';
import { flagFilter } from '../filters/match.ts';
import { untilFilter } from '../timestamp.ts';

export async function pruneCache({
  engine,
  context,
  query,
}: Call<'buildPrune'>): Promise<BuildPruneResponse> {
  const { deleted, bytes } = await engine.builder.prune(context, {
    all: query.all,
    reservedSpace: query['reserved-space'] ?? query['keep-storage'] ?? 0,
    maxUsedSpace: query['max-used-space'] ?? 0,
    minFreeSpace: query['min-free-space'] ?? 0,
    filter: cacheFilter(query.filters, new Date()),
  });
  return { CachesDeleted: deleted.length === 0 ? null : [...deleted], SpaceReclaimed: bytes };
}

/** What all of the filters take; of several values of one filter any. */
function cacheFilter(filters: Filters, now: Date): (record: CacheRecord) => boolean {
  const before = untilFilter(filters, now);
  const conditions: ((record: CacheRecord) => boolean)[] = [
    ({ lastUsed, created }) => before === undefined || (lastUsed ?? created).getTime() < before,
    ({ id }) => matches(filters['id'], (value) => id.startsWith(value)),
    ({ parents }) =>
      matches(filters['parent'], (value) => parents.some((parent) => parent.startsWith(value))),
    ({ type }) => matches(filters['type'], (value) => type === value),
    ({ description }) => matches(filters['description'], (value) => found(value, description)),
    flag(filters, 'inuse', ({ inUse }) => inUse),
    flag(filters, 'shared', ({ shared }) => shared),
    flag(filters, 'private', ({ shared }) => !shared),
  ];
  return (record) => conditions.every((condition) => condition(record));
}

function matches(values: readonly string[] | undefined, takes: (value: string) => boolean): boolean {
  return values === undefined || values.length === 0 || values.some(takes);
}

/** BuildKit's filters: "description~=…" is a regular expression there, a plain value must be all of it. */
function found(value: string, description: string): boolean {
  return description === value || description.includes(value);
}

/** Given without a value a flag is meant to be set. */
function flag(
  filters: Filters,
  name: string,
  of: (record: CacheRecord) => boolean,
): (record: CacheRecord) => boolean {
  const values = filters[name];
  if (values === undefined) return () => true;
  const wanted = values.every((value) => value === '') ? true : flagFilter(filters, name);
  if (wanted === undefined) throw invalid(`invalid filter '${name}'`);
  return (record) => of(record) === wanted;
}
