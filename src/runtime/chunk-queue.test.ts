import { expect, test } from 'bun:test';
import { ChunkQueue } from './chunk-queue.ts';

function open(): { queue: ChunkQueue; calls: string[] } {
  const calls: string[] = [];
  const queue = new ChunkQueue({ pause: () => calls.push('pause'), resume: () => calls.push('resume') });
  return { queue, calls };
}

test('a queue delivers what was pushed in order, then ends', async () => {
  const { queue } = open();
  queue.push(Buffer.from('a'));
  queue.push(Buffer.from('b'));
  queue.end();
  queue.push(Buffer.from('late'));
  const chunks = [];
  for await (const chunk of queue) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe('ab');
});

test('a queue wakes a consumer that waits, with a chunk and with the end', async () => {
  const { queue } = open();
  const iterator = queue[Symbol.asyncIterator]();
  const first = iterator.next();
  queue.push(Buffer.from('a'));
  expect((await first).value?.toString()).toBe('a');
  const second = iterator.next();
  queue.end();
  expect((await second).done).toBe(true);
});

test('a queue pauses its source while the consumer is behind', async () => {
  const { queue, calls } = open();
  for (let i = 0; i < 10; i++) queue.push(new Uint8Array(64 * 1024));
  expect(calls).toEqual(['pause']);
  const iterator = queue[Symbol.asyncIterator]();
  for (let i = 0; i < 10; i++) await iterator.next();
  expect(calls).toEqual(['pause', 'resume']);
});

test('a queue lets its source go on when the consumer stops early', async () => {
  const { queue, calls } = open();
  for (let i = 0; i < 10; i++) queue.push(new Uint8Array(64 * 1024));
  for await (const _chunk of queue) break;
  queue.push(new Uint8Array(1));
  expect(calls).toEqual(['pause', 'resume']);
});
