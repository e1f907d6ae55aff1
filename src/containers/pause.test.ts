import { describe, expect, test } from 'bun:test';
import { Harness } from './testing/harness.ts';

const never = { timeout: undefined, signal: '' };

describe('pause', () => {
  test('of a process that ends at that moment says that it does not run', async () => {
    using harness = new Harness();
    const id = await harness.run();
    const task = harness.runtime.task(id);
    task.pauseFailure = new Error('no such group');
    await expect(harness.containers.pause(harness.context, id)).rejects.toThrow('cannot pause container');
    task.end(0);
    await expect(harness.containers.pause(harness.context, id)).rejects.toThrow(
      `container ${id} is not running`,
    );
  });

  test('and unpause refuse what they cannot do, in words that clients know', async () => {
    using harness = new Harness();
    const id = await harness.run();
    const { pause, unpause, stop } = harness.containers;
    await expect(unpause(harness.context, id)).rejects.toThrow(`Container ${id} is not paused`);
    await pause(harness.context, id);
    expect(harness.get(id).state.status).toBe('paused');
    await expect(pause(harness.context, id)).rejects.toThrow(`Container ${id} is already paused`);
    await unpause(harness.context, id);
    await stop(harness.context, id, never);
    await expect(pause(harness.context, id)).rejects.toThrow(`container ${id} is not running`);
  });
});
