import { describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerStatus } from './contract.ts';
import { Harness, settle } from './testing/harness.ts';

const exit = { code: 4, finishedAt: new Date('2030-01-02T03:04:05.600Z'), oomKilled: false };

describe('a new daemon', () => {
  test('finds a running container running, its address kept', async () => {
    using harness = new Harness();
    const id = await harness.run({ name: 'web' });
    const before = harness.get(id);
    await harness.restartDaemon();
    expect(harness.get('web')).toEqual({ ...before, execIds: [] });
    expect(harness.networks.started?.map(({ ipv4Address }) => ipv4Address)).toEqual(['172.17.0.2']);
    await harness.end(id, 6);
    expect(harness.get(id).state).toMatchObject({ status: 'exited', exitCode: 6 });
  });

  test('takes over an exit that happened while there was none', async () => {
    using harness = new Harness();
    const id = await harness.run();
    const { startedAt } = harness.runtime.task(id);
    harness.runtime.tasks.clear();
    harness.runtime.ended.set(id, { state: 'ended', pid: 1, startedAt, exit });
    harness.events.events.length = 0;
    await harness.restartDaemon();
    expect(harness.get(id).state).toMatchObject({
      status: 'exited',
      exitCode: 4,
      finishedAt: '2030-01-02T03:04:05.6Z',
    });
    expect(harness.events.names).toContain('container die');
    expect(harness.networks.started).toEqual([]);
    expect(harness.runtime.forgotten).toContain(id);
  });

  test('says 255 of a container of which nothing is left', async () => {
    using harness = new Harness();
    const id = await harness.run();
    harness.runtime.tasks.clear();
    await harness.restartDaemon();
    expect(harness.get(id).state).toMatchObject({ status: 'exited', exitCode: 255, pid: 0 });
  });

  test('finishes a start whose end nobody heard', async () => {
    using harness = new Harness();
    const { id } = await harness.create();
    // As if killed between the launcher's success and the row.
    const started = harness.containers.start(harness.context, id);
    await started;
    rewriteState(harness, id, (state) => ({
      ...state,
      starting: true,
      startedBefore: false,
      state: { ...state.state, status: 'created', pid: 0, startedAt: '0001-01-01T00:00:00Z' },
    }));
    await harness.restartDaemon();
    expect(harness.get(id).state).toMatchObject({ status: 'running', pid: 100_000 });
  });

  test.each([
    ['paused', 'running', 'pause'],
    ['running', 'paused', 'unpause'],
  ] as const)('finds a container %s that was last written down as %s', async (status, written, event) => {
    using harness = new Harness();
    const id = await harness.run();
    harness.runtime.task(id).frozen = status === 'paused';
    rewriteState(harness, id, (state) => ({ ...state, state: { ...state.state, status: written } }));
    await harness.restartDaemon();
    expect(harness.get(id).state.status).toBe(status);
    expect(harness.events.names).toContain(`container ${event}`);
  });

  test('forgets a start that never got as far as a process', async () => {
    using harness = new Harness();
    const id = await harness.run();
    harness.runtime.tasks.clear();
    rewriteState(harness, id, (state) => ({
      ...state,
      starting: true,
      state: { ...state.state, status: 'created', pid: 0, startedAt: '0001-01-01T00:00:00Z' },
    }));
    await harness.restartDaemon();
    expect(harness.get(id).state.status).toBe('created');
    expect(harness.get(id).networks.bridge?.endpoint).toBeUndefined();
  });

  test('finishes a removal and undoes half a create', async () => {
    using harness = new Harness({ image: { Cmd: ['sh'], Volumes: { '/data': {} } } });
    const { id } = await harness.create();
    rewriteState(harness, id, (state) => ({
      ...state,
      removeVolumes: true,
      state: { ...state.state, status: 'removing' },
    }));
    const orphan = 'f'.repeat(64);
    harness.snapshots.keys.add(orphan);
    harness.snapshots.keys.add('a-build');
    const directory = join(harness.directory, 'containers', orphan);
    mkdirSync(directory);
    await harness.restartDaemon();
    expect(harness.containers.list()).toEqual([]);
    expect([...harness.snapshots.keys]).toEqual(['a-build']);
    expect(existsSync(directory)).toBe(false);
    expect(harness.volumes.list()).toEqual([]);
  });

  test('removes an AutoRemove container that ended meanwhile', async () => {
    using harness = new Harness();
    await harness.run({ hostConfig: { AutoRemove: true } });
    harness.runtime.tasks.clear();
    await harness.restartDaemon();
    await settle();
    expect(harness.containers.list()).toEqual([]);
  });

  test.each<[string, boolean, ContainerStatus]>([
    ['always', true, 'running'],
    ['always', false, 'running'],
    ['unless-stopped', true, 'exited'],
    ['unless-stopped', false, 'running'],
    ['no', false, 'exited'],
  ])('with policy %s and stopped by hand: %p leaves a container %s', async (policy, byHand, status) => {
    using harness = new Harness();
    const id = await harness.run({ hostConfig: { RestartPolicy: { Name: policy, MaximumRetryCount: 0 } } });
    if (byHand) await harness.containers.stop(harness.context, id, { timeout: undefined, signal: '' });
    harness.runtime.tasks.clear();
    await harness.restartDaemon();
    await settle();
    expect(harness.get(id).state.status).toBe(status);
  });

  test('brings back what the last one stopped when it went down', async () => {
    using harness = new Harness();
    const id = await harness.run({
      hostConfig: { RestartPolicy: { Name: 'unless-stopped', MaximumRetryCount: 0 } },
    });
    await harness.containers.stopAll(harness.context, 1);
    expect(harness.get(id).state.status).toBe('exited');
    await harness.restartDaemon();
    await settle();
    expect(harness.get(id).state.status).toBe('running');
  });
});

interface StoredState {
  readonly state: Readonly<Record<string, unknown>>;
}

function rewriteState(harness: Harness, id: string, change: (state: StoredState) => object): void {
  const row = harness.database
    .query<{ state: string }, [string]>('SELECT state FROM containers WHERE id = ?')
    .get(id);
  const state: StoredState = JSON.parse(row?.state ?? '{}');
  harness.database
    .query<null, [string, string]>('UPDATE containers SET state = ? WHERE id = ?')
    .run(JSON.stringify(change(state)), id);
}
