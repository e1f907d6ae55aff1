import { expect, test } from 'bun:test';
import { BuildProgress } from './build-progress.ts';

const { signal } = new AbortController();

function read(progress: BuildProgress) {
  return Array.fromAsync(progress.follow(signal)).then((updates) => ({
    vertexes: updates.flatMap(({ vertexes = [] }) => vertexes),
    output: updates.flatMap(({ logs = [] }) => logs.map(({ data }) => Buffer.from(data ?? []).toString())),
  }));
}

test('who reads a build first is told everything, who comes later how it stands', async () => {
  const progress = new BuildProgress();
  await progress.step('one', async () => {});
  progress.output('v', 1, Buffer.from('said'));
  const first = read(progress);
  const second = read(progress);
  await progress.step('two', async () => {});
  progress.end();
  expect((await first).vertexes.map(({ name }) => name)).toEqual(['one', 'one', 'two', 'two']);
  expect((await second).vertexes.map(({ name }) => name)).toEqual(['one', 'two', 'two']);
  expect((await second).output).toEqual(['said']);
  expect((await read(progress)).vertexes.map(({ name }) => name)).toEqual(['one', 'two']);
});

test('output that nobody reads is cut, and the latest of it told to who comes late', async () => {
  const progress = new BuildProgress();
  for (let number = 0; number < 100; number++)
    progress.output('v', 1, Buffer.alloc(1 << 18, `${number % 10}`));
  progress.end();
  const { output } = await read(progress);
  expect(output.at(-1)).toContain('[output clipped]');
  expect(output.join('').length).toBeLessThan(17 << 20);
  const late = (await read(progress)).output;
  expect(late.join('').length).toBeLessThanOrEqual(1 << 18);
});

test('a step that fails says why, and fails', async () => {
  const progress = new BuildProgress();
  const failing = progress.step('bad', () => Promise.reject(new Error('why')));
  await expect(failing).rejects.toThrow('why');
  progress.end();
  expect((await read(progress)).vertexes.at(-1)).toMatchObject({ name: 'bad', error: 'why' });
});
