import { describe, expect, test } from 'bun:test';
import { Slots } from './slots.ts';

const never = new AbortController().signal;

/** Work that ends when it is told to. */
function job(started: string[], name: string): { run: () => Promise<void>; end: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    run: () => {
      started.push(name);
      return promise;
    },
    end: resolve,
  };
}

describe('slots', () => {
  test('let so many work at once, the others in their turn', async () => {
    const slots = new Slots(() => 2);
    const started: string[] = [];
    const jobs = ['a', 'b', 'c', 'd'].map((name) => job(started, name));
    const running = jobs.map(({ run }) => slots.run(never, run));
    await Bun.sleep(0);
    expect(started).toEqual(['a', 'b']);
    expect(slots.areTaken).toBe(true);
    jobs[1]?.end();
    await running[1];
    await Bun.sleep(0);
    expect(started).toEqual(['a', 'b', 'c']);
    for (const { end } of jobs) end();
    await Promise.all(running);
    expect(started).toEqual(['a', 'b', 'c', 'd']);
    expect(slots.areTaken).toBe(false);
  });

  test('are free again after work that fails', async () => {
    const slots = new Slots(() => 1);
    await expect(slots.run(never, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await slots.run(never, async () => 'yes')).toBe('yes');
  });

  test('are not given to whoever was given up while waiting', async () => {
    const slots = new Slots(() => 1);
    const started: string[] = [];
    const first = job(started, 'first');
    const running = slots.run(never, first.run);
    const stop = new AbortController();
    const waiting = slots.run(stop.signal, job(started, 'second').run);
    stop.abort(new Error('given up'));
    await expect(waiting).rejects.toThrow('given up');
    first.end();
    await running;
    expect(started).toEqual(['first']);
    expect(slots.areTaken).toBe(false);
  });

  test('pass on from whoever is given up when its turn has come', async () => {
    const slots = new Slots(() => 1);
    const started: string[] = [];
    const first = job(started, 'first');
    const running = slots.run(never, first.run);
    const stop = new AbortController();
    const second = slots.run(stop.signal, job(started, 'second').run);
    const third = slots.run(never, async () => started.push('third'));
    // Called, it listens no more, and has not gone on yet.
    const { signal } = stop;
    const remove = signal.removeEventListener.bind(signal);
    signal.removeEventListener = (...listener: Parameters<typeof remove>) => {
      remove(...listener);
      stop.abort(new Error('given up'));
    };
    first.end();
    await expect(second).rejects.toThrow('given up');
    await Promise.all([running, third]);
    expect(started).toEqual(['first', 'third']);
  });
});
