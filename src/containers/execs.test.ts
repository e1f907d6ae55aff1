import { describe, expect, test } from 'bun:test';
import { StartError } from '../runtime/start-error.ts';
import { ExecConfig } from '../wire/container-config.ts';
import { Harness, settle } from './testing/harness.ts';

const config: ExecConfig = { ...ExecConfig.zero(), Cmd: ['ls', '-l'], AttachStdout: true };
const attached = { detach: false, terminal: false, size: { rows: 0, columns: 0 } };

describe('an exec', () => {
  test('is made, started and ended, with its events', async () => {
    using harness = new Harness();
    const id = await harness.run();
    const { execs } = harness.containers;
    const exec = await execs.create(harness.context, id, config);
    expect(harness.get(id).execIds).toEqual([exec]);
    expect(execs.get(exec)).toMatchObject({ running: false, exitCode: null, containerId: id });
    await execs.start(harness.context, exec, attached);
    await settle();
    expect(execs.get(exec)).toMatchObject({ running: false, exitCode: 3, pid: 101_000 });
    expect(harness.get(id).execIds).toEqual([]);
    const published = harness.events.events.slice(-3);
    expect(published.map(({ action }) => action)).toEqual([
      'exec_create: ls -l',
      'exec_start: ls -l',
      'exec_die',
    ]);
    expect(published.at(-1)?.attributes).toMatchObject({ execID: exec, exitCode: '3' });
    await expect(execs.start(harness.context, exec, attached)).rejects.toThrow(
      `exec command ${exec} has already run`,
    );
  });

  test('has the environment, user and directory of the container under its own', async () => {
    using harness = new Harness();
    const id = await harness.run({
      config: { Env: ['A=1', 'B=2'], User: 'web', WorkingDir: '/srv', Hostname: 'box' },
    });
    const own = { ...config, Env: ['B=3', 'A'], Tty: true, Privileged: true };
    const exec = await harness.containers.execs.create(harness.context, id, own);
    await harness.containers.execs.start(harness.context, exec, attached);
    const process = harness.runtime.task(id).execs[0]?.process;
    expect(process?.env).toEqual([
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'HOSTNAME=box',
      'TERM=xterm',
      'B=3',
    ]);
    expect(process).toMatchObject({ cwd: '/srv', user: { username: 'web' }, terminal: true });
    expect(process?.capabilities?.bounding).toContain('CAP_SYS_ADMIN');
  });

  test('that cannot be started says why in its stream', async () => {
    using harness = new Harness();
    const id = await harness.run();
    const text =
      'OCI runtime exec failed: exec failed: exec: "x": executable file not found in $PATH: unknown';
    harness.runtime.task(id).execFailure = new StartError(127, text);
    const { execs } = harness.containers;
    const exec = await execs.create(harness.context, id, config);
    const attachment = await execs.start(harness.context, exec, attached);
    const frames = await Array.fromAsync(attachment?.frames ?? []);
    expect(new TextDecoder().decode(frames[0]?.subarray(8))).toBe(`${text}\r\n`);
    expect(execs.get(exec)).toMatchObject({ running: false, exitCode: 127 });
    const detached = await execs.create(harness.context, id, config);
    await expect(execs.start(harness.context, detached, { ...attached, detach: true })).rejects.toThrow(text);
  });

  test('is refused where nothing can run', async () => {
    using harness = new Harness();
    const { id } = await harness.create({ name: 'web' });
    const { execs } = harness.containers;
    const create = () => execs.create(harness.context, 'web', config);
    await expect(create()).rejects.toThrow(`container ${id} is not running`);
    await harness.containers.start(harness.context, id);
    await expect(execs.create(harness.context, id, { ...config, Cmd: [] })).rejects.toThrow(
      'No exec command specified',
    );
    const exec = await create();
    await harness.containers.pause(harness.context, id);
    await expect(create()).rejects.toThrow('Container web is paused, unpause the container before exec');
    await harness.containers.unpause(harness.context, id);
    await harness.end(id, 0);
    expect(() => execs.get(exec)).toThrow(`No such exec instance: ${exec}`);
    expect(harness.get(id).execIds).toEqual([]);
  });
});
