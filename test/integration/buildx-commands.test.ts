import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GitServer } from '../../src/build/sources/testing/git-server.ts';
import { DockerCli } from '../fixtures/docker-plugins.ts';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';
import { writeFiles } from '../fixtures/write-files.ts';

/** What `docker buildx` does beside a single build: many targets, what there was, what is kept. */

let daemon: TestDaemon;
let cli: DockerCli;
let home: string;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  cli = new DockerCli(daemon);
});
afterAll(() => daemon[Symbol.asyncDispose]());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sampan-buildx-'));
});
afterEach(() => rmSync(home, { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  writeFiles(home, files);
}

function buildx(...args: string[]): Promise<string> {
  return cli.out(['buildx', ...args], { cwd: home });
}

/** A build that fails is fine. */
async function build(dockerfile: string, ...args: string[]): Promise<void> {
  write({ Dockerfile: dockerfile });
  await cli.run(['buildx', 'build', ...args, '.'], { cwd: home });
}

describe('bake', () => {
  const hcl = `
variable "V" { default = "1" }
group "default" { targets = ["app", "several", "all"] }
target "_all" {
  context = "src"
  args = { V = V }
}
target "base" {
  inherits = ["_all"]
  dockerfile-inline = "FROM busybox\\nCOPY f /base\\nENV FROM_BASE=yes\\n"
  output = ["type=cacheonly"]
}
target "app" {
  inherits = ["_all"]
  contexts = { base = "target:base" }
  dockerfile-inline = "FROM base\\nARG V\\nRUN [ \\"$V $FROM_BASE $(cat /base)\\" = \\"1 yes baked\\" ]\\n"
  tags = ["app:\${V}"]
}
target "several" {
  name = "several-\${x}"
  matrix = { x = ["one", "two"] }
  contexts = { other = "target:app" }
  dockerfile-inline = "FROM busybox\\nCOPY --from=other /base /copied\\nRUN echo \${x}\\n"
  tags = ["several:\${x}"]
}
target "bases" {
  context = "src"
  platforms = ["linux/amd64", "linux/arm64"]
  dockerfile-inline = "FROM scratch\\nARG TARGETARCH\\nCOPY f /$TARGETARCH\\n"
  output = ["type=cacheonly"]
}
target "all" {
  contexts = { bases = "target:bases" }
  platforms = ["linux/amd64", "linux/arm64"]
  dockerfile-inline = "FROM bases\\nARG TARGETARCH\\nCOPY --from=bases /$TARGETARCH /again\\n"
  output = ["out"]
}
`;

  test('makes targets of targets, matrices and several platforms in one go', async () => {
    write({ 'docker-bake.hcl': hcl, 'src/f': 'baked' });
    await buildx('bake', '--metadata-file=m.json');
    const names = ['app:1', 'several:one', 'several:two'];
    const images: Json[] = JSON.parse(await cli.out(['image', 'inspect', ...names]));
    expect(images.map(({ RepoTags }) => RepoTags[0])).toEqual(names);
    expect(images[0].Config.Env).toContain('FROM_BASE=yes');
    const files = readdirSync(join(home, 'out'), { recursive: true }).sort();
    expect(files).toEqual([
      ...['linux_amd64', 'linux_amd64/again', 'linux_amd64/amd64'],
      ...['linux_arm64', 'linux_arm64/again', 'linux_arm64/arm64'],
    ]);
    const told = JSON.parse(readFileSync(join(home, 'm.json'), 'utf8'));
    expect(told.app['containerimage.config.digest']).toBe(images[0].Id);
  });

  test('reads JSON and compose files, and fails as a whole', async () => {
    const target = { 'dockerfile-inline': 'FROM busybox\nARG A\nRUN [ "$A" = set ]\n', tags: ['json'] };
    write({ 'docker-bake.json': JSON.stringify({ target: { default: target } }) });
    expect((await cli.run(['buildx', 'bake'], { cwd: home })).stderr).toContain('exit code: 1');
    await buildx('bake', '--set=default.args.A=set');
    write({
      'compose.yaml': 'services: {one: {image: composed, build: {dockerfile_inline: FROM busybox}}}\n',
    });
    await buildx('bake', '-f', 'compose.yaml');
    await cli.out(['image', 'inspect', 'json', 'composed']);
  });
});

describe('bake from afar', () => {
  const hcl = `
target "default" {
  contexts = { more = "other" }
  tags = ["far"]
}
target "below" {
  context = "deep"
  tags = ["below"]
}
`;

  test('reads its file from a repository or the web, and builds what is there', async () => {
    const made = `printf '%s' '${hcl}' >docker-bake.hcl; mkdir deep other; echo more >other/m; echo file >deep/f`;
    const here = 'printf "FROM busybox\\nCOPY --from=more m /m\\nCOPY deep/f /f\\n" >Dockerfile';
    const below = 'printf "FROM busybox\\nCOPY f /f\\n" >deep/Dockerfile';
    using git = new GitServer();
    const url = git.repository('far.git', `${made}; ${here}; ${below}; git add .; git commit -qm 1`);
    await buildx('bake', url);
    await buildx('bake', `${url}#main`, 'below');
    await cli.out(['image', 'inspect', 'far', 'below']);
    const web = 'target "default" {\n dockerfile-inline = "FROM busybox"\n tags = ["web"]\n}\n';
    using server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response(web) });
    await buildx('bake', `${server.url}docker-bake.hcl`);
    await cli.out(['image', 'inspect', 'web']);
  });
});

