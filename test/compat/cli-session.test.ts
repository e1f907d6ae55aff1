import { afterAll, afterEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { runCommandLine } from '../../src/cli/command-line.ts';
import type { Io } from '../../src/cli/io.ts';
import { Session } from '../../src/cli/session.ts';
import { cannedAnswers } from './canned-answers.ts';
import { removeFolder } from './cli-runner.ts';
import { type FakeDaemon, frame, startFakeDaemon } from './fake-daemon.ts';

const dir = mkdtempSync('/tmp/cli-session-');
const socket = `${dir}/d.sock`;
let daemon: FakeDaemon | undefined;

afterEach(async () => {
  await daemon?.close();
  daemon = undefined;
});
afterAll(() => removeFolder(dir));

interface FakeTerminal {
  readonly io: Io;
  readonly seen: { out: string; err: string; isRaw: boolean; wasRaw: boolean };
  /** Sends a signal to whoever listens. */
  signal(name: NodeJS.Signals): void;
}

function terminal(keys: AsyncIterable<Uint8Array>, environment: Record<string, string> = {}): FakeTerminal {
  const seen = { out: '', err: '', isRaw: false, wasRaw: false };
  const listeners = new Set<{ names: readonly string[]; handler: (name: NodeJS.Signals) => void }>();
  const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const io: Io = {
    environment: { HOME: dir, DOCKER_HOST: `unix://${socket}`, ...environment },
    out: (text) => {
      seen.out += text;
    },
    err: (text) => {
      seen.err += text;
    },
    outBytes: async (bytes) => {
      seen.out += decode(bytes);
    },
    errBytes: async (bytes) => {
      seen.err += decode(bytes);
    },
    stdinIsTerminal: true,
    stdoutIsTerminal: true,
    terminalSize: () => ({ rows: 24, columns: 80 }),
    rawMode: () => {
      seen.isRaw = true;
      seen.wasRaw = true;
      return () => {
        seen.isRaw = false;
      };
    },
    stdin: () => keys,
    onSignals(names, handler) {
      const listener = { names, handler };
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return {
    io,
    seen,
    signal: (name) => {
      for (const { names, handler } of listeners) if (names.includes(name)) handler(name);
    },
  };
}

async function* typed(...keys: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const key of keys) yield new TextEncoder().encode(key);
}

async function* never(): AsyncGenerator<Uint8Array> {
  await new Promise(() => {});
}

describe('a container with a terminal', () => {
  test('gets keys and size, and the terminal is itself again afterwards', async () => {
    daemon = await startFakeDaemon(socket, cannedAnswers());
    const { io, seen } = terminal(never());
    expect(await runCommandLine(['run', '-it', 'busybox'], io)).toBe(0);
    expect(seen).toMatchObject({ wasRaw: true, isRaw: false });
    const [create] = daemon.requests;
    expect(create?.body).toMatchObject({ Tty: true, HostConfig: { ConsoleSize: [24, 80] } });
    expect(daemon.requests.some(({ target }) => /resize\?h=24&w=80$/.test(target))).toBe(true);
  });

  test('is left by the detach keys, with status 0', async () => {
    daemon = await startFakeDaemon(socket, cannedAnswers());
    const { io, seen } = terminal(typed('ls', '\x10', '\x11'));
    const answers = await runCommandLine(['run', '-it', 'busybox'], io);
    expect(answers).toBe(0);
    expect(seen.isRaw).toBe(false);
  });

  test('leaves the terminal as it was also when the start fails', async () => {
    daemon = await startFakeDaemon(socket, cannedAnswers());
    const { io, seen } = terminal(never());
    expect(await runCommandLine(['run', '-it', 'fails-missing'], io)).toBe(127);
    expect(seen).toMatchObject({ wasRaw: true, isRaw: false });
    expect(seen.err).toContain('executable file not found in $PATH');
  });
});

test('signals are passed on to the container, unless told not to', async () => {
  const release = Promise.withResolvers<void>();
  daemon = await startFakeDaemon(socket, (request) => {
    if (request.target.includes('/kill')) release.resolve();
    if (request.target.includes('/attach')) return { stream: release.promise.then(() => frame(1, 'bye\n')) };
    return cannedAnswers()(request);
  });
  const { io, seen, signal } = terminal(never());
  const running = runCommandLine(['run', 'busybox'], io);
  while (!daemon.requests.some(({ target }) => target.endsWith('/start'))) await Bun.sleep(1);
  signal('SIGTERM');
  expect(await running).toBe(0);
  expect(seen.out).toBe('bye\n');
  expect(daemon.requests.some(({ target }) => target.endsWith('/kill?signal=TERM'))).toBe(true);
});

describe('--cidfile', () => {
  test('gets the ID', async () => {
    daemon = await startFakeDaemon(socket, cannedAnswers());
    const { io } = terminal(never());
    await runCommandLine(['create', '--cidfile', `${dir}/id`, 'busybox'], io);
    expect(readFileSync(`${dir}/id`, 'utf8')).toBe('5f'.repeat(32));
  });

  test('goes again when there is no container', async () => {
    daemon = await startFakeDaemon(socket, cannedAnswers());
    const { io } = terminal(never());
    await runCommandLine(['create', '--cidfile', `${dir}/none`, '--name', 'taken', 'busybox'], io);
    expect(existsSync(`${dir}/none`)).toBe(false);
  });
});

describe('the daemon', () => {
  const noGlobals = {
    config: '',
    context: '',
    debug: false,
    host: [],
    'log-level': 'info',
    tls: false,
    tlscacert: '',
    tlscert: '',
    tlskey: '',
    tlsverify: false,
    version: false,
    help: false,
  };

  test('is started when it is missing on its default socket', async () => {
    const { io } = terminal(never(), { DOCKER_HOST: '' });
    let isStarted = false;
    const session = new Session(
      io,
      {
        startDaemon: async () => {
          isStarted = true;
        },
      },
      noGlobals,
      `unix://${socket}`,
    );
    await session.client().catch(() => {});
    expect(isStarted).toBe(true);
  });

  test('is not started where another address was given', async () => {
    const { io, seen } = terminal(never(), { DOCKER_HOST: 'unix:///nowhere/x.sock' });
    const startDaemon = () => Promise.reject(new Error('started'));
    expect(await runCommandLine(['ps'], io, { startDaemon })).toBe(1);
    expect(seen.err).toBe(
      'Cannot connect to the Docker daemon at unix:///nowhere/x.sock. Is the docker daemon running?\n',
    );
  });

  test('is found by the name of a context', async () => {
    daemon = await startFakeDaemon(socket, cannedAnswers());
    const folder = `${dir}/contexts/meta/${new Bun.CryptoHasher('sha256').update('here').digest('hex')}`;
    mkdirSync(folder, { recursive: true });
    const endpoints = { docker: { Host: `unix://${socket}`, SkipTLSVerify: false } };
    writeFileSync(
      `${folder}/meta.json`,
      JSON.stringify({ Name: 'here', Metadata: {}, Endpoints: endpoints }),
    );
    const { io, seen } = terminal(never(), { DOCKER_HOST: 'unix:///nowhere' });
    expect(await runCommandLine(['--config', dir, '-c', 'here', 'volume', 'ls', '-q'], io)).toBe(0);
    expect(seen.out).toBe('data\nvol2\nvol10\n');
  });

  test('is looked for at SAMPAN_HOST before DOCKER_HOST', async () => {
    daemon = await startFakeDaemon(socket, cannedAnswers());
    const { io, seen } = terminal(never(), {
      SAMPAN_HOST: `unix://${socket}`,
      DOCKER_HOST: 'unix:///nowhere',
    });
    expect(await runCommandLine(['volume', 'ls', '-q'], io)).toBe(0);
    expect(seen.out).toBe('data\nvol2\nvol10\n');
  });
});

describe('the configuration file', () => {
  test('gives formats, detach keys, proxies and registry credentials', async () => {
    const auth = Buffer.from('me:secret').toString('base64');
    writeFileSync(
      `${dir}/config.json`,
      JSON.stringify({
        psFormat: '{{.Names}}!',
        detachKeys: 'ctrl-x',
        proxies: { default: { httpProxy: 'http://proxy' } },
        auths: { 'https://index.docker.io/v1/': { auth } },
      }),
    );
    daemon = await startFakeDaemon(socket, cannedAnswers());
    const { io, seen } = terminal(never());
    expect(await runCommandLine(['--config', dir, 'ps'], io)).toBe(0);
    expect(seen.out).toBe('web!\nidle!\n');
    await runCommandLine(['--config', dir, 'create', '-e', 'http_proxy=own', 'busybox'], io);
    expect(daemon.requests.at(-1)?.body).toMatchObject({
      Env: ['HTTP_PROXY=http://proxy', 'http_proxy=own'],
    });
    await runCommandLine(['--config', dir, 'exec', 'web', 'x'], io);
    expect(daemon.requests.find(({ target }) => target === '/containers/web/exec')?.body).toMatchObject({
      DetachKeys: 'ctrl-x',
    });
  });
});

describe('completion', () => {
  const complete = async (...words: string[]): Promise<string[]> => {
    const { io, seen } = terminal(never());
    await runCommandLine(['__complete', '--', ...words], io);
    return seen.out
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split('\t', 1)[0] ?? '');
  };

  test('knows commands, groups and flags', async () => {
    expect(await complete('sta')).toEqual(['start', 'stats']);
    expect(await complete('network', '')).toEqual([
      'connect',
      'create',
      'disconnect',
      'inspect',
      'ls',
      'prune',
      'rm',
    ]);
    expect(await complete('run', '--health-st')).toEqual([
      '--health-start-interval',
      '--health-start-period',
    ]);
    expect(await complete('--tlsv')).toEqual(['--tlsverify']);
  });

  test('asks the daemon for names', async () => {
    daemon = await startFakeDaemon(socket, cannedAnswers());
    expect(await complete('rm', '-f', 'i')).toEqual(['idle']);
    expect(await complete('run', 'b')).toEqual(['busybox:latest']);
    expect(await complete('run', '-it', '--name', 'x', '-p', '80', 'b')).toEqual(['busybox:latest']);
    expect(await complete('run', 'busybox', 'b')).toEqual([]);
    expect(await complete('volume', 'rm', 'vol')).toEqual(['vol10', 'vol2']);
    expect(await complete('network', 'inspect', 'h')).toEqual(['host']);
  });

  test('knows the values of flags', async () => {
    daemon = await startFakeDaemon(socket, cannedAnswers());
    expect(await complete('run', '--network', 'h')).toEqual(['host']);
    expect(await complete('run', '-d', '--restart', 'un')).toEqual(['unless-stopped']);
    expect(await complete('run', '--name', '')).toEqual([]);
  });

  test('says nothing when there is no daemon to ask', async () => {
    expect(await complete('rm', '')).toEqual([]);
  });

  test.each(['bash', 'zsh', 'fish'])(
    'has a script for %s that asks the program under its own name',
    async (shell) => {
      const { io, seen } = terminal(never());
      expect(await runCommandLine(['completion', shell], io, { programName: 'docker' })).toBe(0);
      expect(seen.out).toContain('__complete');
      expect(seen.out).toContain('docker');
    },
  );
});

describe('the program’s name', () => {
  test('stands in every text', async () => {
    const { io, seen } = terminal(never());
    expect(await runCommandLine([], io)).toBe(0);
    expect(seen.err).toContain('Usage:  sampan [OPTIONS] COMMAND');
    expect(await runCommandLine(['nosuch'], io)).toBe(1);
    expect(seen.err).toContain(
      "sampan: unknown command: sampan nosuch\n\nRun 'sampan --help' for more information",
    );
    expect(await runCommandLine(['--version'], io, { version: '1.2.3', commit: 'abc' })).toBe(0);
    expect(seen.out).toBe('Sampan version 1.2.3, build abc\n');
  });

  test('the first page has every command and group', async () => {
    const { io, seen } = terminal(never());
    await runCommandLine(['--help'], io);
    for (const title of ['Common Commands:', 'Management Commands:', 'Commands:', 'Global Options:']) {
      expect(seen.out).toContain(`\n${title}\n`);
    }
    expect(seen.out).toContain('\n  run         ');
    expect(seen.out).toContain('\n  container   Manage containers\n');
    expect(seen.out).not.toContain('__complete');
  });
});
