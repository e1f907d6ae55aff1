import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { ContainerEvents } from '../fixtures/container-events.ts';
import { debianRoot } from '../fixtures/debian-root.ts';
import { makeDockerConfig } from '../fixtures/docker-plugins.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { type Json, type Outcome, TestDaemon } from '../fixtures/test-daemon.ts';

/**
 * The stack of test/fixtures/compose under Debian's docker-compose, both versions: nginx, API servers, PostgreSQL and Redis.
 * Needs the outside, Debian's packages: `scripts/test.ts` runs it in the machine's own network namespace.
 */
const stack = join(import.meta.dir, '../fixtures/compose');

interface Version {
  readonly command: readonly string[];
  /** Between the parts of containers' names. */
  readonly mark: string;
  readonly building: (image: string) => string;
}

const versions: Readonly<Record<string, Version>> = {
  'docker-compose 1': {
    command: ['docker-compose'],
    mark: '_',
    building: (image) => `Successfully tagged ${image}:latest`,
  },
  'docker compose 2': {
    command: ['docker', 'compose'],
    mark: '-',
    building: (image) => ` ${image}  Built`,
  },
};

let daemon: TestDaemon;
let registry: DockerRegistry;
let config: string;

beforeAll(async () => {
  const root = debianRoot();
  daemon = await TestDaemon.start();
  registry = await DockerRegistry.start();
  config = makeDockerConfig(daemon.home);
  daemon.sampan('import', root, 'debian');
  const base = await onStack(['docker-compose', '--profile', 'base', 'build', 'base']).ended;
  if (base.status !== 0) throw new Error(base.stdout + base.stderr);
}, 600_000);

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
}, 120_000);

interface Running {
  readonly ended: Promise<Outcome>;
  interrupt(): void;
}

/** A command on the stack, with nothing from this machine's environment but the path. */
function onStack(command: readonly string[], edition = ''): Running {
  const child = Bun.spawn([...command], {
    cwd: stack,
    env: {
      PATH: process.env['PATH'],
      HOME: daemon.home,
      DOCKER_HOST: `unix://${daemon.socket}`,
      // Version 1 has nobody else build for it.
      DOCKER_CONFIG: command[0] === 'docker' ? config : daemon.home,
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

describe.each(Object.entries(versions))('%s', (_, { command, mark, building }) => {
  let edition = 'first';

  afterAll(async () => {
    await start('down', '--volumes', '--remove-orphans').ended;
  }, 120_000);

  /** The name of a service's container. */
  function named(service: string, number = 1): string {
    return ['guestbook', service, number].join(mark);
  }

  function start(...args: string[]): Running {
    return onStack([...command, ...args], edition);
  }

  /** What it prints when it succeeds, as it must. */
  async function compose(...args: string[]): Promise<string> {
    return (await told(...args)).stdout;
  }

  async function told(...args: string[]): Promise<Outcome> {
    const outcome = await start(...args).ended;
    const { stdout, stderr, status } = outcome;
    if (status !== 0) throw new Error(`${args.join(' ')}: ${status}\n${stdout}${stderr}`);
    return outcome;
  }

  /** A page of the running site, asked for until its servers are there: their names may be a second old. */
  async function page(path: string, body?: string): Promise<Json> {
    const site = `http://${daemon.sampan('port', named('web'), '80/tcp')}`;
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

  describe('on a new stack', () => {
    test('builds the images of a stack', async () => {
      const { stdout, stderr } = await told('build');
      for (const name of ['web', 'api', 'db']) {
        expect(stdout + stderr).toContain(building(`${registry.host}/guestbook-${name}`));
      }
    });

    test('starts services after those whose health they depend on, as many as wanted', async () => {
      using events = await ContainerEvents.follow(daemon);
      await compose('up', '--detach', '--scale', 'api=3');
      const all = [
        named('api', 1),
        named('api', 2),
        named('api', 3),
        named('cache'),
        named('db'),
        named('web'),
      ];
      expect(await states()).toEqual(Object.fromEntries(all.map((name) => [name, 'running'])));
      const { body: db } = await daemon.request('GET', `/containers/${named('db')}/json`);
      expect(db.State.Health.Status).toBe('healthy');
      const healthy = events.first(named('db'), 'health_status: healthy');
      expect(healthy).toBeLessThan(events.first(named('api'), 'start'));
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
        daemon.run('sampan', ['exec', named(service), ...command]);
      const finds = (service: string, name: string) =>
        inside(service, 'getent', 'ahostsv4', name).status === 0;
      expect(finds('api', 'database')).toBe(true);
      expect(finds('db', 'cache')).toBe(true);
      expect(finds('db', 'web')).toBe(false);
      expect(finds('web', 'db')).toBe(false);
      const routes = inside('db', 'cat', '/proc/net/route').stdout;
      expect(routes.split('\n').filter((line) => line.split('\t')[1] === '00000000')).toEqual([]);
    });
  });

  describe('on a running stack', () => {
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
      const { body } = await daemon.request('GET', `/containers/${named('api', 2)}/json`);
      expect(await compose('exec', '-T', ...words)).toBe(`postgres\n/tmp\ngiven\n${body.Config.Hostname}\n`);
      expect((await start('exec', '-T', 'api', 'sh', '-c', 'exit 7').ended).status).toBe(7);
    });

    test('runs a service of a profile once', async () => {
      expect((await compose('run', '--rm', '-T', 'query')).trim()).toBe('1');
      expect(Object.keys(await states())).toHaveLength(6);
    });

    test('shows processes, images, ports and states', async () => {
      expect(await compose('top', 'db')).toContain('postgres: walwriter');
      expect(await compose('images')).toMatch(new RegExp(`${named('cache')} +guestbook-base +latest`));
      const lines = (await compose('ps')).split('\n');
      const line = (name: string) => lines.find((text) => text.startsWith(name));
      expect(line(named('api', 3))).toMatch(/Up .*\(healthy\) +8000\/tcp/);
      expect(line(named('web'))).toMatch(/Up .*127\.0\.0\.1:\d+->80\/tcp/);
    });

    test('follows the logs of all services', async () => {
      const logs = start('logs', '--no-color', '--follow', '--tail=1');
      await Bun.sleep(2_000);
      await page('/api/server?marked');
      await Bun.sleep(1_000);
      logs.interrupt();
      const { stdout } = await logs.ended;
      expect(stdout).toMatch(/^cache[_-]1 +\| .*Ready to accept connections$/m);
      expect(stdout).toMatch(/^web[_-]1 +\| .*GET \/api\/server\?marked/m);
    });

    test('stops, starts, restarts, pauses and scales down', async () => {
      await compose('stop');
      expect(new Set(Object.values(await states()))).toEqual(new Set(['exited']));
      await compose('start');
      await compose('restart', '--timeout', '5', 'web');
      await compose('pause', 'cache');
      expect(await states()).toMatchObject({ [named('cache')]: 'paused', [named('web')]: 'running' });
      await compose('unpause', 'cache');
      await compose('up', '--detach', '--scale', 'api=1');
      expect(Object.keys(await states())).toHaveLength(4);
      expect(await page('/api/entries')).toEqual(['first entry']);
      expect(await page('/api/visits')).toBe(2);
    }, 60_000);
  });

  describe('on a changed stack', () => {
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
      const id = daemon.sampan('inspect', '--format', '{{.Image}}', named('api'));
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
});
