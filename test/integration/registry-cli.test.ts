import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RegistryDouble } from '../../src/distribution/testing/registry-double.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { Terminal } from '../fixtures/terminal.ts';
import { type Outcome, TestDaemon } from '../fixtures/test-daemon.ts';

/** What people do with registries, by both command lines; each must find what the other has left. */

const sampan = join(import.meta.dir, '../../sampan');

let registry: DockerRegistry;
let daemon: TestDaemon;
let home: string;

beforeAll(async () => {
  registry = await DockerRegistry.start({ ann: 'secret' });
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sampan-user-'));
});
afterEach(() => rmSync(home, { recursive: true }));

type Name = 'docker' | 'sampan';

/** Runs a command line of the user whose home this is. */
function run(name: Name, args: readonly string[], input = ''): Outcome {
  return daemon.run(name, ['--config', join(home, '.docker'), ...args], input);
}

function succeed(name: Name, args: readonly string[], input = ''): string {
  const { stdout, stderr, status } = run(name, args, input);
  if (status !== 0) throw new Error(`${name} ${args.join(' ')} exited with ${status}: ${stderr}`);
  return stdout;
}

function login(name: Name): void {
  succeed(name, ['login', '-u', 'ann', '--password-stdin', registry.host], 'secret\n');
}

const configPath = (): string => join(home, '.docker/config.json');
const config = () => JSON.parse(readFileSync(configPath(), 'utf8'));

