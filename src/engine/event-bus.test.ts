import { describe, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import type { EngineEvent } from '../base/events.ts';
import { EventBus } from './event-bus.ts';

function event(id: string): Omit<EngineEvent, 'time' | 'timeNano'> {
  return { type: 'container', action: 'start', id, attributes: {} };
}

const now = (): bigint => BigInt(Date.now()) * 1_000_000n;

async function ids(events: AsyncIterable<EngineEvent>, count = Number.POSITIVE_INFINITY): Promise<string[]> {
  const seen: string[] = [];
  for await (const { id } of events) if (seen.push(id) >= count) break;
  return seen;
}

describe('EventBus', () => {
  test('gives new events to each subscriber in order', async () => {
    const bus = new EventBus();
    const range = { since: undefined, until: undefined };
    const [first, second] = [bus.subscribe(background(), range), bus.subscribe(background(), range)];
    for (const id of ['a', 'b', 'c']) bus.publish(event(id));
    expect(await ids(first, 3)).toEqual(['a', 'b', 'c']);
    expect(await ids(second, 2)).toEqual(['a', 'b']);
  });

  test('repeats what is remembered since a time, and ends at until', async () => {
    const bus = new EventBus();
    for (let index = 0; index < 300; index++) bus.publish(event(String(index)));
    const remembered = await ids(bus.subscribe(background(), { since: 0n, until: now() + 1_000_000n }));
    expect(remembered).toHaveLength(256);
    expect(remembered.at(-1)).toBe('299');
  });

  test('stamps grow even within one clock tick', async () => {
    const bus = new EventBus();
    for (let index = 0; index < 50; index++) bus.publish(event('x'));
    const stamps: bigint[] = [];
    const past = bus.subscribe(background(), { since: 0n, until: now() + 1_000_000n });
    for await (const { timeNano } of past) stamps.push(timeNano);
    expect(stamps.every((stamp, index) => index === 0 || stamp > (stamps[index - 1] ?? 0n))).toBe(true);
  });

  test('ends when the subscriber gives up', async () => {
    const bus = new EventBus();
    const controller = new AbortController();
    const context = { ...background(), signal: controller.signal };
    const reading = ids(bus.subscribe(context, { since: undefined, until: undefined }));
    controller.abort(new Error('gone'));
    expect(await reading).toEqual([]);
  });
});
