import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GitServer } from '../../src/build/sources/testing/git-server.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { type Outcome, TestDaemon } from '../fixtures/test-daemon.ts';
import { writeFiles } from '../fixtures/write-files.ts';

const program = join(import.meta.dir, '../../sampan');

/** What a build is asked beside an image, and what else it is given by name. */
let daemon: TestDaemon;
let home: string;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sampan-questions-'));
});
afterEach(() => rmSync(home, { recursive: true }));

function write(files: Readonly<Record<string, string | Uint8Array>>): void {
  writeFiles(home, files);
}

function build(...args: readonly string[]): Outcome {
  return daemon.run('sampan', ['build', ...args, home]);
}

const images = (): string => daemon.sampan('images', '-aq', '--no-trunc');

describe('--call', () => {
  test('says what a target can be given, and makes nothing', () => {
    write({
      Dockerfile:
        'ARG BASE=busybox\nFROM $BASE AS one\n# V is what it is\nARG V=1\nRUN --mount=type=ssh exit 1\n',
    });
    const { status, stdout } = build('--call=outline', '--build-arg', 'V=2');
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout:
        'TARGET: one\n\nBUILD ARG   VALUE     DESCRIPTION\nBASE        busybox   \nV           2         is what it is\n\nSSH       REQUIRED\ndefault   \n\n',
    });
    expect(JSON.parse(build('--call=outline,format=json').stdout)).toMatchObject({
      name: 'one',
      args: [
        { name: 'BASE', value: 'busybox' },
        { name: 'V', description: 'is what it is', value: '1' },
      ],
      ssh: [{ name: 'default' }],
    });
    expect(build('--call', 'targets').stdout).toBe('TARGET        DESCRIPTION\none (default) \n');
  });

  test('says what the linter does, and fails where that is something', () => {
    write({ Dockerfile: 'FROM busybox\nCMD run\n' });
    const { status, stdout } = build('--check');
    expect(status).toBe(1);
    expect(stdout).toStartWith('Check complete, 1 warning has been found!\n\nWARNING: JSONArgsRecommended');
    expect(JSON.parse(build('--call=check,format=json').stdout)).toMatchObject({
      warnings: [
        { ruleName: 'JSONArgsRecommended', location: { ranges: [{ start: { line: 2 }, end: { line: 2 } }] } },
      ],
    });
    expect(build('--call=check,ignorestatus=true').status).toBe(0);
    write({ Dockerfile: 'FROM busybox\nFOO\n' });
    expect(build('--check')).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/^ERROR: dockerfile parse error on line 2: unknown instruction: FOO/),
    });
  });

  test('is refused with what nobody knows', () => {
    write({ Dockerfile: 'FROM busybox\n' });
    expect(build('--call=sing').stderr).toEndWith('unsupported request frontend.sing\n');
    expect(build('--call=check,format=xml').stderr).toContain('invalid format "xml"');
    expect(build('--call=outline', '--target', 'none').stderr).toContain(
      'target stage "none" could not be found',
    );
  });
});