describe('history', () => {
  beforeEach(() => buildx('history', 'rm', '--all'));

  async function records(...args: string[]): Promise<Json[]> {
    const text = await buildx('history', 'ls', '--format=json', '--no-trunc', ...args);
    return text.split('\n').flatMap((line) => (line === '' ? [] : JSON.parse(line)));
  }

  test('tells of builds that went well, failed or were given up', async () => {
    await build('FROM busybox\nRUN echo said\n', '-t', 'recorded', '--build-arg=A=1');
    await build('FROM busybox\nRUN echo before; exit 3\n');
    expect((await records()).map(({ status }) => status)).toEqual(['Error', 'Completed']);
    expect(await records('--filter=status=error')).toHaveLength(1);
    const good = JSON.parse(await buildx('history', 'inspect', '--format=json', '^1'));
    expect(good).toMatchObject({ Status: 'completed', BuildArgs: [{ Name: 'A', Value: '1' }] });
    expect(good.NumTotalSteps).toBeGreaterThan(3);
    const bad = JSON.parse(await buildx('history', 'inspect', '--format=json'));
    expect(bad.Error).toMatchObject({ Name: '[2/2] RUN echo before; exit 3', Logs: ['before'] });
    expect(Buffer.from(bad.Error.Sources, 'base64').toString()).toContain('>>> RUN echo before; exit 3');
    const logs = await cli.run(['buildx', 'history', 'logs', '^1']);
    expect(logs.stderr).toMatch(/ said\n/);
  });

  test('tells of a build under way what it has said so far, and goes on', async () => {
    write({ Dockerfile: 'FROM busybox\nRUN echo begun; while ! [ -e /run/go ]; do sleep 0.1; done\n' });
    const under = cli.start(['buildx', 'build', '--progress=plain', '.'], { cwd: home });
    while ((await records())[0]?.status !== 'Running') await Bun.sleep(50);
    const logs = cli.start(['buildx', 'history', 'logs']);
    await Bun.sleep(500);
    under.kill('SIGINT');
    expect((await logs.ended).stderr).toMatch(/ begun\n/);
    await under.ended;
    while ((await records())[0]?.status === 'Running') await Bun.sleep(50);
    expect(await records('--filter=status=canceled')).toHaveLength(1);
  });

  test('outlives the daemon, is exported, and removed with what it kept', async () => {
    await build('FROM busybox\nRUN echo kept\n', '--output=type=image,name=k,compression=gzip');
    const ref = (await records())[0].ref.split('/').at(-1);
    await daemon.stopProcess('SIGKILL');
    await daemon.startProcess();
    await buildx('history', 'export', '-o', 'record', ref);
    const { stdout } = spawnSync('tar', ['-tf', 'record'], { cwd: home, encoding: 'utf8' });
    expect(stdout).toContain('index.json');
    const { Attachments } = JSON.parse(await buildx('history', 'inspect', '--format=json', ref));
    const { stdout: attached } = await cli.run([
      'buildx',
      'history',
      'inspect',
      'attachment',
      ref,
      Attachments[0].Digest,
    ]);
    expect(JSON.parse(attached)).toMatchObject({ schemaVersion: 2 });
    await buildx('history', 'rm', ref);
    expect(await records()).toEqual([]);
    expect((await cli.run(['buildx', 'history', 'rm', 'no-such'])).status).toBe(1);
  });

  test('does not hold questions about files', async () => {
    await build('FROM busybox\n', '--check');
    expect(await records()).toEqual([]);
  });
});

