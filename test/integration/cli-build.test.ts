import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { Terminal } from '../fixtures/terminal.ts';
import { type Outcome, TestDaemon } from '../fixtures/test-daemon.ts';
import { writeFiles } from '../fixtures/write-files.ts';

/** `sampan build` as people use it, on a daemon that really builds. */

const sampan = join(import.meta.dir, '../../sampan');

let daemon: TestDaemon;
let home: string;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sampan-build-'));
});
afterEach(() => rmSync(home, { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  writeFiles(home, files);
}

function build(args: readonly string[], input = ''): Outcome {
  return daemon.run('sampan', ['build', ...args], input);
}

function succeed(args: readonly string[], input = ''): Outcome {
  const outcome = build(args, input);
  if (outcome.status !== 0) throw new Error(`build ${args.join(' ')} failed: ${outcome.stderr}`);
  return outcome;
}

const id = /^sha256:[0-9a-f]{64}$/;

describe('a build', () => {
  test('makes an image that runs, and makes nothing twice', () => {
    write({
      Dockerfile: 'FROM busybox\nRUN echo built > /made\nCOPY a /\nCMD cat /made /a\n',
      a: 'copied\n',
    });
    const first = succeed(['-t', 'app', home]);
    expect(first.stderr).toContain('RUN echo built > /made\n');
    expect(first.stderr).toContain('naming to docker.io/library/app:latest done\n');
    expect(daemon.sampan('run', '--rm', 'app')).toBe('built\ncopied');
    const second = succeed(['-t', 'app', home]);
    expect(second.stderr.match(/^#\d+ CACHED$/gm)).toHaveLength(2);
    expect(second.stdout).toBe('');
    expect(daemon.sampan('ps', '-aq')).toBe('');
  });

  test('ends with the status of the command that failed, after its output and the lines of the Dockerfile', () => {
    write({ Dockerfile: 'FROM busybox\n\nRUN echo reason; exit 7\n' });
    const { status, stderr } = build(['--no-cache', home]);
    expect(status).toBe(7);
    expect(stderr).toMatch(/------\n > \[[^\]]*\] RUN echo reason; exit 7:\n\d+\.\d+ reason\n------\n/);
    expect(stderr).toContain('Dockerfile:3\n--------------------\n');
    expect(stderr).toContain('   3 | >>> RUN echo reason; exit 7\n');
    expect(stderr).toEndWith(
      'ERROR: failed to build: failed to solve: process "/bin/sh -c echo reason; exit 7" did not complete successfully: exit code: 7\n',
    );
    const classic = daemon.run('docker', ['build', '--no-cache', home]);
    expect(classic.status).toBe(7);
    expect(classic.stderr).toEndWith(
      "The command '/bin/sh -c echo reason; exit 7' returned a non-zero code: 7\n",
    );
  });

  test('says the ID alone when it is to be quiet, and writes it where it is wanted', () => {
    write({ Dockerfile: 'FROM busybox\nLABEL quiet=yes\n' });
    const files = ['--iidfile', join(home, 'id'), '--metadata-file', join(home, 'metadata')];
    const { stdout, stderr } = succeed(['-q', '-t', 'quiet:1', ...files, home]);
    expect(stdout.trim()).toMatch(id);
    expect(stderr).toBe('');
    expect(readFileSync(join(home, 'id'), 'utf8')).toBe(stdout.trim());
    expect(JSON.parse(readFileSync(join(home, 'metadata'), 'utf8'))).toMatchObject({
      'containerimage.config.digest': stdout.trim(),
      'image.name': 'docker.io/library/quiet:1',
    });
    expect(daemon.sampan('images', '-q', '--no-trunc', 'quiet:1')).toBe(stdout.trim());
  });

  test('takes Dockerfiles and archives from standard input', () => {
    write({ a: 'from the context\n' });
    const file = 'FROM busybox\nCOPY a /a\nRUN cat /a\n';
    expect(succeed(['--no-cache', '-f', '-', home], file).stderr).toContain(' from the context\n');
    expect(succeed(['--no-cache', '-'], 'FROM busybox\nRUN echo alone\n').stderr).toContain(' alone\n');
  });

  test('sends of a large context only what has changed', () => {
    const files = Array.from({ length: 1300 }, (_, index) => [`context/f${index}`, `text ${index}\n`]);
    write({ ...Object.fromEntries(files), 'context/.dockerignore': 'f9*\n' });
    const file = 'FROM busybox\nCOPY . /c\nRUN echo $(ls /c | wc -l) $(cat /c/f7)\n';
    const sent = (): string[] => {
      const { stderr } = succeed(['-f', '-', join(home, 'context')], file);
      const unit = /transferring context: [\d.]+(k?B|MB)(?: [\d.]+s)? done/.exec(stderr)?.[1] ?? '';
      return [unit, /\d (\d+ .*text.*)/.exec(stderr)?.[1] ?? ''];
    };
    expect(sent()).toEqual(['MB', '1189 text 7']);
    expect(sent()).toEqual(['kB', '']);
    write({ 'context/f7': 'other text\n', 'context/f8': 'text 8\n' });
    rmSync(join(home, 'context/f1'));
    expect(sent()).toEqual(['kB', '1188 other text']);
  });

  test('gives secrets and other contexts to steps, and keeps no secret', () => {
    write({
      Dockerfile:
        'FROM busybox\nRUN --mount=type=secret,id=token md5sum /run/secrets/token\nCOPY --from=other b /b\nCMD cat /b\n',
      'other/b': 'from elsewhere\n',
      token: 's3cr3t',
      'context/a': '',
    });
    const { stderr } = succeed([
      ...['-t', 'secretive', '--secret', `id=token,src=${join(home, 'token')}`],
      ...['--build-context', `other=${join(home, 'other')}`, '-f', join(home, 'Dockerfile')],
      join(home, 'context'),
    ]);
    expect(stderr).toContain(` ${new Bun.CryptoHasher('md5').update('s3cr3t').digest('hex')} `);
    expect(daemon.sampan('run', '--rm', 'secretive')).toBe('from elsewhere');
    const archive = daemon.run('sampan', ['save', 'secretive']).stdout;
    expect(archive).not.toContain('s3cr3t');
  });

  test('gives the files of its result to a folder or as a tar, and leaves no image then', () => {
    const before = daemon.sampan('images', '-aq');
    const file =
      'FROM busybox AS made\nRUN mkdir -p /d && echo x > /d/f\nFROM scratch\nCOPY --from=made /d /out\n';
    succeed(['-o', join(home, 'result'), '-f', '-', home], file);
    expect(readdirSync(join(home, 'result'), { recursive: true }).sort()).toEqual(['out', 'out/f']);
    succeed(['--output', `type=tar,dest=${join(home, 'result.tar')}`, '-f', '-', home], file);
    const listing = Bun.spawnSync(['tar', '-tf', join(home, 'result.tar')]).stdout.toString();
    expect(listing).toBe('out/\nout/f\n');
    expect(daemon.sampan('images', '-aq')).toBe(before);
    expect(daemon.sampan('ps', '-aq')).toBe('');
  });

  test('that only goes elsewhere takes no image away that was there before, and has no name either', () => {
    const file = 'FROM busybox\nLABEL there=before\n';
    succeed(['--iidfile', join(home, 'iid'), '-f', '-', home], file);
    const id = readFileSync(join(home, 'iid'), 'utf8');
    const before = daemon.sampan('images', '-aq', '--no-trunc').split('\n');
    expect(before).toContain(id);
    succeed(['-o', join(home, 'files'), '-f', '-', home], file);
    succeed(['-o', `type=oci,dest=${join(home, 'o.tar')}`, '--provenance=true', '-f', '-', home], file);
    const after = daemon.sampan('images', '-aq', '--no-trunc').split('\n');
    expect(after.sort()).toEqual(before.sort());
    const other = `${file}LABEL there=never\n`;
    succeed(['-o', `type=oci,dest=${join(home, 'o.tar')}`, '--provenance=true', '-f', '-', home], other);
    expect(daemon.sampan('images', '-aq', '--no-trunc').split('\n').sort()).toEqual(before);
  });

  test('is shown as JSON, or not at all', () => {
    write({ Dockerfile: 'FROM busybox\nRUN echo shown\n' });
    const { stderr } = succeed(['--no-cache', '--progress', 'rawjson', home]);
    const statuses = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const logs = statuses.flatMap((status) => status.logs ?? []);
    expect(logs.map(({ data }) => Buffer.from(data, 'base64').toString()).join('')).toBe('shown\n');
    expect(succeed(['--progress', 'quiet', home]).stderr).toBe('');
    expect(build(['--progress', 'foo', home])).toMatchObject({
      status: 1,
      stderr: 'invalid progress mode foo\n',
    });
  });
});

describe('a build on a terminal', () => {
  const environment = () => ({ SAMPAN_HOST: `unix://${daemon.socket}` });

  test('shows what runs, in place', async () => {
    write({
      Dockerfile: 'FROM busybox\nRUN echo working; until [ -e /sys/nothing ]; do sleep 1; break; done\n',
    });
    await using terminal = new Terminal([sampan, 'build', '--no-cache', home], environment());
    await terminal.read(/\[\+\] Building \d/);
    await terminal.read(/ => => # working/);
    await terminal.read(/FINISHED/);
    expect(await terminal.exited).toBe(0);
  });

  test('is given up by Ctrl-C, with its steps', async () => {
    write({ Dockerfile: 'FROM busybox\nRUN echo begun; sleep 4242\n' });
    await using terminal = new Terminal([sampan, 'build', '--no-cache', home], environment());
    await terminal.read(/ => => # begun/);
    expect(stepRuns('4242')).toBe(true);
    terminal.type('\x03');
    expect(await terminal.exited).toBe(130);
    for (let tries = 0; stepRuns('4242') && tries < 200; tries++) await Bun.sleep(20);
    expect(stepRuns('4242')).toBe(false);
  });
});

/** Whether a process "sleep TIME" is there. */
function stepRuns(time: string): boolean {
  return readdirSync('/proc').some((pid) => {
    const path = `/proc/${pid}/cmdline`;
    if (!/^\d+$/.test(pid) || !existsSync(path)) return false;
    try {
      return readFileSync(path, 'utf8') === `sleep\0${time}\0`;
    } catch {
      return false;
    }
  });
}

test('an image is pushed as soon as it is built, when that is asked for', async () => {
  await using registry = await DockerRegistry.start();
  write({ Dockerfile: 'FROM busybox\nLABEL pushed=yes\n' });
  const name = `${registry.host}/pushed:1`;
  succeed(['--push', '-t', name, home]);
  daemon.sampan('rmi', name);
  daemon.sampan('pull', name);
  expect(daemon.sampan('inspect', '--format', '{{.Config.Labels.pushed}}', name)).toBe('yes');
  expect(build(['--push', home])).toMatchObject({
    status: 1,
    stderr: 'tag is needed when pushing to registry\n',
  });
});

test('the build cache is emptied by builder prune', () => {
  write({ Dockerfile: 'FROM busybox\nRUN echo pruned > /p\n' });
  succeed(['-q', home]);
  for (const image of daemon.sampan('images', '-q', '--filter', 'dangling=true').split('\n')) {
    daemon.run('sampan', ['rmi', '-f', image]);
  }
  expect(daemon.sampan('builder', 'prune', '-af')).toMatch(
    /^Deleted build cache objects:\n[\s\S]*Total reclaimed space: /,
  );
  expect(succeed(['--progress', 'plain', home]).stderr).not.toContain('CACHED');
});