for (const name of ['sampan', 'docker'] as const) {
  const other: Name = name === 'sampan' ? 'docker' : 'sampan';

  describe(name, () => {
    test('logs in with the right password only, and out again', () => {
      const wrong = run(name, ['login', '-u', 'ann', '--password-stdin', registry.host], 'guess\n');
      expect(wrong).toMatchObject({ stdout: '', status: 1 });
      expect(wrong.stderr).toContain('401 Unauthorized');
      expect(existsSync(configPath())).toBe(false);

      const right = run(name, ['login', '-u', 'ann', '--password-stdin', registry.host], 'secret\n');
      expect(right).toMatchObject({ stdout: 'Login Succeeded\n', status: 0 });
      expect(right.stderr).toContain(`WARNING! Your credentials are stored unencrypted in '${configPath()}'`);
      expect(statSync(configPath()).mode & 0o777).toBe(0o600);
      const auth = Buffer.from('ann:secret').toString('base64');
      expect(config()).toEqual({ auths: { [registry.host]: { auth } } });

      expect(run(other, ['login', registry.host])).toMatchObject({ stdout: 'Login Succeeded\n', status: 0 });
      expect(succeed(name, ['logout', registry.host])).toBe(
        `Removing login credentials for ${registry.host}\n`,
      );
      expect(config()).toEqual({ auths: {} });
    });

    test('logs in without a daemon too', () => {
      const args = ['-H', 'unix:///nowhere.sock', 'login', '-u', 'ann', '--password-stdin', registry.host];
      expect(run(name, args, 'guess\n')).toMatchObject({ stdout: '', status: 1 });
      expect(run(name, args, 'secret\n')).toMatchObject({ stdout: 'Login Succeeded\n', status: 0 });
      expect(Object.keys(config().auths)).toEqual([registry.host]);
    });

    test('pushes and pulls as who is logged in, and not without', () => {
      const image = `${registry.host}/${name}/tools:1`;
      succeed(name, ['tag', 'busybox', image]);
      const refused = run(name, ['push', image]);
      expect(refused.status).toBe(1);
      expect(refused.stdout).toStartWith(`The push refers to repository [${registry.host}/${name}/tools]\n`);
      expect(refused.stderr).toContain('no basic auth credentials');

      login(name);
      const pushed = succeed(name, ['push', image]);
      expect(pushed).toMatch(/^[0-9a-f]{12}: (Pushed|Mounted from .*)$/m);
      const digest = /^1: digest: (sha256:[0-9a-f]{64}) size: \d+$/m.exec(pushed)?.[1];
      expect(digest).toBeString();
      expect(succeed(other, ['push', image])).toContain(': Layer already exists\n');
      expect(succeed(other, ['push', '-q', image])).toBe(`${image}\n`);

      succeed(name, ['rmi', image]);
      const pulled = succeed(name, ['pull', image]).split('\n');
      expect(pulled[0]).toBe(`1: Pulling from ${name}/tools`);
      expect(pulled.slice(-4)).toEqual([
        `Digest: ${digest}`,
        `Status: Downloaded newer image for ${image}`,
        image,
        '',
      ]);
      expect(succeed(name, ['run', '--rm', '--pull', 'always', '-q', image, 'echo', 'ran'])).toBe('ran\n');

      succeed(name, ['logout', registry.host]);
      const denied = run(name, ['pull', image]);
      expect(denied).toMatchObject({ stdout: '', status: 1 });
      expect(denied.stderr).toContain('no basic auth credentials');
    });

    test('keeps a login in a credential helper', () => {
      const path = installHelper();
      mkdirSync(join(home, '.docker'));
      writeFileSync(configPath(), '{"credsStore":"file","psFormat":"{{.ID}}"}');
      const before = process.env['PATH'];
      process.env['PATH'] = path;
      try {
        login(name);
        expect(config()).toEqual({ credsStore: 'file', psFormat: '{{.ID}}', auths: { [registry.host]: {} } });
        expect(JSON.parse(readFileSync(join(home, 'kept'), 'utf8'))).toEqual({
          ServerURL: registry.host,
          Username: 'ann',
          Secret: 'secret',
        });
        succeed(name, ['tag', 'busybox', `${registry.host}/${name}/helped`]);
        succeed(name, ['push', `${registry.host}/${name}/helped`]);
        succeed(other, ['push', `${registry.host}/${name}/helped`]);
        succeed(name, ['logout', registry.host]);
        expect(existsSync(join(home, 'kept'))).toBe(false);
        expect(run(name, ['push', `${registry.host}/${name}/helped`]).status).toBe(1);
      } finally {
        process.env['PATH'] = before;
      }
    });

    test('makes a manifest list, pushes it and shows it', () => {
      login(name);
      const of = (path: string): string => `${registry.host}/${name}/${path}`;
      for (const image of [of('list:amd'), of('lent:arm')]) {
        succeed(name, ['tag', 'busybox', image]);
        succeed(name, ['push', image]);
      }
      const create = ['manifest', 'create', '--insecure', of('list:all'), of('list:amd'), of('lent:arm')];
      expect(succeed(name, create)).toBe(`Created manifest list ${of('list:all')}\n`);
      expect(run(name, create).stderr).toBe(
        'refusing to amend an existing manifest list with no --amend flag\n',
      );
      const variant = ['--os', 'linux', '--arch', 'arm64', '--variant', 'v8'];
      succeed(other, ['manifest', 'annotate', ...variant, of('list:all'), of('lent:arm')]);
      const local = succeed(name, ['manifest', 'inspect', of('list:all')]);
      expect(succeed(other, ['manifest', 'inspect', of('list:all')])).toBe(local);
      const platforms = JSON.parse(local).manifests.map(({ platform }: { platform: object }) => platform);
      expect(platforms).toEqual([
        { architecture: 'arm64', os: 'linux', variant: 'v8' },
        { architecture: 'amd64', os: 'linux' },
      ]);

      const [lent = '', digest = ''] = succeed(name, [
        'manifest',
        'push',
        '--insecure',
        '--purge',
        of('list:all'),
      ]).split('\n');
      expect(lent).toMatch(/^Pushed ref .*\/list@(sha256:[0-9a-f]{64}) with digest: \1$/);
      expect(digest).toBe(`sha256:${new Bun.CryptoHasher('sha256').update(local.trimEnd()).digest('hex')}`);
      expect(run(name, ['manifest', 'rm', of('list:all')]).stderr).toBe(
        `No such manifest: ${of('list:all')}\n`,
      );
      for (const flags of [['--insecure'], ['--insecure', '-v']]) {
        const remote = succeed(name, ['manifest', 'inspect', ...flags, of('list:all')]);
        expect(succeed(other, ['manifest', 'inspect', ...flags, of('list:all')])).toBe(remote);
      }
      succeed(name, ['pull', of('list:all')]);
    });

    test('searches a registry for names', () => {
      login(name);
      succeed(name, ['tag', 'busybox', `${registry.host}/${name}/findable`]);
      succeed(name, ['push', `${registry.host}/${name}/findable`]);
      const table = succeed(name, ['search', `${registry.host}/findable`]).split('\n');
      expect(table[0]).toMatch(/^NAME +DESCRIPTION +STARS +OFFICIAL$/);
      expect(table.some((line) => line.startsWith(`${name}/findable `))).toBe(true);
      const names = ['search', '--format', '{{.Name}}', '--limit', '1', `${registry.host}/${name}/find`];
      expect(succeed(name, names)).toBe(`${name}/findable\n`);
    });
  });
}