describe('the cache', () => {
  test('is listed, filtered and pruned', async () => {
    await build('FROM busybox\nRUN --mount=type=cache,target=/c echo cached >/c/f\nRUN echo step\n');
    const all = await buildx('du', '--verbose');
    expect(all).toMatch(/Type: +exec\.cachemount/);
    const mounts = await buildx('du', '--verbose', '--filter=type=exec.cachemount');
    expect(mounts.match(/^ID:/gm)).toHaveLength(1);
    await buildx('prune', '--force', '--filter=type=exec.cachemount');
    expect(await buildx('du', '--verbose', '--filter=type=exec.cachemount')).not.toMatch(/^ID:/m);
    await buildx('prune', '--force', '--all');
    expect(await buildx('du')).toMatch(/^Total:\s+0B$/m);
    await build('FROM busybox\nRUN echo step\n');
    await cli.out(['builder', 'prune', '--force', '--all']);
    expect(await buildx('du')).toMatch(/^Total:\s+0B$/m);
  });
});

describe('many clients at once', () => {
  test('build over sessions of their own', async () => {
    write({
      Dockerfile: 'FROM busybox\nARG N\nCOPY f /f\nRUN echo "$N $(cat /f)" >/n\n',
      f: 'x'.repeat(100_000),
    });
    const numbers = Array.from({ length: 8 }, (_, index) => String(index));
    await Promise.all(numbers.map((n) => buildx('build', `--build-arg=N=${n}`, '-t', `many:${n}`, '.')));
    const images: Json[] = JSON.parse(
      await cli.out(['image', 'inspect', ...numbers.map((n) => `many:${n}`)]),
    );
    expect(new Set(images.map(({ Id }) => Id)).size).toBe(numbers.length);
  });

  test('that are killed at any moment leave no step, no record under way and no mount', async () => {
    const marker = `${2_000_000 + (process.pid % 100_000)}`;
    write({ Dockerfile: `FROM busybox\nCOPY . /c\nRUN --mount=type=cache,target=/k sleep ${marker}\n` });
    for (let n = 0; n < 200; n++) write({ [`files/${n}`]: 'y'.repeat(10_000 + n) });
    // The plugin by itself: one that outlives the command line that started it goes on building.
    const command = [join(cli.environment['DOCKER_CONFIG'] ?? '', 'cli-plugins/docker-buildx')];
    const clients = Array.from({ length: 6 }, () =>
      Bun.spawn([...command, 'build', '--no-cache', '.'], {
        cwd: home,
        env: cli.environment,
        stdio: ['ignore', 'ignore', 'ignore'],
      }),
    );
    for (const [index, client] of clients.entries()) {
      await Bun.sleep(40 * index);
      client.kill('SIGKILL');
    }
    await Promise.all(clients.map(({ exited }) => exited));
    while (runs(marker)) await Bun.sleep(20);
    const running = async () => (await buildx('history', 'ls', '--format=json')).includes('Running');
    while (await running()) await Bun.sleep(50);
    expect(await cli.out(['ps', '-aq'])).toBe('');
    await build('FROM busybox\nRUN --mount=type=cache,target=/k true\n', '-t', 'after');
    await cli.out(['image', 'inspect', 'after']);
  });
});

function runs(word: string): boolean {
  return readdirSync('/proc').some((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `sleep\0${word}\0`;
    } catch {
      return false;
    }
  });
}
