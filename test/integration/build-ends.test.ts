import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon } from '../fixtures/test-daemon.ts';

let daemon: TestDaemon;

beforeEach(async () => {
  daemon = await TestDaemon.start();
});
/** Fails if a process, a mount, a group or an interface is left. */
afterEach(() => daemon[Symbol.asyncDispose]());

/** Longer than any test, and no other process's. */
const nap = `98${process.pid}`;

/** A build that is in the middle of a command. */
async function startBuild(): Promise<Bun.Subprocess> {
  const context = join(daemon.home, 'context');
  mkdirSync(context);
  const run = `RUN --mount=type=cache,target=/c echo kept >/c/kept; sleep ${nap}`;
  writeFileSync(join(context, 'Dockerfile'), `FROM busybox\n${run}\n`);
  const env = { ...process.env, DOCKER_HOST: `unix://${daemon.socket}`, DOCKER_BUILDKIT: '0' };
  const child = Bun.spawn(['docker', 'build', context], { env, stdout: 'ignore', stderr: 'ignore' });
  while (sleepers() === 0) await Bun.sleep(10);
  return child;
}

function sleepers(): number {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `sleep\0${nap}\0`;
    } catch {
      return false;
    }
  }).length;
}

/** What is kept for commands of builds, besides caches. */
function traces(): string[] {
  return ['data/snapshots/snapshots', 'run/sandboxes', 'run/containers']
    .flatMap((path) => readdirSync(join(daemon.home, path)))
    .filter((name) => name !== 'mounts');
}

test('a build whose client goes ends its command and leaves nothing', async () => {
  const client = await startBuild();
  client.kill('SIGINT');
  await client.exited;
  while (sleepers() > 0 || traces().length > 0) await Bun.sleep(10);
});

test('a daemon that is stopped takes its builds along', async () => {
  const client = await startBuild();
  await daemon.stopProcess('SIGTERM');
  await client.exited;
  expect(sleepers()).toBe(0);
  await daemon.startProcess();
  expect(traces()).toEqual([]);
});

test('a daemon that is killed leaves a command, which the next one ends', async () => {
  const client = await startBuild();
  await daemon.stopProcess('SIGKILL');
  await client.exited;
  expect(sleepers()).toBe(1);
  await daemon.startProcess();
  expect(sleepers()).toBe(0);
  expect(traces()).toEqual([]);
  const df = await daemon.request('GET', '/system/df?type=build-cache');
  expect(df.body.BuildCache).toMatchObject([{ Type: 'exec.cachemount', InUse: false, UsageCount: 1 }]);
});

test.each(['RUN false', 'FOO'])(
  'the connection of a build that fails with %p serves on, as with dockerd',
  async (line) => {
    const context = join(daemon.home, 'context');
    mkdirSync(context);
    writeFileSync(join(context, 'Dockerfile'), `FROM busybox\n${line}\n`);
    const archive = join(daemon.home, 'context.tar');
    expect(Bun.spawnSync(['tar', '-C', context, '-cf', archive, 'Dockerfile']).success).toBe(true);
    const host = ['-s', '--unix-socket', daemon.socket, '-w', '(%{http_code} %{num_connects})'];
    const build = ['-X', 'POST', '--data-binary', `@${archive}`, '-H', 'Content-Type: application/x-tar'];
    const { stdout } = Bun.spawnSync([
      ...['curl', ...host, ...build, 'http://d/build?nocache=1'],
      ...['--next', ...host, 'http://d/_ping'],
    ]);
    expect(stdout.toString()).toMatch(/\((200|400) 1\)OK\(200 0\)$/);
  },
);
