import { describe, expect, test } from 'bun:test';
import { background, type Context } from './context.ts';
import { SharedWork } from './shared-work.ts';

const context = background();

function abortable(): { context: Context; stop: AbortController } {
  const stop = new AbortController();
  return { context: { ...context, signal: stop.signal }, stop };
}

describe('shared work', () => {
  test('is done once for all who ask at the same moment, and again later', async () => {
    const work = new SharedWork<number>();
    let runs = 0;
    const count = async (): Promise<number> => {
      await Bun.sleep(1);
      return ++runs;
    };
    const ask = (): Promise<number> => work.run(context, 'key', count);
    expect(await Promise.all([ask(), ask()])).toEqual([1, 1]);
    expect(await ask()).toBe(2);
  });

  test('goes on while one still waits, and is given up with the last', async () => {
    const work = new SharedWork<void>();
    const [one, other] = [abortable(), abortable()];
    let signal: AbortSignal | undefined;
    const wait = (own: Context): Promise<void> => {
      signal = own.signal;
      return new Promise((_, reject) =>
        own.signal.addEventListener('abort', () => reject(own.signal.reason)),
      );
    };
    const waiting = [work.run(one.context, 'key', wait), work.run(other.context, 'key', wait)];
    one.stop.abort(new Error('one left'));
    await expect(waiting[0]).rejects.toThrow('one left');
    expect(signal?.aborted).toBe(false);
    other.stop.abort(new Error('all left'));
    await expect(waiting[1]).rejects.toThrow('all left');
    expect(signal?.aborted).toBe(true);
  });

  test('that fails fails for all, and can be tried again', async () => {
    const work = new SharedWork<string>();
    const failing = (): Promise<string> => Promise.reject(new Error('no'));
    const both = [work.run(context, 'key', failing), work.run(context, 'key', failing)];
    const outcomes = await Promise.allSettled(both);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await work.run(context, 'key', async () => 'yes')).toBe('yes');
  });
});
