import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { appendFileSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerEvents } from '../fixtures/container-events.ts';
import { DockerCli, type RunningCommand } from '../fixtures/docker-plugins.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

/** What a file for docker compose 2 can say, and its commands: test/fixtures/compose/features, on busybox. */

let daemon: TestDaemon;
let registry: DockerRegistry;
let cli: DockerCli;
let home: string;
let events: ContainerEvents;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  registry = await DockerRegistry.start();
  cli = new DockerCli(daemon);
  home = join(daemon.home, 'features');
  cpSync(join(import.meta.dir, '../fixtures/compose/features'), home, { recursive: true });
  await compose('build', '--quiet');
  events = await ContainerEvents.follow(daemon);
  await compose('up', '--detach');
}, 120_000);

afterAll(async () => {
  events[Symbol.dispose]();
  await cli.run(...command('--profile', '*', 'down', '--volumes', '--timeout=0', '--remove-orphans'));
  await registry[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
}, 60_000);

function command(...args: string[]): Parameters<DockerCli['run']> {
  const variables = { REGISTRY: registry.host, GIVEN_SECRET: 'from the environment', PWD: home };
  return [['compose', ...args], { cwd: home, variables }];
}

function compose(...args: string[]): Promise<string> {
  return cli.out(...command(...args));
}

function start(...args: string[]): RunningCommand {
  return cli.start(...command(...args));
}

/** What a script prints in a service's container, line by line. */
async function within(service: string, script: string): Promise<string[]> {
  return (await compose('exec', '-T', service, 'sh', '-ec', script)).trim().split('\n');
}

async function inspect(name: string): Promise<Json> {
  const { body } = await daemon.request('GET', `/containers/features-${name}/json`);
  return body;
}

async function list(...args: string[]): Promise<Json[]> {
  const lines = (await compose('ps', '--format=json', ...args)).trim().split('\n');
  return lines.flatMap((line) => (line === '' ? [] : JSON.parse(line)));
}

describe('services', () => {
  test('start when those that they depend on have ended, are healthy, or are not there', async () => {
    const states = Object.fromEntries((await list('--all')).map(({ Name, State }) => [Name, State]));
    const running = [
      'app-1',
      'beside-1',
      'caller-1',
      'given-1',
      'healthy-1',
      'limited-1',
      'limited-2',
      'server-1',
    ];
    const all = [
      ...running.map((name) => [name, 'running']),
      ...['first-1', 'prepared-1'].map((name) => [name, 'exited']),
    ];
    expect(states).toEqual(Object.fromEntries(all.map(([name, state]) => [`features-${name}`, state])));
    const [app, prepared] = [await inspect('app-1'), await inspect('prepared-1')];
    expect(prepared.State.FinishedAt < app.State.StartedAt).toBe(true);
    const healthy = events.first('features-healthy-1', 'health_status: healthy');
    expect(healthy).toBeLessThan(events.first('features-app-1', 'start'));
  });

  test('are built of what others are, with arguments, secrets and further contexts', async () => {
    expect(await within('app', 'cat /first /greeting /note; cat /length')).toEqual([
      'first',
      'hello',
      'shared',
      '12',
    ]);
  });

  test('are bounded as their files say', async () => {
    const { HostConfig: host, Config: config, Image } = await inspect('limited-2');
    expect(Image).toStartWith('sha256:');
    expect(host).toMatchObject({
      ...{ NanoCpus: 500_000_000, Memory: 64 << 20, MemoryReservation: 16 << 20, PidsLimit: 40 },
      ...{ ReadonlyRootfs: true, OomScoreAdj: 300, ShmSize: 8 << 20, Init: true },
      Sysctls: { 'net.ipv4.ip_unprivileged_port_start': '100' },
    });
    expect(config).toMatchObject({ StopSignal: 'SIGUSR1', StopTimeout: 1, Domainname: 'example.org' });
    const script = [
      'id -u; id -G; ulimit -n; hostname; pwd; grep CapBnd /proc/self/status; grep NoNew /proc/self/status',
      'cat /proc/sys/net/ipv4/ip_unprivileged_port_start; stat -c %a /scratch; df -k /scratch | tail -1',
      'touch /x 2>&1 || true; cat /proc/1/comm',
    ];
    expect(await within('limited', script.join('\n'))).toEqual([
      ...['1000', '1000 44', '200', 'bounded', '/tmp'],
      ...['CapBnd:\t0000000000802000', 'NoNewPrivs:\t1', '100', '1770'],
      ...[expect.stringMatching(/ 1024 /), 'touch: /x: Read-only file system', 'docker-init'],
    ]);
  });

  test('are given environment, configurations, secrets and all kinds of mounts', async () => {
    expect(await within('given', 'echo "$FROM_FILE|$ONLY_FILE|$PLAIN"')).toEqual(['over|quoted # value|a b']);
    const files =
      'cat /etc/settings /inline; echo; cat /run/secrets/token; echo; cat /run/secrets/renamed; echo';
    expect((await within('given', files)).slice(2)).toEqual([
      ...['inline for features', 'hidden token', 'from the environment'],
    ]);
    expect(await within('given', 'stat -c %a /run/secrets/renamed /memory')).toEqual(['400', '700']);
    const sizes = 'df -k /memory /tmpfs | awk "NR > 1 { print \\$2 }"; cat /part/prepared /shared/note';
    expect(await within('given', sizes)).toEqual(['1024', '2048', 'prepared', 'shared']);
    const writes = 'for d in data shared bound; do touch /$d/w 2>/dev/null && echo $d; done; rm /bound/w';
    expect(await within('given', writes)).toEqual(['bound']);
    const resolver = await within('given', 'cat /etc/resolv.conf; grep elsewhere /etc/hosts');
    expect(resolver).toEqual(
      expect.arrayContaining(['search example.org', 'options ndots:2', '10.9.8.7\telsewhere']),
    );
    expect((await inspect('given-1')).HostConfig.LogConfig.Config).toEqual({
      'max-size': '1m',
      'max-file': '2',
    });
  });

  test('find each other by names, aliases, links and shared namespaces', async () => {
    const fetched = 'for n in server www api linked; do wget -qO- http://$n:8080/passwd | head -1; done';
    expect(await within('caller', fetched)).toEqual(Array(4).fill('root:x:0:0:root:/root:/bin/sh'));
    expect(await within('beside', 'wget -qO- http://127.0.0.1:8080/passwd | head -1; hostname')).toEqual([
      'root:x:0:0:root:/root:/bin/sh',
      (await inspect('server-1')).Config.Hostname,
    ]);
    expect(await within('beside', 'ps -o args | grep -c "[h]ttpd"')).toEqual(['2']);
    const { Networks } = (await inspect('server-1')).NetworkSettings;
    expect(Networks['features_inner']).toMatchObject({
      IPAddress: '172.29.7.10',
      MacAddress: '02:42:ac:1d:07:0a',
    });
    expect(Networks['features_outer'].GlobalIPv6Address).not.toBe('');
    expect(await within('caller', 'ip route | grep -c default || true')).toEqual(['0']);
    expect(await within('server', 'cat /sys/class/net/*/mtu | sort -u')).toContain('1400');
    expect(await within('caller', 'ip -4 -o addr show eth0')).toEqual([
      expect.stringMatching(/172\.29\.7\.(12[89]|1[3-9]\d|2\d\d)\//),
    ]);
  });

  test('of other files are extended, those of profiles started when asked for', async () => {
    expect((await inspect('caller-1')).Config.Labels['org.example.extended']).toBe('');
    expect(await within('caller', 'echo $EXTENDED')).toEqual(['yes']);
    await compose('--profile', 'extra', 'up', '--detach', 'alone');
    expect(await within('alone', 'ip -o link | wc -l')).toEqual(['1']);
    await compose('rm', '--stop', '--force', 'alone');
    expect((await list('--all')).map(({ Service }) => Service)).not.toContain('alone');
  });
});

describe('commands', () => {
  test('say what there is', async () => {
    expect((await compose('config', '--services')).trim().split('\n')).toContain('server');
    expect(await compose('config', '--hash=app')).toMatch(/^app [0-9a-f]{64}/);
    expect(JSON.parse(await compose('ls', '--format=json'))).toMatchObject([{ Name: 'features' }]);
    expect(await compose('port', 'app', '8080')).toMatch(/^127\.0\.0\.1:\d+\n$/);
    expect(await compose('port', '--protocol=udp', 'app', '9090')).toMatch(/^127\.0\.0\.1:\d+\n$/);
    expect(await compose('top', 'server')).toContain('httpd -f -p 8080');
    expect(await compose('images')).toMatch(/features-app-1 +\S+features-app +latest/);
    expect(await compose('volumes')).toMatch(/local +features_memory/);
    const stats = (await compose('stats', '--no-stream', '--format=json')).trim().split('\n');
    expect(stats.map((line) => JSON.parse(line).Name)).toContain('features-server-1');
  });

  test('copy, run, scale, pause, wait and remove', async () => {
    await compose('cp', 'token', 'server:/tmp/copied');
    await compose('cp', 'server:/tmp/copied', 'back');
    expect(readFileSync(join(home, 'back'), 'utf8')).toBe('hidden token');
    rmSync(join(home, 'back'));
    expect(await compose('run', '--rm', '-T', '-e', 'X=1', 'caller', 'sh', '-c', 'echo $X$EXTENDED')).toBe(
      '1yes\n',
    );
    await compose('scale', 'limited=3');
    expect(await list('limited')).toHaveLength(3);
    await compose('up', '--detach', '--scale', 'limited=1', 'limited');
    expect(await list('limited')).toHaveLength(1);
    await compose('pause', 'server');
    expect((await inspect('server-1')).State.Paused).toBe(true);
    await compose('unpause', 'server');
    const waiting = start('wait', 'caller');
    await Bun.sleep(500);
    await compose('kill', '--signal=TERM', 'caller');
    expect((await waiting.ended).stdout).toContain('143');
    await compose('start', 'caller');
    await compose('restart', '--timeout=0', 'limited');
    await compose('stop', 'limited');
    await compose('rm', '--force', 'limited');
    expect(await list('--all', 'limited')).toEqual([]);
    await compose('create', 'limited');
    expect((await list('--all', 'limited')).map(({ State }) => State)).toEqual(['created', 'created']);
  });

  test('follow output and events', async () => {
    const [logs, events, attached] = [
      start('logs', '--no-color', '--follow', '--tail=0', 'caller'),
      start('events', '--json', 'caller'),
      start('attach', '--no-stdin', 'caller'),
    ];
    await Bun.sleep(1_000);
    await within('caller', 'echo marked >/proc/1/fd/1');
    await compose('kill', 'caller');
    await attached.ended;
    for (const one of [logs, events]) one.kill('SIGINT');
    expect((await logs.ended).stdout).toContain('caller-1  | marked');
    expect((await attached.ended).stdout).toContain('marked');
    const told = (await events.ended).stdout.trim().split('\n');
    expect(told.map((line) => JSON.parse(line).action)).toEqual(expect.arrayContaining(['kill', 'die']));
    await compose('start', 'caller');
  });

  test('push, pull, commit and export', async () => {
    await compose('push', 'app');
    const { Image } = await inspect('app-1');
    await compose('rm', '--stop', '--force', 'app');
    daemon.sampan('rmi', `${registry.host}/features-app`);
    await compose('pull', 'app');
    await compose('up', '--detach', 'app');
    expect((await inspect('app-1')).Image).toBe(Image);
    await compose('commit', 'app', 'committed:x');
    daemon.sampan('inspect', 'committed:x');
    await compose('export', '--output=exported.tar', 'app');
    expect(readFileSync(join(home, 'exported.tar')).length).toBeGreaterThan(1_000_000);
  });
});

describe('watch', () => {
  test('brings changed files, restarts and builds again', async () => {
    const watching = start('watch', '--no-up', 'app');
    const page = async (name: string) => {
      const address = (await compose('port', 'app', '8080')).trim();
      return fetch(`http://${address}/${name}`).then(
        (answer) => (answer.ok ? answer.text() : `${answer.status}`),
        () => '',
      );
    };
    const until = async (check: () => Promise<boolean>) => {
      while (!(await check())) await Bun.sleep(100);
    };
    await Bun.sleep(1_500);
    writeFileSync(join(home, 'app/files/page'), 'two');
    writeFileSync(join(home, 'app/files/new'), 'new');
    await until(async () => (await page('page')) === 'two' && (await page('new')) === 'new');
    rmSync(join(home, 'app/files/new'));
    await until(async () => (await page('new')) === '404');
    writeFileSync(join(home, 'app/settings/speed'), 'fast\n');
    await until(async () => (await compose('logs', '--no-log-prefix', 'app')).includes('fast'));
    appendFileSync(join(home, 'app/Dockerfile'), 'RUN echo rebuilt >/again\n');
    await until(async () => (await cli.run(...command('exec', '-T', 'app', 'cat', '/again'))).status === 0);
    watching.kill('SIGINT');
    expect((await watching.ended).stderr).not.toContain('rror');
  }, 60_000);
});

describe('down', () => {
  test('takes all of it away, images and volumes if asked', async () => {
    await compose('--profile', '*', 'down', '--timeout=0');
    const names = (kind: string) => daemon.sampan(kind, 'ls', '--format', '{{.Name}}').split('\n').sort();
    expect(names('network')).toEqual(['bridge', 'host', 'none']);
    expect(names('volume')).toEqual(['features_bound', 'features_data', 'features_memory']);
    await compose('down', '--volumes', '--rmi=local');
    expect(names('volume')).toEqual(['']);
    expect(daemon.sampan('images', '--format', '{{.Repository}}')).not.toContain('features-first');
  });
});
