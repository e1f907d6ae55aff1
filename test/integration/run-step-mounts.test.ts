import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { RunMount } from '../../src/build/definition/vertex.ts';
import { identityOf, type Result } from '../../src/build/solver/result.ts';
import { ProcessError } from '../../src/build/steps/process-error.ts';
import { StartError } from '../../src/runtime/start-error.ts';
import { bind, cache, secret, ssh } from '../fixtures/run-mounts.ts';
import { files, RunSteps } from '../fixtures/run-steps.ts';
import { buildStaticProgram } from '../fixtures/static-program.ts';

/** What a command of a build has mounted: files, caches, secrets and agents. */

let steps: RunSteps;

beforeAll(async () => {
  steps = await RunSteps.open();
});
afterAll(() => steps[Symbol.asyncDispose]());

describe('bind mounts of a command', () => {
  test('show files and layers, which stay as they are', async () => {
    const mounts: RunMount[] = [bind, { ...bind, target: '/e', input: 2, source: '/etc', readOnly: false }];
    const inputs = [files({ '/a': 'from the context\n' }), steps.base];
    const { output, added } = await steps.make('cat /m/a; echo x >>/e/passwd && ls /e', { mounts, inputs });
    expect(output).toBe('from the context\ngroup\npasswd\n');
    expect(added).toEqual([]);
    await expect(steps.make('echo x >/m/a', { mounts, inputs })).rejects.toThrow('exit code: 1');
  });

  test('of what is not there say so', async () => {
    const mounts = [{ ...bind, source: '/missing' }];
    await expect(steps.make('true', { mounts, inputs: [steps.base] })).rejects.toThrow(
      '"/missing": not found',
    );
  });
});

describe('cache mounts of a command', () => {
  test('keep what commands leave in them, failed and given-up ones too', async () => {
    const mounts = [cache];
    expect((await steps.make('echo 1 >/c/one', { mounts })).added).toEqual([]);
    await expect(steps.make('echo 2 >/c/two; exit 1', { mounts })).rejects.toThrow(ProcessError);
    const stop = new AbortController();
    const context = { ...steps.host.context, signal: stop.signal };
    const step = steps.step('echo 3 >/c/three; echo; sleep 1000', { mounts, context });
    const made = step.make();
    while (step.output === '') await Bun.sleep(5);
    stop.abort(new Error('enough'));
    await expect(made).rejects.toThrow('enough');
    expect((await steps.make('ls /c', { mounts })).output).toBe('one\nthree\ntwo\n');
    expect((await steps.cacheMounts.list()).some(({ inUse }) => inUse)).toBe(false);
  });

  test('begin with files or layers, and can be read-only', async () => {
    const seeded = { ...cache, id: 'seeded', input: 1, readOnly: true } as const;
    const mounts = [seeded, { ...cache, id: 'layered', target: '/l', input: 2, source: '/etc' }];
    const inputs = [files({ '/s': 'seed\n' }), steps.base];
    const { output } = await steps.make('cat /c/s; ls /l; touch /c/x || echo read-only', { mounts, inputs });
    expect(output).toStartWith('seed\ngroup\npasswd\n');
    expect(output).toContain('read-only\n');
  });

  test('are one for a command that mounts one twice, even alone', async () => {
    const locked = { ...cache, id: 'locked', sharing: 'locked' } as const;
    const mounts = [locked, { ...locked, target: '/d' }];
    expect((await steps.make('echo 1 >/c/a; cat /d/a', { mounts })).output).toBe('1\n');
  });
});

describe('a hostile neighbour in a shared cache', () => {
  test('does not lead the mounts of another command out of its root', async () => {
    const stop = new AbortController();
    const context = { ...steps.host.context, signal: stop.signal };
    const swap =
      'cd /c; mkdir real; while :; do ln -sfn /etc d; ln -sfn ../../../../../etc d; ln -sfn /proc/1/root d; rm d; mv real d; mv d real; done';
    const hostile = steps.make(`${swap} 2>/dev/null`, { mounts: [cache], context });
    hostile.catch(() => {});
    const surroundings = { secrets: async () => Buffer.from('correct horse') };
    const mounts: RunMount[] = [cache, { ...secret, target: '/c/d/planted' }];
    const names = new Set<string>();
    try {
      for (let turn = 0; turn < 25; turn++) {
        // It may fail to start: the way to the target is not there at that moment.
        const made = await steps.make('true', { mounts, surroundings }).catch((error: unknown) => {
          expect(error).toBeInstanceOf(StartError);
        });
        for (const layer of made?.added ?? []) for (const name of steps.namesIn(layer)) names.add(name);
      }
    } finally {
      stop.abort(new Error('enough'));
      await expect(hostile).rejects.toThrow('enough');
    }
    // Where a link led to in the command's own root an empty mount point may stay.
    expect([...names].filter((name) => !/^(etc\/)?(planted)?$/.test(name))).toEqual([]);
    expect(existsSync('/etc/planted')).toBe(false);
    expect(
      execFileSync('sh', [
        '-c',
        `grep -srlaF --exclude-dir=layers --exclude-dir=busybox "correct horse" ${steps.host.home} || true`,
      ]).toString(),
    ).toBe('');
  });
});

