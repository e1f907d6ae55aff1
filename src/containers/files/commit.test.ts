import { expect, test } from 'bun:test';
import { SampanError } from '../../base/errors.ts';
import { ContainerConfig } from '../../wire/container-config.ts';
import type { CommitOptions } from '../contract.ts';
import { Harness } from '../testing/harness.ts';

const exhausted = new SampanError('exhausted', 'no space left on device');

const plain: CommitOptions = {
  reference: '',
  author: '',
  comment: '',
  pause: true,
  changes: [],
  config: undefined,
};

test('an image is made of what the container is and changed', async () => {
  using harness = new Harness({ image: { Cmd: ['sh'], Env: ['A=1'] } });
  const id = await harness.run({ config: { Cmd: ['echo', 'a b'], User: 'u' } });
  const options = { ...plain, reference: 'name', author: 'me', comment: 'words', changes: ['ENV B=2'] };
  const image = await harness.containers.commit(harness.context, id, options);
  expect(harness.commits).toMatchObject([
    {
      parent: harness.get(id).imageId,
      config: { Cmd: ['echo', 'a b'], User: 'u', Env: ['A=1', 'B=2'] },
      author: 'me',
      comment: 'words',
      createdBy: 'echo a b',
      reference: 'name',
    },
  ]);
  expect(harness.events.events.at(-2)).toMatchObject({
    action: 'commit',
    attributes: { comment: 'words', imageID: image, imageRef: 'name:latest' },
  });
});

test("the client's configuration comes before the container's", async () => {
  using harness = new Harness();
  const id = await harness.run({ config: { Cmd: ['own'], Env: ['A=1', 'B=1'], WorkingDir: '/w' } });
  const config = { ...ContainerConfig.zero(), Cmd: ['asked'], Env: ['B=2'] };
  await harness.containers.commit(harness.context, id, { ...plain, config });
  expect(harness.commits[0]?.config).toEqual({
    Cmd: ['asked'],
    Env: ['B=2', 'A=1'],
    WorkingDir: '/w',
    Labels: {},
  });
});

test.each([
  [['ENTRYPOINT ["e"]'], undefined],
  [['ENTRYPOINT ["e"]', 'CMD ["c"]'], ['c']],
  [['CMD ["c"]\nENTRYPOINT ["e"]'], ['c']],
])('an entry point of its own (%p) leaves the command %p', async (changes, command) => {
  using harness = new Harness();
  const id = await harness.run({ config: { Cmd: ['own'] } });
  await harness.containers.commit(harness.context, id, { ...plain, changes });
  expect(harness.commits[0]?.config.Cmd as unknown).toEqual(command);
});

test('a container that runs stands still meanwhile, and goes on', async () => {
  using harness = new Harness();
  const id = await harness.run();
  harness.trees.onOpen = () => expect(harness.runtime.task(id).frozen).toBe(true);
  await harness.containers.commit(harness.context, id, plain);
  expect(harness.get(id).state.status).toBe('running');
  expect(harness.events.names.slice(-3)).toEqual([
    'container pause',
    'container commit',
    'container unpause',
  ]);
});

test('a container goes on when no image could be made', async () => {
  using harness = new Harness();
  const id = await harness.run();
  harness.commitFailure = exhausted;
  await expect(harness.containers.commit(harness.context, id, plain)).rejects.toBe(exhausted);
  expect(harness.get(id).state.status).toBe('running');
  expect(harness.trees.opened).toBe(0);
  expect(harness.events.names).not.toContain('container commit');
});

test.each([
  ['that is paused stays so', true, 'paused'],
  ['that is not to stand still does not', false, 'running'],
] as const)('a container %s', async (_, paused, status) => {
  using harness = new Harness();
  const id = await harness.run();
  if (paused) await harness.containers.pause(harness.context, id);
  const before = harness.events.events.length;
  await harness.containers.commit(harness.context, id, { ...plain, pause: paused });
  expect(harness.get(id).state.status).toBe(status);
  expect(harness.events.names.slice(before)).toEqual(['container commit']);
});

test('a container that somebody let go on meanwhile is not let go on again', async () => {
  using harness = new Harness();
  const id = await harness.run();
  harness.trees.onOpen = () => harness.containers.unpause(harness.context, id);
  await harness.containers.commit(harness.context, id, plain);
  expect(harness.events.names.filter((name) => name === 'container unpause')).toHaveLength(1);
});

test('changes that are no instructions are refused before the container is touched', async () => {
  using harness = new Harness();
  const id = await harness.run();
  const committing = harness.containers.commit(harness.context, id, { ...plain, changes: ['FROM x'] });
  await expect(committing).rejects.toMatchObject({ code: 'invalid-argument' });
  expect(harness.events.names).not.toContain('container pause');
});
