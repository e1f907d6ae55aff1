import { expect, test } from 'bun:test';
import { background } from '../../base/context.ts';
import { openDatabase } from '../../base/database.ts';
import { silentLogger } from '../../base/log.ts';
import { MemoryContentStore } from '../../content/memory-store.ts';
import { buildEvent } from '../protobuf/history-messages.ts';
import { BuildHistory, type BuildStart, MAX_WAITING } from './build-history.ts';
import { HistoryStore, MAX_RECORDS } from './history-store.ts';
import { historySchema } from './schema.ts';

const context = background(silentLogger);

class Bench {
  readonly content = new MemoryContentStore();
  readonly store = new HistoryStore(openDatabase(':memory:', [historySchema]));
  readonly history = new BuildHistory(this.store, this.content);

  begin(ref: string, start: Partial<BuildStart> = {}) {
    return this.history.begin(context, { frontend: '', attributes: {}, exporters: [], ...start, ref });
  }

  end(ref: string): Promise<void> {
    this.begin(ref).end({ response: {}, results: [] });
    return this.history.finalize(ref);
  }

  async events(request: Partial<Parameters<BuildHistory['listen']>[0]> = {}) {
    const whole = { activeOnly: false, ref: '', earlyExit: true, filters: [], limit: 0, ...request };
    const events = await Array.fromAsync(this.history.listen(whole, new AbortController().signal));
    return events.map(({ type, record }) => `${type} ${record?.ref}`);
  }

  async blobs(): Promise<number> {
    return (await Array.fromAsync(this.content.list())).length;
  }
}

const { started, complete, deleted } = buildEvent;

test('builds are told of while they run and after they have ended, all at once or as it happens', async () => {
  const bench = new Bench();
  const running = bench.begin('one');
  expect(await bench.events()).toEqual([`${started} one`]);
  expect(await bench.events({ ref: 'other' })).toEqual([]);
  const given = new AbortController();
  const request = { activeOnly: false, ref: '', earlyExit: false, filters: [], limit: 0 };
  const heard: string[] = [];
  const listening = (async () => {
    for await (const { type, record } of bench.history.listen(request, given.signal)) {
      heard.push(`${type} ${record?.ref}`);
      if (type === deleted) given.abort();
    }
  })();
  running.end({ response: { a: 'b' }, results: [] });
  // Whoever asks waits for what is being written.
  expect(await bench.events({ ref: 'one' })).toEqual([`${complete} one`]);
  await bench.history.remove(context, 'one');
  await listening;
  expect(heard).toEqual([`${started} one`, `${complete} one`, `${deleted} one`]);
  await expect(bench.history.remove(context, 'one')).rejects.toMatchObject({ code: 'not-found' });
  expect(await bench.blobs()).toBe(0);
});

test('whoever reads too slowly is told so instead of being left without events', async () => {
  const bench = new Bench();
  const request = { activeOnly: true, ref: '', earlyExit: false, filters: [], limit: 0 };
  const behind = bench.history.listen(request, new AbortController().signal);
  const given = new AbortController();
  const inTime = bench.history.listen(request, given.signal);
  bench.begin('first');
  expect(await behind.next()).toMatchObject({ value: { record: { ref: 'first' } } });
  expect(await inTime.next()).toMatchObject({ value: { record: { ref: 'first' } } });
  for (let number = 0; number < MAX_WAITING; number++) bench.begin(`${number}`);
  for (let number = 0; number < MAX_WAITING; number++) {
    expect(await inTime.next()).toMatchObject({ value: { record: { ref: `${number}` } } });
  }
  bench.begin('one too many');
  expect(await inTime.next()).toMatchObject({ value: { record: { ref: 'one too many' } } });
  await expect(behind.next()).rejects.toMatchObject({ code: 'exhausted' });
  given.abort();
  expect((await inTime.next()).done).toBe(true);
});

test('as many records stay as there is room for, and those that are pinned, with their logs', async () => {
  const bench = new Bench();
  await bench.end('pinned');
  await bench.history.pin('pinned', true);
  for (let number = 0; number < MAX_RECORDS + 5; number++) {
    const build = bench.begin(`${number}`);
    build.tell({ logs: [{ vertex: 'v', data: Buffer.from(`${number}`) }] });
    build.end({ response: {}, results: [] });
    await bench.history.finalize(`${number}`);
  }
  const refs = bench.store.list().map(({ ref }) => ref);
  expect(refs).toHaveLength(MAX_RECORDS + 1);
  expect(refs).toContain('pinned');
  expect(await bench.blobs()).toBe(MAX_RECORDS + 1);
  expect(await bench.events({ limit: 3 })).toHaveLength(3);
});

test('what a build said is read again as it was, however much it was', async () => {
  const bench = new Bench();
  const build = bench.begin('loud');
  const line = Buffer.alloc(100_000, 'x');
  for (let number = 0; number < 40; number++) {
    build.tell({ vertexes: [{ digest: `${number}`, cached: number % 2 === 0, completed: { seconds: 1n } }] });
    build.tell({ logs: [{ vertex: `${number}`, stream: 1, data: line }] });
  }
  build.end({ response: {}, results: [] });
  const updates = await Array.fromAsync((await bench.history.status('loud')) ?? []);
  expect(updates.length).toBeGreaterThan(1);
  const logs = updates.flatMap((update) => update.logs ?? []);
  expect(logs.map(({ vertex }) => vertex)).toEqual(Array.from({ length: 40 }, (_, number) => `${number}`));
  expect(logs.every(({ data }) => line.equals(data ?? new Uint8Array()))).toBe(true);
  expect(await bench.history.status('unknown')).toBeUndefined();
});

test('a record has how it went: steps, the failure with its details, what is said about results', async () => {
  const bench = new Bench();
  const build = bench.begin('failed', {
    attributes: { context: 'https://me:token@h/r.git', large: 'x'.repeat(2 << 20) },
  });
  build.tell({ vertexes: [{ digest: 'a' }, { digest: 'b', cached: true, completed: { seconds: 1n } }] });
  const details = [{ typeUrl: 'type', value: Buffer.from('detail') }];
  const predicates = [{ type: 'https://slsa.dev/provenance/v1', bytes: Buffer.from('{}') }];
  const results = [{ platform: 'linux/amd64', descriptor: undefined, predicates }];
  build.end({ failure: { code: 2, message: 'broken', details }, response: {}, results });
  const request = { activeOnly: false, ref: 'failed', earlyExit: true, filters: ['status==error'], limit: 0 };
  const [event] = await Array.fromAsync(bench.history.listen(request, new AbortController().signal));
  expect(event?.record).toMatchObject({
    ...{ totalSteps: 2, completedSteps: 1, cachedSteps: 1, error: { code: 2, message: 'broken' } },
    result: { attestations: [{ size: 2, mediaType: 'application/vnd.in-toto+json' }] },
  });
  expect({ ...event?.record?.frontendAttributes }).toEqual({ context: 'https://h/r.git' });
  expect(await bench.events({ filters: ['status==completed'] })).toEqual([]);
  await expect(bench.events({ filters: ['what'] })).rejects.toMatchObject({ code: 'invalid-argument' });
});
