import { expect, test } from 'bun:test';
import { RetryCountdown } from './retry-countdown.ts';

const layer = `sha256:${'a'.repeat(64)}`;

/** Collects what is told, and resolves when so many messages came. */
function listen(count: number) {
  const told: (string | undefined)[] = [];
  const all = Promise.withResolvers<void>();
  return {
    told,
    all: all.promise,
    message({ id, status }: { id?: string; status?: string }): void {
      told.push(`${id}: ${status}`);
      if (told.length === count) all.resolve();
    },
  };
}

test('a countdown tells each second that is left', async () => {
  const listener = listen(3);
  using countdown = new RetryCountdown(listener, 1);
  countdown.start(layer, 3);
  await listener.all;
  expect(listener.told).toEqual([
    'aaaaaaaaaaaa: Retrying in 3 seconds',
    'aaaaaaaaaaaa: Retrying in 2 seconds',
    'aaaaaaaaaaaa: Retrying in 1 second',
  ]);
});

test('a countdown ends when its layer gets on, and not that of another layer', async () => {
  const other = `sha256:${'b'.repeat(64)}`;
  const listener = listen(4);
  using countdown = new RetryCountdown(listener, 1);
  countdown.start(layer, 9);
  countdown.start(other, 3);
  countdown.stop(layer);
  await listener.all;
  expect(listener.told.filter((line) => line?.startsWith('b'))).toHaveLength(3);
  expect(listener.told.filter((line) => line?.startsWith('a'))).toHaveLength(1);
});

test('a countdown ends with its owner', async () => {
  const listener = listen(1);
  {
    using countdown = new RetryCountdown(listener, 1);
    countdown.start(layer, 9);
  }
  await Bun.sleep(5);
  expect(listener.told).toHaveLength(1);
});
