import { invalid } from '../../base/errors.ts';
import type { CachePruneOptions, CacheRecord } from '../../build/contract.ts';
import type { UsageRecord } from '../protobuf/control-messages.ts';
import type { Value } from '../protobuf/message.ts';
import { timeOf } from './build-progress.ts';

const NANOSECONDS = 1_000_000;

export function usageOf(record: CacheRecord): Partial<Value<typeof UsageRecord>> {
  const { id, parents, type, description, inUse, shared, size, created, lastUsed, uses } = record;
  return {
    ...{ id, parents, description, inUse, shared, size, recordType: type, usageCount: uses },
    mutable: type !== 'regular',
    createdAt: timeOf(created),
    ...(lastUsed === undefined ? {} : { lastUsedAt: timeOf(lastUsed) }),
  };
}

export interface PruneWish {
  readonly filters: readonly string[];
  readonly all: boolean;
  /** Nanoseconds. */
  readonly keepDuration: number;
  readonly reservedSpace: number;
  readonly maxUsedSpace: number;
  readonly minFreeSpace: number;
}

/** Fails with `invalid-argument`. */
export function pruneOptions({ filters, keepDuration, ...wish }: PruneWish): CachePruneOptions {
  const takes = recordFilter(filters);
  const before = Date.now() - keepDuration / NANOSECONDS;
  return {
    ...wish,
    filter: (record) =>
      takes(record) && (keepDuration === 0 || (record.lastUsed ?? record.created).getTime() < before),
  };
}

/** Of several filters any, of a filter's conditions all. Fails with `invalid-argument`. */
export function recordFilter(filters: readonly string[]): (record: CacheRecord) => boolean {
  const given = filters.filter((filter) => filter !== '');
  if (given.length === 0) return () => true;
  const parsed = given.map((filter) => filter.split(',').map(condition));
  return (record) => parsed.some((conditions) => conditions.every((takes) => takes(record)));
}

const fields: Readonly<Record<string, (record: CacheRecord) => string>> = {
  id: ({ id }) => id,
  type: ({ type }) => type,
  description: ({ description }) => description,
  inuse: ({ inUse }) => String(inUse),
  shared: ({ shared }) => String(shared),
  private: ({ shared }) => String(!shared),
  mutable: ({ type }) => String(type !== 'regular'),
  immutable: ({ type }) => String(type === 'regular'),
};

/** containerd's filters: "type==regular", "description~=apt", "shared". */
function condition(text: string): (record: CacheRecord) => boolean {
  const [, name = '', operator = '', value = ''] = /^(\w+)(?:(==|!=|~=)(.*))?$/s.exec(text.trim()) ?? [];
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (field === undefined) throw invalid(`invalid filter ${JSON.stringify(text)}`);
  if (operator === '') return (record) => field(record) === 'true';
  if (operator === '==') return (record) => field(record) === value;
  if (operator === '!=') return (record) => field(record) !== value;
  return (record) => field(record).includes(value);
}
