import { describe, expect, test } from 'bun:test';
import { background, type Context } from '../../base/context.ts';
import type { ShellRequest } from '../contract.ts';
import { FailedSteps, type StepShell } from './failed-steps.ts';

const request: ShellRequest = {
  ...{ args: [], env: [], user: '', workingDirectory: '' },
  terminal: { rows: 1, columns: 2, input: (async function* () {})() },
  onOutput: () => {},
};

/** A step that is kept, and its ID. */
async function kept(steps: FailedSteps, run: StepShell, context: Context = background()) {
  const { promise, resolve } = Promise.withResolvers<string>();
  const over = steps.keep(context, run, resolve);
  return { id: await promise, over };
}

describe('a failed step', () => {
  test('is kept until its shell has ended, however that does', async () => {
    const steps = new FailedSteps();
    const good = await kept(steps, async () => 3);
    expect(await steps.run(background(), good.id, request)).toBe(3);
    await good.over;
    const bad = await kept(steps, () => Promise.reject(new Error('no shell')));
    await expect(steps.run(background(), bad.id, request)).rejects.toThrow('no shell');
    await bad.over;
    await expect(steps.run(background(), good.id, request)).rejects.toThrow('no such shell');
  });

  test('is not kept for long where nobody wants it', async () => {
    const { over } = await kept(new FailedSteps(1), async () => 0);
    await over;
  });

  test('has one shell, which has a size', async () => {
    const steps = new FailedSteps();
    const end = Promise.withResolvers<number>();
    const sizes: number[] = [];
    const { id, over } = await kept(steps, (_context, { terminal }) => {
      terminal.onStarted?.(async (rows, columns) => void sizes.push(rows, columns));
      return end.promise;
    });
    await expect(steps.resize(id, 5, 6)).rejects.toThrow('no such shell');
    const running = steps.run(background(), id, request);
    await expect(steps.run(background(), id, request)).rejects.toThrow('has already been started');
    await steps.resize(id, 5, 6);
    expect(sizes).toEqual([5, 6]);
    end.resolve(0);
    await Promise.all([running, over]);
  });

  test('goes with its build, and takes its shell along', async () => {
    const build = new AbortController();
    const context = { ...background(), signal: build.signal };
    const steps = new FailedSteps();
    const ended = (own: Context): Promise<number> =>
      new Promise((_, reject) => own.signal.addEventListener('abort', () => reject(own.signal.reason)));
    const { id, over } = await kept(steps, ended, context);
    const running = steps.run(background(), id, request);
    build.abort(new Error('given up'));
    await expect(running).rejects.toThrow('given up');
    await over;
  });
});
