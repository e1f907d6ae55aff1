import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { debianRoot } from '../fixtures/debian-root.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { type Json, type Outcome, TestDaemon } from '../fixtures/test-daemon.ts';

/**
 * The stack of test/fixtures/compose under Debian's docker-compose: nginx, API servers, PostgreSQL and Redis.
 * Needs the outside, Debian's packages: `scripts/test.ts` runs it in the machine's own network namespace.
 */
const stack = join(import.meta.dir, '../fixtures/compose');

let daemon: TestDaemon;
let registry: DockerRegistry;
let edition = 'first';

beforeAll(async () => {
  const root = debianRoot();
  daemon = await TestDaemon.start();
  registry = await DockerRegistry.start();
  daemon.sampan('import', root, 'debian');
  await compose('--profile', 'base', 'build', 'base');
}, 600_000);

afterAll(async () => {
  await start('down', '--volumes', '--remove-orphans').ended;
  await registry[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
}, 120_000);

/** docker-compose on the stack, with nothing from this machine's environment but the path. */
function start(...args: string[]): { readonly ended: Promise<Outcome>; interrupt(): void } {
  const child = Bun.spawn(['docker-compose', ...args], {
    cwd: stack,
    env: {
      PATH: process.env['PATH'],
      HOME: daemon.home,
      DOCKER_HOST: `unix://${daemon.socket}`,
      COMPOSE_PROJECT_NAME: 'guestbook',
      REGISTRY: registry.host,
      EDITION: edition,
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const ended = Promise.all([child.stdout.text(), child.stderr.text(), child.exited]).then(
    ([stdout, stderr, status]) => ({ stdout, stderr, status }),
  );
  return { ended, interrupt: () => child.kill('SIGINT') };
}

/** What it prints when it succeeds, as it must. */
async function compose(...args: string[]): Promise<string> {
  const { stdout, stderr, status } = await start(...args).ended;
  if (status !== 0) throw new Error(`docker-compose ${args.join(' ')}: ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** A page of the running site, asked for until its servers are there: their names may be a second old. */
async function page(path: string, body?: string): Promise<Json> {
  const site = `http://${daemon.sampan('port', 'guestbook_web_1', '80/tcp')}`;
  let answer: Response;
  for (let tries = 0; ; tries++) {
    answer = await fetch(`${site}${path}`, body === undefined ? {} : { method: 'POST', body });
    if (answer.ok || tries >= 100) break;
    await Bun.sleep(50);
  }
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** Of the stack's containers, by name. */
async function states(): Promise<Record<string, string>> {
  const { body } = await daemon.request('GET', '/containers/json?all=1');
  return Object.fromEntries(body.map((item: Json) => [item.Names[0].slice(1), item.State]));
}

describe('docker-compose', () => {
  test('builds the images of a stack', async () => {
    const output = await compose('build');
    for (const name of ['web', 'api', 'db']) {
      expect(output).toContain(`Successfully tagged ${registry.host}/guestbook-${name}:latest`);
    }
  });

  test('starts services after those whose health they depend on, as many as wanted', async () => {
    await compose('up', '--detach', '--scale', 'api=3');
    const up = (name: string) => [`guestbook_${name}`, 'running'];
    const all = ['api_1', 'api_2', 'api_3', 'cache_1', 'db_1', 'web_1'];
    expect(await states()).toEqual(Object.fromEntries(all.map(up)));
    const { body: db } = await daemon.request('GET', '/containers/guestbook_db_1/json');
    const { body: api } = await daemon.request('GET', '/containers/guestbook_api_1/json');
    expect(db.State.Health.Status).toBe('healthy');
    const healthy = db.State.Health.Log.find(({ ExitCode }: Json) => ExitCode === 0);
    expect(healthy.End < api.State.StartedAt).toBe(true);
  });

  test('runs an application with environment files, secrets and named volumes', async () => {
    expect(await page('/api/entries', 'first entry')).toBe(1);
    expect(await page('/api/entries')).toEqual(['first entry']);
    expect(await page('/api/visits')).toBe(1);
    expect(await page('/api/server')).toMatchObject({
      edition: 'first',
      greeting: 'welcome, whoever you are',
    });
  });

  test('spreads requests over scaled servers by their name', async () => {
    const names = new Set<string>();
    for (let tries = 0; names.size < 3 && tries < 300; tries++) {
      names.add((await page('/api/server')).name);
      await Bun.sleep(100);
    }
    expect(names.size).toBe(3);
  }, 60_000);

  test('keeps networks apart, and an internal one from the outside', () => {
    const inside = (service: string, ...command: string[]) =>
      daemon.run('sampan', ['exec', `guestbook_${service}_1`, ...command]);
    const finds = (service: string, name: string) => inside(service, 'getent', 'ahostsv4', name).status === 0;
    expect(finds('api', 'database')).toBe(true);
    expect(finds('db', 'cache')).toBe(true);
    expect(finds('db', 'web')).toBe(false);
    expect(finds('web', 'db')).toBe(false);
    const routes = inside('db', 'cat', '/proc/net/route').stdout;
    expect(routes.split('\n').filter((line) => line.split('\t')[1] === '00000000')).toEqual([]);
  });
});

describe('docker-compose on a running stack', () => {
  test('executes in the container of a number, as a user and in a directory', async () => {
    const script = 'id -un; pwd; echo $WORD; hostname';
    const words = [
      '--index=2',
      '-e',
      'WORD=given',
      '-u',
      'postgres',
      '-w',
      '/tmp',
      'api',
      'sh',
      '-c',
      script,
    ];
    const { body } = await daemon.request('GET', '/containers/guestbook_api_2/json');
    expect(await compose('exec', '-T', ...words)).toBe(`postgres\n/tmp\ngiven\n${body.Config.Hostname}\n`);
    expect((await start('exec', '-T', 'api', 'sh', '-c', 'exit 7').ended).status).toBe(7);
  });

  test('runs a service of a profile once', async () => {
    expect((await compose('run', '--rm', '-T', 'query')).trim()).toBe('1');
    expect(Object.keys(await states())).toHaveLength(6);
  });

  test('shows processes, images, ports and states', async () => {
    expect(await compose('top', 'db')).toContain('postgres: walwriter');
    expect(await compose('images')).toMatch(/guestbook_cache_1 +guestbook-base +latest/);
    const lines = (await compose('ps')).split('\n');
    expect(lines.find((line) => line.startsWith('guestbook_api_3'))).toMatch(/Up \(healthy\) +8000\/tcp/);
    expect(lines.find((line) => line.startsWith('guestbook_web_1'))).toMatch(/Up +127\.0\.0\.1:\d+->80\/tcp/);
  });

  test('follows the logs of all services', async () => {
    const logs = start('logs', '--no-color', '--follow', '--tail=1');
    await Bun.sleep(2_000);
    await page('/api/server?marked');
    await Bun.sleep(1_000);
    logs.interrupt();
    const { stdout } = await logs.ended;
    expect(stdout).toMatch(/^cache_1 +\| .*Ready to accept connections$/m);
    expect(stdout).toMatch(/^web_1 +\| .*GET \/api\/server\?marked/m);
  });

  test('stops, starts, restarts, pauses and scales down', async () => {
    await compose('stop');
    expect(new Set(Object.values(await states()))).toEqual(new Set(['exited']));
    await compose('start');
    await compose('restart', '--timeout', '5', 'web');
    await compose('pause', 'cache');
    expect(await states()).toMatchObject({ guestbook_cache_1: 'paused', guestbook_web_1: 'running' });
    await compose('unpause', 'cache');
    await compose('up', '--detach', '--scale', 'api=1');
    expect(Object.keys(await states())).toHaveLength(4);
    expect(await page('/api/entries')).toEqual(['first entry']);
    expect(await page('/api/visits')).toBe(2);
  }, 60_000);
});

describe('docker-compose on a changed stack', () => {
  test('recreates containers of a newer image with what their volumes hold', async () => {
    await compose('exec', '-T', '-u', 'root', 'api', 'sh', '-c', 'echo kept >/data/note');
    edition = 'second';
    await compose('build', 'api');
    await compose('up', '--detach');
    expect(await page('/api/server')).toMatchObject({ edition: 'second' });
    expect(await compose('exec', '-T', 'api', 'cat', '/data/note')).toBe('kept\n');
  });

  test('pushes and pulls the images', async () => {
    await compose('push');
    const id = daemon.sampan('inspect', '--format', '{{.Image}}', 'guestbook_api_1');
    await compose('down');
    daemon.sampan('rmi', `${registry.host}/guestbook-api`);
    await compose('pull', 'api');
    expect(daemon.sampan('inspect', '--format', '{{.Id}}', `${registry.host}/guestbook-api`)).toBe(id);
  });

  test('brings it up again with its data', async () => {
    await compose('up', '--detach');
    expect(await page('/api/entries', 'second entry')).toBeGreaterThan(1);
    expect(await page('/api/entries')).toEqual(['first entry', 'second entry']);
    expect(await page('/api/visits')).toBe(3);
  });

  test('takes it down with its networks, and its volumes if asked', async () => {
    await compose('down');
    expect(await states()).toEqual({});
    const list = (kind: string) => daemon.sampan(kind, 'ls', '--format', '{{.Name}}').split('\n').sort();
    expect(list('network')).toEqual(['bridge', 'host', 'none']);
    expect(list('volume')).toContain('guestbook_entries');
    await compose('down', '--volumes');
    expect(list('volume').filter((name) => name.startsWith('guestbook'))).toEqual([]);
  });
});
