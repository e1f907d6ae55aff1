import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { defaultMounts } from '../oci/defaults.ts';
import type { NamespaceType } from '../oci/runtime-spec.ts';
import { HOST, type Operation } from '../plan/operations.ts';
import type { AttachOptions, ExecOptions, Runtime, Task } from './contract.ts';
import { StartError } from './start-error.ts';
import { context, outputOf, TestHost } from './testing/host.ts';

let host: TestHost;

beforeAll(async () => {
  host = await TestHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

const allStreams: AttachOptions = { stdin: true, stdout: true, stderr: true, detachKeys: new Uint8Array(0) };
const noTerminal = { terminal: false, stdin: false, stdinOnce: false, size: { rows: 0, columns: 0 } };

let execs = 0;

function execOptions(args: readonly string[], more: Partial<ExecOptions> = {}): ExecOptions {
  const spec = host.bundle(args).spec;
  return {
    id: (++execs).toString(16).padStart(64, 'e'),
    process: { ...spec.process, ...more.process },
    streams: noTerminal,
    attach: allStreams,
    ...more,
  };
}

/** Output and exit code of one more process. */
async function exec(
  task: Task,
  args: readonly string[],
  more: Partial<ExecOptions> = {},
): Promise<{ output: string; code: number }> {
  const process = await task.exec(context, execOptions(args, more));
  if (process.attachment === undefined) throw new Error('not attached');
  const { stdout, stderr } = await outputOf(process.attachment);
  return { output: stdout + stderr, code: (await process.exited).code };
}

describe('a process', () => {
  test('ends with its own code, or 128 and the signal', async () => {
    expect((await host.run(['sh', '-c', 'exit 7'])).exit.code).toBe(7);
    expect(
      (await host.run(['sh', '-c', 'kill -9 $$; sleep 1'], { linux: { namespaces: [{ type: 'mount' }] } }))
        .exit.code,
    ).toBe(137);
    const task = await host.start(['sleep', '100']);
    await task.signal(context, 9);
    expect((await host.end(task)).code).toBe(137);
  });

  test('reads its input and writes to both outputs', async () => {
    const bundle = { streams: { ...noTerminal, stdin: true, stdinOnce: true } };
    const task = await host.start(['sh', '-c', 'cat; echo oops >&2'], { bundle });
    const [attachment] = task.attachments;
    if (attachment === undefined) throw new Error('not attached');
    await attachment.write(new TextEncoder().encode('hello\n'));
    await attachment.end();
    expect(await outputOf(attachment)).toEqual({ stdout: 'hello\n', stderr: 'oops\n' });
    await task.exited;
    await host.runtime.forget(context, task.id);
  });

  test('has a terminal of the size asked for', async () => {
    const streams = { ...noTerminal, terminal: true, size: { rows: 33, columns: 99 } };
    const { stdout } = await host.run(['sh', '-c', 'stty size; tty; ls -l /dev/console'], {
      bundle: { streams },
    });
    expect(stdout).toStartWith('33 99\r\n/dev/pts/0\r\n');
    expect(stdout).toContain('/dev/console');
  });

  test('begins in a working directory that is made if missing', async () => {
    expect(await host.shell('pwd; stat -c "%u:%g %a" .', { process: { cwd: '/work/here' } })).toBe(
      '/work/here\n0:0 755\n',
    );
  });
});

describe('a start fails', () => {
  const cases: [string, string[], 126 | 127 | 128, string][] = [
    [
      'of a missing program',
      ['nothing-here'],
      127,
      'exec: "nothing-here": executable file not found in $PATH: unknown',
    ],
    [
      'of a missing path',
      ['/nothing/here'],
      127,
      'exec: "/nothing/here": stat /nothing/here: no such file or directory: unknown',
    ],
    ['of a file that is no program', ['/etc/passwd'], 126, 'exec: "/etc/passwd": permission denied: unknown'],
    ['of a directory', ['/etc'], 126, 'exec: "/etc": is a directory: unknown: permission denied'],
  ];

  test.each(cases)('%s', async (_, args, code, words) => {
    const error = await host.run(args).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(StartError);
    if (!(error instanceof StartError)) return;
    expect(error.exitCode).toBe(code);
    expect(error.message).toBe(
      `failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ${words}`,
    );
  });

  test('of an unknown user', async () => {
    const user = { uid: 0, gid: 0, username: 'nobody-here' };
    const started = host.run(['true'], { process: { user } });
    await expect(started).rejects.toThrow(
      /^unable to find user nobody-here: no matching entries in passwd file$/,
    );
  });

  test('with a directory mounted on a file', async () => {
    const mount = {
      destination: '/etc/passwd',
      type: 'bind',
      source: '/etc',
      options: ['rbind', 'rprivate'],
    };
    const error = await host
      .run(['true'], { spec: { mounts: [...defaultMounts(), mount] } })
      .catch((failure: unknown) => failure);
    expect(error).toMatchObject({ exitCode: 127 });
    expect(String(error)).toContain('error mounting "/etc" to rootfs at "/etc/passwd"');
    expect(String(error)).toContain(
      'not a directory: unknown: Are you trying to mount a directory onto a file',
    );
  });

  test('and leaves no directory', async () => {
    const bundle = host.bundle(['nothing-here']);
    await host.runtime.start(context, bundle).catch(() => {});
    expect(existsSync(`${host.directory}/run/containers/${bundle.id}`)).toBe(false);
    expect(await host.runtime.recover(context, bundle.id)).toEqual({ state: 'none' });
  });
});

describe('an exec', () => {
  let task: Task;
  beforeAll(async () => {
    task = await host.start(['sleep', '1000'], { linux: { resources: { pids: { limit: 30 } } } });
  });
  afterAll(() => host.end(task));

  test('shares everything with the container', async () => {
    const { output, code } = await exec(task, [
      'sh',
      '-c',
      'hostname; cat /proc/self/cgroup /proc/1/cgroup | sort -u | wc -l; grep Seccomp: /proc/self/status; pidof sleep | wc -w; exit 3',
    ]);
    const groups = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n').length;
    expect(output).toBe(`box\n${groups}\nSeccomp:\t2\n1\n`);
    expect(code).toBe(3);
  });

  test('has its own user, directory and environment', async () => {
    const process = {
      ...execOptions([]).process,
      args: ['sh', '-c', 'id -un; pwd; echo $GREETING $HOME'],
      cwd: '/tmp',
      env: ['PATH=/bin', 'GREETING=hi'],
      user: { uid: 0, gid: 0, username: 'ann' },
    };
    const { output } = await exec(task, [], { process });
    expect(output).toBe('ann\n/tmp\nhi /home/ann\n');
  });

  test('has a terminal', async () => {
    const streams = { ...noTerminal, terminal: true, size: { rows: 20, columns: 70 } };
    expect((await exec(task, ['sh', '-c', 'stty size'], { streams })).output).toBe('20 70\r\n');
  });

  test('of a missing program fails in its own words', async () => {
    const failed = task.exec(context, execOptions(['nothing-here']));
    await expect(failed).rejects.toThrow(
      /^OCI runtime exec failed: exec failed: unable to start container process: exec: "nothing-here": executable file not found in \$PATH: unknown$/,
    );
  });

  test('can be signalled', async () => {
    const process = await task.exec(context, execOptions(['sleep', '100'], { attach: undefined }));
    expect(process.attachment).toBeUndefined();
    await process.signal(context, 15);
    expect((await process.exited).code).toBe(143);
  });
});

describe('a daemon that starts again', () => {
  let second: Runtime;
  beforeAll(async () => {
    second = await host.reopen();
  });

  test('finds a running container, and runs more in it', async () => {
    const task = await host.start(['sleep', '1000']);
    const recovered = await second.recover(context, task.id);
    if (recovered.state !== 'running') throw new Error(recovered.state);
    expect(recovered.task.pid).toBe(task.pid);
    expect(recovered.task.startedAt).toEqual(task.startedAt);
    const { output } = await exec(recovered.task, ['sh', '-c', 'hostname; grep Seccomp: /proc/self/status']);
    expect(output).toBe('box\nSeccomp:\t2\n');
    await recovered.task.signal(context, 9);
    expect(await recovered.task.exited).toEqual(await task.exited);
    await host.end(task);
  });

  test('knows a paused container from one that goes on', async () => {
    const task = await host.start(['sleep', '1000']);
    await task.pause(context);
    expect(await second.recover(context, task.id)).toMatchObject({ state: 'running', paused: true });
    await task.resume(context);
    expect(await second.recover(context, task.id)).toMatchObject({ state: 'running', paused: false });
    await host.end(task);
  });

  test('finds how an ended one ended', async () => {
    const task = await host.start(['sh', '-c', 'exit 5']);
    const exit = await task.exited;
    expect(await second.recover(context, task.id)).toEqual({
      state: 'ended',
      pid: task.pid,
      startedAt: task.startedAt,
      exit,
    });
    await second.forget(context, task.id);
    expect(await second.recover(context, task.id)).toEqual({ state: 'none' });
  });

  test('ends a container whose supervisor was killed', async () => {
    const task = await host.start(['sleep', '1000']);
    process.kill(parentOf(task.pid), 'SIGKILL');
    const exit = await task.exited;
    expect(exit.code).toBe(137);
    expect(isRunning(task.pid)).toBe(false);
    await host.runtime.forget(context, task.id);
  });
});

/** Whoever inherits it may not have collected it yet. */
function isRunning(pid: number): boolean {
  if (!existsSync(`/proc/${pid}`)) return false;
  return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

describe('a container may share', () => {
  const types: [NamespaceType, string][] = [
    ['network', 'net'],
    ['uts', 'uts'],
    ['ipc', 'ipc'],
    ['pid', 'pid'],
  ];
  const namespaceOf = (task: Task, file: string): string => readlinkSync(`/proc/${task.pid}/ns/${file}`);

  test.each(types)("another container's %s namespace", async (type, file) => {
    const first = await host.start(['sleep', '1000']);
    const others = host.bundle([]).spec.linux.namespaces.filter((one) => one.type !== type);
    const namespaces = [...others, { type, path: `/proc/${first.pid}/ns/${file}` }];
    const { hostname: _, ...spec } = host.bundle(['sleep', '1000'], { linux: { namespaces } }).spec;
    const second = await host.start([], {
      bundle: { spec: type === 'uts' ? spec : { ...spec, hostname: 'other' } },
    });
    expect(namespaceOf(second, file)).toBe(namespaceOf(first, file));
    expect(namespaceOf(second, 'mnt')).not.toBe(namespaceOf(first, 'mnt'));
    const { output } = await exec(second, ['sh', '-c', 'pidof sleep | wc -w']);
    expect(output.trim()).toBe(type === 'pid' ? '2' : '1');
    await host.end(second);
    await host.end(first);
  });

  test.each(types)("the host's %s namespace", async (type, file) => {
    const namespaces = host.bundle([]).spec.linux.namespaces.filter((one) => one.type !== type);
    const { hostname: _, ...spec } = host.bundle(['sleep', '1000'], { linux: { namespaces } }).spec;
    const task = await host.start([], { bundle: { spec } });
    expect(namespaceOf(task, file)).toBe(readlinkSync(`/proc/self/ns/${file}`));
    expect((await exec(task, ['true'])).code).toBe(0);
    await host.end(task);
  });
});

test('the root of a user namespace is somebody else outside', async () => {
  const mappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const source = `${host.directory}/remapped`;
  for (const command of [
    ['cp', '-a', `${host.directory}/root`, source],
    ['chown', '-R', '100000:100000', source],
    ['chmod', '755', host.directory],
  ]) {
    expect(Bun.spawnSync(command).success).toBe(true);
  }
  const namespaces = [...host.bundle([]).spec.linux.namespaces, { type: 'user' as const }];
  const task = await host.start(['sh', '-c', 'touch /mine; sleep 1000'], {
    linux: { namespaces, uidMappings: mappings, gidMappings: mappings },
    bundle: { rootfs: [bindRoot(source)], rootTarget: source },
  });
  const { output } = await exec(task, [
    'sh',
    '-c',
    'while [ ! -e /mine ]; do sleep 0.01; done; id -u; echo > /dev/null',
  ]);
  expect(output).toBe('0\n');
  expect(statSync(`${source}/mine`).uid).toBe(100_000);
  expect(readFileSync(`/proc/${task.pid}/uid_map`, 'utf8').trim().split(/\s+/)).toEqual([
    '0',
    '100000',
    '65536',
  ]);
  await host.end(task);
});

function bindRoot(path: string): Operation {
  return {
    op: 'bind',
    sourceDir: HOST,
    sourcePath: path,
    root: HOST,
    path,
    create: 0,
    recursive: 0,
    set: 0,
    clear: 0,
    recursiveAttributes: 0,
    propagation: 0,
  };
}