/** A credential helper that keeps one login in a file; the PATH with it. */
function installHelper(): string {
  const folder = join(home, 'bin');
  mkdirSync(folder);
  const script = `#!/bin/sh
case $1 in
  store) cat > ${home}/kept ;;
  erase) rm -f ${home}/kept ;;
  get) cat ${home}/kept 2> /dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;;
esac
`;
  writeFileSync(join(folder, 'docker-credential-file'), script);
  chmodSync(join(folder, 'docker-credential-file'), 0o755);
  return `${folder}:${process.env['PATH']}`;
}

describe('at a terminal', () => {
  const open = (...args: string[]): Terminal =>
    new Terminal([sampan, ...args], {
      SAMPAN_HOST: `unix://${daemon.socket}`,
      HOME: home,
      DOCKER_CONFIG: undefined,
    });

  test('sampan asks for user name and password, which is not seen', async () => {
    await using terminal = open('login', registry.host);
    await terminal.read(/Username: /);
    terminal.type('ann\r');
    await terminal.read(/Password: /);
    terminal.type('secret\r');
    const rest = await terminal.read(/[\s\S]*Login Succeeded/);
    expect(rest).not.toContain('secret\r');
    expect(await terminal.exited).toBe(0);
    expect(config().auths[registry.host].auth).toBe(Buffer.from('ann:secret').toString('base64'));
  });

  test('sampan draws a pull in place', async () => {
    login('sampan');
    const image = `${registry.host}/drawn/tools:1`;
    succeed('sampan', ['tag', 'busybox', image]);
    succeed('sampan', ['push', image]);
    succeed('sampan', ['rmi', image]);
    await using terminal = open('pull', image);
    const drawn = await terminal.read(/[\s\S]*Status: .*\r\n.*\r\n/);
    expect(drawn).toMatch(/[0-9a-f]{12}: (Pull complete|Already exists)\x1b\[K\r+\n/);
    expect(await terminal.exited).toBe(0);
  });

  test('Ctrl-C ends a pull of sampan, and gives the cursor back', async () => {
    await using double = new RegistryDouble();
    const layer = double.addBlob(Buffer.alloc(1 << 20));
    double.addImage('stuck', 'latest', [layer]);
    double.intercept = (_, url) =>
      url.pathname.endsWith(layer.digest)
        ? new Response(new ReadableStream({ start: (stream) => stream.enqueue(Buffer.alloc(500_000)) }))
        : undefined;
    await using terminal = open('pull', `${double.host}/stuck`);
    await terminal.read(/\x1b\[\?25l[\s\S]*Downloading \[=+> +\] .*1\.0\d+MB/);
    terminal.type('\x03');
    await terminal.read(/\x1b\[\?25h/);
    expect(await terminal.exited).toBe(130);
  });
});