describe('--build-context', () => {
  const dockerfile = 'FROM busybox\nCOPY --from=given /f /f\n';

  function given(place: string): string {
    const { status, stderr } = build('-t', 'given', '--build-context', `given=${place}`);
    if (status !== 0) throw new Error(stderr);
    return daemon.sampan('run', '--rm', 'given', 'cat', '/f');
  }

  function layout(tag: string, text: string): string {
    write({ 'made/Dockerfile': 'FROM busybox\nCOPY f /f\n', 'made/f': text });
    const made = join(home, 'made');
    expect(daemon.run('sampan', ['build', '-t', `laid:${tag}`, made]).status).toBe(0);
    daemon.sampan('save', '-o', join(home, 'saved.tar'), `laid:${tag}`);
    daemon.sampan('rmi', `laid:${tag}`);
    const directory = join(home, 'layout');
    mkdirSync(directory, { recursive: true });
    Bun.spawnSync(['tar', '-C', directory, '-xf', join(home, 'saved.tar')]);
    return directory;
  }

  test('is a folder or a repository', async () => {
    write({ Dockerfile: dockerfile, 'more/f': 'of a folder' });
    expect(given(join(home, 'more'))).toBe('of a folder');
    using git = new GitServer();
    const repository = git.repository(
      'r',
      'mkdir d; echo of a repository > f; cp f d; git add .; git commit -qm 1',
    );
    // This process answers meanwhile.
    const child = Bun.spawn(
      [program, 'build', '-t', 'given', '--build-context', `given=${repository}`, home],
      {
        env: { ...process.env, SAMPAN_HOST: `unix://${daemon.socket}` },
        stderr: 'pipe',
      },
    );
    expect({ status: await child.exited, said: await child.stderr.text() }).toMatchObject({ status: 0 });
    expect(daemon.sampan('run', '--rm', 'given', 'cat', '/f')).toBe('of a repository');
  });

  test('is an image of a layout, which does not stay', () => {
    write({ Dockerfile: dockerfile });
    const directory = layout('one', 'of a layout');
    const before = images();
    const { digest } = JSON.parse(Bun.spawnSync(['cat', join(directory, 'index.json')]).stdout.toString())
      .manifests[0];
    for (const place of ['', ':one', `@${digest}`, `:one@${digest}`]) {
      expect(given(`oci-layout://${directory}${place}`)).toBe('of a layout');
      daemon.sampan('rmi', 'given');
      expect(images()).toBe(before);
    }
    const missing = build('--build-context', `given=oci-layout://${directory}:two`);
    expect(missing.stderr).toEndWith(`OCI layout ${directory} has no image "two"\n`);
    expect(build('--build-context', `given=oci-layout://${home}/none`).stderr).toContain(
      'no such file or directory',
    );
  });

  test('is an image by its digest', async () => {
    await using registry = await DockerRegistry.start();
    write({
      Dockerfile: dockerfile,
      'made/Dockerfile': 'FROM busybox\nCOPY f /f\n',
      'made/f': 'of a registry',
    });
    const name = `${registry.host}/made`;
    expect(daemon.run('sampan', ['build', '-t', name, join(home, 'made')]).status).toBe(0);
    const { stdout } = daemon.run('sampan', ['push', name]);
    const [digest = ''] = /sha256:[0-9a-f]{64}/.exec(stdout) ?? [];
    daemon.sampan('rmi', name);
    expect(given(`docker-image://${name}@${digest}`)).toBe('of a registry');
  });

  test.each(['foo://x', 'target:x', 'input:x'])('cannot be %s', (place) => {
    write({ Dockerfile: dockerfile });
    expect(build('--build-context', `given=${place}`)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`context "given" cannot be ${place}: nothing is known of `),
    });
  });
});

describe('--secret', () => {
  test('may be as large as BuildKit takes it, and is nowhere afterwards', () => {
    const secret = randomBytes(400 << 10)
      .toString('base64')
      .slice(0, 500 << 10);
    write({
      Dockerfile: 'FROM busybox\nRUN --mount=type=secret,id=s md5sum </run/secrets/s >/sum\n',
      '.dockerignore': 's',
      s: secret,
    });
    expect(build('-t', 'sum', '--secret', `id=s,src=${join(home, 's')}`).status).toBe(0);
    const sum = new Bun.CryptoHasher('md5').update(secret).digest('hex');
    expect(daemon.sampan('run', '--rm', 'sum', 'cat', '/sum')).toBe(`${sum}  -`);
    const found = Bun.spawnSync(['grep', '-rlF', secret.slice(0, 60), daemon.home]).stdout.toString();
    expect(found).toBe('');
    write({ s: `${secret}more` });
    expect(build('--secret', `id=s,src=${join(home, 's')}`).stderr).toContain('has more than 512000 bytes');
  });
});
