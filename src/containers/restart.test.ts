import { describe, expect, test } from 'bun:test';
import { FakeRuntime } from './testing/fake-runtime.ts';
import { Harness, settle } from './testing/harness.ts';

const never = { timeout: undefined, signal: '' };

describe('restart policies', () => {
  const always = { RestartPolicy: { Name: 'always', MaximumRetryCount: 0 } };

  test('start a container again after a pause, and count', async () => {
    using harness = new Harness();
    const id = await harness.run({ hostConfig: always });
    const next = harness.containers.wait(harness.context, id, 'next-exit');
    harness.runtime.task(id).end(1);
    expect((await next).code).toBe(1);
    expect(harness.get(id)).toMatchObject({ restartCount: 1, state: { status: 'restarting', pid: 0 } });
    while (harness.get(id).state.status !== 'running') await settle();
    expect(harness.runtime.bundles).toHaveLength(2);
  });

  test('give way to a stop between two runs', async () => {
    using harness = new Harness();
    const id = await harness.run({ hostConfig: always });
    await harness.end(id, 1);
    expect(harness.get(id).state.status).toBe('restarting');
    await harness.containers.stop(harness.context, id, never);
    expect(harness.get(id).state.status).toBe('exited');
    expect(harness.runtime.bundles).toHaveLength(1);
  });

  test('heed every kill, but one that is not the StopSignal', async () => {
    using harness = new Harness({ runtime: new FakeRuntime() });
    const id = await harness.run({ hostConfig: always });
    await harness.containers.kill(harness.context, id, 'HUP');
    await harness.end(id, 129);
    expect(harness.get(id).state.status).toBe('exited');
    const other = await harness.run({ hostConfig: always, config: { StopSignal: 'TERM' } });
    await harness.containers.kill(harness.context, other, 'HUP');
    await harness.end(other, 129);
    expect(harness.get(other).state.status).toBe('restarting');
  });

  test('of kind on-failure heed success and the count', async () => {
    using harness = new Harness();
    const policy = { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 1 } };
    const id = await harness.run({ hostConfig: policy });
    await harness.end(id, 2);
    while (harness.get(id).state.status !== 'running') await settle();
    await harness.end(id, 2);
    expect(harness.get(id)).toMatchObject({ restartCount: 1, state: { status: 'exited' } });
  });
});

describe('restart', () => {
  test('stops and starts, and does not count as the end of an AutoRemove container', async () => {
    using harness = new Harness();
    const id = await harness.run({ hostConfig: { AutoRemove: true } });
    await harness.containers.restart(harness.context, id, never);
    expect(harness.get(id).state.status).toBe('running');
    expect(harness.events.names.slice(-4)).toEqual([
      'container stop',
      'network connect',
      'container start',
      'container restart',
    ]);
    await harness.end(id, 0);
    await settle();
    expect(harness.containers.list()).toEqual([]);
  });
});
