import { invalid } from '../../base/errors.ts';
import { findDuration } from '../../wire/durations.ts';
import type { BuildRecord } from '../protobuf/history-messages.ts';
import type { Value } from '../protobuf/message.ts';

type Takes = (record: Value<typeof BuildRecord>) => boolean;

const NANOSECONDS = 1_000_000;
const CANCELLED = 'context canceled';

/** Of several filters any, of a filter's conditions all: "status==error,startedAt>=24h". Fails with `invalid-argument`. */
export function recordFilter(filters: readonly string[]): Takes {
  const given = filters.filter((filter) => filter !== '');
  if (given.length === 0) return () => true;
  const parsed = given.map((filter) => filter.split(',').map(condition));
  return (record) => parsed.some((conditions) => conditions.every((takes) => takes(record)));
}

const texts: Readonly<Record<string, (record: Value<typeof BuildRecord>) => string>> = {
  ref: ({ ref }) => ref,
  status: ({ completed, error }) => {
    if (completed === undefined) return 'running';
    if (error === undefined) return 'completed';
    return (error.message ?? '').includes(CANCELLED) ? 'canceled' : 'error';
  },
  repository: ({ frontendAttributes }) =>
    frontendAttributes['vcs:source'] ?? frontendAttributes['context'] ?? '',
};

/** Milliseconds; `undefined` while it is not known. */
const numbers: Readonly<Record<string, (record: Value<typeof BuildRecord>) => number | undefined>> = {
  startedAt: ({ created }) => timeIn(created),
  completedAt: ({ completed }) => timeIn(completed),
  duration: ({ created, completed }) => {
    const [from, to] = [timeIn(created), timeIn(completed)];
    return from === undefined || to === undefined ? undefined : to - from;
  },
};

const comparisons: Readonly<Record<string, (value: number, than: number) => boolean>> = {
  '>=': (value, than) => value >= than,
  '<=': (value, than) => value <= than,
  '>': (value, than) => value > than,
  '<': (value, than) => value < than,
};

function condition(text: string): Takes {
  const [, name = '', operator = '', value = ''] = /^(\w+)(==|!=|~=|>=|<=|>|<)(.*)$/s.exec(text.trim()) ?? [];
  const textOf = Object.hasOwn(texts, name) ? texts[name] : undefined;
  const numberOf = Object.hasOwn(numbers, name) ? numbers[name] : undefined;
  const compare = comparisons[operator];
  if (textOf !== undefined && compare === undefined) {
    if (operator === '==') return (record) => textOf(record) === value;
    if (operator === '!=') return (record) => textOf(record) !== value;
    return (record) => textOf(record).includes(value);
  }
  if (numberOf === undefined || compare === undefined)
    throw invalid(`invalid filter ${JSON.stringify(text)}`);
  const than = bound(name, value);
  return (record) => {
    const number = numberOf(record);
    return number !== undefined && compare(number, than);
  };
}

/** Times are written as such or as how long ago they were. */
function bound(name: string, text: string): number {
  const nanoseconds = findDuration(text);
  if (nanoseconds !== undefined) {
    const milliseconds = Number(nanoseconds) / NANOSECONDS;
    return name === 'duration' ? milliseconds : Date.now() - milliseconds;
  }
  const time = name === 'duration' ? Number.NaN : Date.parse(text);
  if (Number.isNaN(time)) throw invalid(`invalid value ${JSON.stringify(text)} of ${name}`);
  return time;
}

function timeIn(time: Value<typeof BuildRecord>['created']): number | undefined {
  if (time === undefined) return undefined;
  return Number(time.seconds ?? 0n) * 1_000 + (time.nanoseconds ?? 0) / NANOSECONDS;
}