describe('secrets of a command', () => {
  const word = 'correct horse battery staple';
  const surroundings = { secrets: async (id: string) => (id === 'word' ? Buffer.from(word) : undefined) };

  test('are files and variables, and are found nowhere afterwards', async () => {
    const mounts: RunMount[] = [secret, { ...secret, target: '', env: 'WORD' }];
    const script = 'cat /run/secrets/word; echo; echo $WORD; echo done >/done';
    const { output, added } = await steps.make(script, { mounts, surroundings });
    expect(output).toBe(`${word}\n${word}\n`);
    expect(steps.namesIn(added[0])).toEqual(['done']);
    expect(
      execFileSync('sh', [
        '-c',
        `grep -srlaF --exclude-dir=layers --exclude-dir=busybox "${word}" ${steps.host.home} || true`,
      ]).toString(),
    ).toBe('');
  });

  test('that fail a command are not told', async () => {
    const mounts: RunMount[] = [{ ...secret, env: 'WORD' }];
    const error = await steps.make('exit 1', { mounts, surroundings }).catch((failure: unknown) => failure);
    expect(Bun.inspect(error)).not.toContain(word);
    const target = await steps
      .make('true', { mounts: [{ ...secret, target: '/proc/x' }], surroundings })
      .catch((failure: unknown) => failure);
    expect(target).toBeInstanceOf(StartError);
    expect(Bun.inspect(target)).not.toContain(word);
  });

  test('that are too large are refused', async () => {
    const secrets = async () => Buffer.alloc(512_001);
    await expect(steps.make('true', { mounts: [secret], surroundings: { secrets } })).rejects.toThrow(
      'too large',
    );
  });

  test('that are missing fail it only when it needs them', async () => {
    const missing = { ...secret, id: 'other' };
    await expect(steps.make('true', { mounts: [missing] })).rejects.toThrow('secret other: not found');
    const { output } = await steps
      .make('ls /run/secrets', { mounts: [{ ...missing, required: false }] })
      .catch(() => ({ output: 'none' }));
    expect(output).toBe('none');
  });
});

describe('agents of a command', () => {
  test('answer on a socket of its user while it runs', async () => {
    const agent = join(steps.host.home, 'agent');
    const server = createServer((socket) => {
      socket.once('data', (data) => socket.end(`you said ${data}`));
    }).listen(agent);
    try {
      const surroundings = { ssh: (id: string) => (id === 'default' ? agent : undefined) };
      const data = readFileSync(buildStaticProgram('unix-client'));
      const talk = await steps.host.layer([
        { type: 'file', name: 'bin/talk', mode: 0o755, size: data.length },
        data,
      ]);
      const script = 'echo $SSH_AUTH_SOCK; stat -c "%u %a %F" $SSH_AUTH_SOCK; talk $SSH_AUTH_SOCK hello';
      const root: Result = { kind: 'layers', layers: [...steps.base.layers, talk] };
      const wishes = { mounts: [ssh], surroundings, user: 'www-data', root };
      const { output } = await steps.make(script, wishes);
      expect(output).toBe('/run/buildkit/ssh_agent.0\n33 600 socket\nyou said hello');
      expect(readdirSync(join(steps.host.home, 'sockets'))).toEqual([]);
      expect(statSync(agent).uid).toBe(process.getuid?.() ?? 0);
    } finally {
      server.close();
      rmSync(agent, { force: true });
    }
  });

  test('that nobody forwards fail it only when it needs them', async () => {
    await expect(steps.make('true', { mounts: [ssh] })).rejects.toThrow('unset ssh forward key default');
    const { output } = await steps.make('test -n "$SSH_AUTH_SOCK" || echo none', {
      mounts: [{ ...ssh, required: false }],
    });
    expect(output).toBe('none\n');
  });
});

test('commands leave nothing behind', () => {
  expect(steps.host.leftovers()).toEqual([]);
  expect(identityOf(steps.base)).toStartWith('sha256:');
  expect(existsSync(join(steps.host.home, 'sockets'))).toBe(true);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(join(steps.host.home, 'mount'));
});
