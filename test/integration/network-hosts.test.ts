import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { once } from 'node:events';
import { listening, startHello } from '../fixtures/hello-server.ts';
import { command, Neighbour } from '../fixtures/neighbour.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';

/** Two hosts: the daemon's, and a neighbour that knows the way to its containers and tries what it can reach. */

const { host, own } = Neighbour;

let daemon: TestDaemon;
let neighbour: Neighbour;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  neighbour = new Neighbour();
});

afterAll(async () => {
  await neighbour[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

function server(...flags: string[]) {
  return startHello(daemon, ...flags);
}

/** Says hello to who asks from `address`. */
const helloTo = (address: string) => `hello ${address}`;

/** What a container of a network is told; empty when nobody answers within a second. */
function fromContainer(network: string, address: string, port: number): string {
  const script = `nc -w 1 ${address} ${port}`;
  return daemon
    .run('sampan', ['run', '--rm', '--network', network, 'busybox', 'sh', '-c', script])
    .stdout.trim();
}

function network(name: string, ...flags: string[]): Disposable {
  daemon.sampan('network', 'create', ...flags, name);
  return { [Symbol.dispose]: () => daemon.sampan('network', 'rm', name) };
}

const sixth = ['--ipv6', '--subnet', 'fd44:1::/64'];

describe('from another host', () => {
  test('published ports are reached, on the addresses they were published on alone, and know who asks', async () => {
    using _front = network('front', ...sixth);
    {
      const flags = [
        '-p',
        '18201:80',
        '-p',
        '127.0.0.1:18202:80',
        '-p',
        `${host.ipv4}:18203:80`,
        '-p',
        '[::1]:18204:80',
      ];
      using all = server('--network', 'front', ...flags);
      await listening(daemon, all);
      expect(neighbour.ask(host.ipv4, 18201)).toBe(helloTo(own.ipv4));
      expect(neighbour.ask(host.ipv6, 18201)).toBe(helloTo(own.ipv6));
      expect(neighbour.ask(host.ipv4, 18203)).toBe(helloTo(own.ipv4));
      for (const port of [18202, 18203, 18204]) expect(neighbour.ask(host.ipv6, port)).toBe('');
      for (const port of [18202, 18204]) expect(neighbour.ask(host.ipv4, port)).toBe('');
    }
    expect(neighbour.ask(host.ipv4, 18201)).toBe('');
    expect(neighbour.ask(host.ipv6, 18201)).toBe('');
  });

  test('ports published on loopback are not reached, even where the host routes loopback addresses', async () => {
    using web = server('-p', '127.0.0.1:18205:80');
    await listening(daemon, web);
    command('ip', '-n', neighbour.name, 'route', 'add', '127.9.9.9/32', 'via', host.ipv4);
    for (const routed of ['0', '1']) {
      for (const place of ['all', 'wire'])
        await Bun.write(`/proc/sys/net/ipv4/conf/${place}/route_localnet`, routed);
      command(
        'ip',
        'netns',
        'exec',
        neighbour.name,
        'sh',
        '-c',
        'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet',
      );
      expect(neighbour.ask('127.9.9.9', 18205)).toBe('');
    }
    for (const place of ['all', 'wire'])
      await Bun.write(`/proc/sys/net/ipv4/conf/${place}/route_localnet`, '0');
    expect(command('/bin/busybox', 'nc', '-w', '1', '127.0.0.1', '18205')).toContain('hello');
  });

  test('containers are not reached at their own addresses, but where their network is open or routed', async () => {
    using _shut = network('shut', ...sixth);
    const mode = 'com.docker.network.bridge.gateway_mode_ipv';
    using _open = network('open', '-o', `${mode}4=nat-unprotected`, '--ipv6', '--subnet', 'fd44:2::/64');
    using _routed = network(
      'routed',
      '-o',
      `${mode}4=routed`,
      '-o',
      `${mode}6=routed`,
      '--ipv6',
      '--subnet',
      'fd44:3::/64',
    );
    using shut = server('--network', 'shut', '-p', '18206:80');
    using open = server('--network', 'open');
    using routed = server('--network', 'routed', '-p', '80');
    using hidden = server('--network', 'routed');
    using standard = server();
    for (const one of [shut, open, routed, hidden, standard]) await listening(daemon, one);
    expect(neighbour.ask(shut.address('shut'), 80)).toBe('');
    expect(neighbour.ask(shut.address6('shut'), 80)).toBe('');
    expect(neighbour.ask(standard.address('bridge'), 80)).toBe('');
    expect(neighbour.ask(open.address('open'), 80)).toBe(helloTo(own.ipv4));
    expect(neighbour.ask(open.address6('open'), 80)).toBe('');
    expect(neighbour.ask(routed.address('routed'), 80)).toBe(helloTo(own.ipv4));
    expect(neighbour.ask(routed.address6('routed'), 80)).toBe(helloTo(own.ipv6));
    expect(neighbour.ask(hidden.address('routed'), 80)).toBe('');
    expect(neighbour.ask(hidden.address6('routed'), 80)).toBe('');
  });

  test('internal networks are not reached, whatever is published, nor do they reach out', async () => {
    using _inner = network('inner', '--internal', ...sixth);
    using inner = server('--network', 'inner', '-p', '18207:80');
    await listening(daemon, inner);
    for (const address of [inner.address('inner'), inner.address6('inner')]) {
      expect(neighbour.ask(address, 80)).toBe('');
      expect(fromContainer('inner', address, 80)).toStartWith('hello');
    }
    for (const address of [host.ipv4, host.ipv6]) expect(neighbour.ask(address, 18207)).toBe('');
    neighbour.serve(9, 'out');
    expect(fromContainer('bridge', own.ipv4, 9)).toBe('out');
    for (const address of [own.ipv4, own.ipv6]) expect(fromContainer('inner', address, 9)).toBe('');
  });

  test("internal networks' questions for names go nowhere, though others' do", async () => {
    const heard: string[] = [];
    const listener = neighbour.listen(53);
    listener.stdout?.on('data', (chunk: Buffer) => heard.push(chunk.toString('latin1')));
    await once(listener.stdout as NodeJS.ReadableStream, 'data');
    const look = (name: string, ...flags: string[]) =>
      daemon.run('sampan', [
        'run',
        '--rm',
        '--dns',
        own.ipv4,
        ...flags,
        'busybox',
        'timeout',
        '3',
        'nslookup',
        name,
      ]);
    using _inner = network('inner');
    using _secret = network('secret', '--internal');
    look('leak.example', '--network', 'secret');
    look('leak.example', '--network', 'secret', '--dns-search', 'corp.example');
    look('public.example', '--network', 'inner');
    for (let tries = 0; tries < 50 && !heard.join().includes('public'); tries++) await Bun.sleep(20);
    expect(heard.join()).toContain('public');
    expect(heard.join()).not.toContain('leak');
  });
});

describe('networks', () => {
  test('do not reach each other but through published ports', async () => {
    using _one = network('one', '--ipv6', '--subnet', 'fd44:5::/64');
    using _two = network('two', '--ipv6', '--subnet', 'fd44:6::/64');
    using one = server('--network', 'one', '-p', '18208:80');
    await listening(daemon, one);
    for (const address of [one.address('one'), one.address6('one')]) {
      expect(fromContainer('one', address, 80)).toStartWith('hello');
      expect(fromContainer('two', address, 80)).toBe('');
    }
    expect(fromContainer('bridge', one.address('one'), 80)).toBe('');
    for (const place of ['one', 'two', 'bridge']) {
      expect(fromContainer(place, host.ipv4, 18208)).toStartWith('hello');
    }
    expect(fromContainer('two', host.ipv6, 18208)).toStartWith('hello');
  });

  test('whose containers may not talk keep them apart, but for what they publish', async () => {
    using _apart = network('apart', '-o', 'com.docker.network.bridge.enable_icc=false');
    using one = server('--network', 'apart', '-p', '18209:80');
    await listening(daemon, one);
    expect(fromContainer('apart', one.address('apart'), 80)).toBe('');
    expect(fromContainer('apart', host.ipv4, 18209)).toStartWith('hello');
  });

  test('without masquerading show their containers as they are', async () => {
    using _plain = network(
      'plain',
      '-o',
      'com.docker.network.bridge.enable_ip_masquerade=false',
      '--subnet',
      '172.30.77.0/24',
    );
    neighbour.start('nc', '-ll', '-p', '8', '-e', 'sh', '-c', "netstat -tn | awk '$4 ~ /:8$/ { print $5 }'");
    const asked = daemon.sampan(
      'run',
      '--rm',
      '--network',
      'plain',
      'busybox',
      'nc',
      '-w',
      '2',
      own.ipv4,
      '8',
    );
    expect(asked).toContain('172.30.77.2');
    expect(fromContainer('bridge', own.ipv4, 8)).toContain(host.ipv4);
  });

  test('may have a host address of their own for what they publish', async () => {
    using _bound = network('bound', '-o', 'com.docker.network.bridge.host_binding_ipv4=127.0.0.1');
    using web = server('--network', 'bound', '-p', '18210:80');
    await listening(daemon, web);
    expect(neighbour.ask(host.ipv4, 18210)).toBe('');
    expect(command('/bin/busybox', 'nc', '-w', '1', '127.0.0.1', '18210')).toContain('hello');
  });
});

describe('rules that somebody flushes', () => {
  test('are there again at once, with the daemon and after it was killed', async () => {
    using _front = network('front');
    using web = server('--network', 'front', '-p', '18211:80');
    await listening(daemon, web);
    const whole = (): void => {
      for (let tries = 0; tries < 50 && neighbour.ask(web.address('front'), 80) !== ''; tries++);
      expect(neighbour.ask(web.address('front'), 80)).toBe('');
      expect(neighbour.ask(host.ipv4, 18211)).toBe(helloTo(own.ipv4));
    };
    for (const words of ['flush ruleset', `delete table inet sampan-${daemon.bridge}`]) {
      command('nft', ...words.split(' '));
      whole();
    }
    await daemon.stopProcess('SIGKILL');
    command('nft', 'flush', 'ruleset');
    await daemon.startProcess();
    whole();
  });

  test('while networks and containers come and go are as if nobody had', async () => {
    using _kept = network('kept');
    using web = server('--network', 'kept', '-p', '18212:80');
    await listening(daemon, web);
    const flushing = Bun.spawn([
      'sh',
      '-c',
      'for i in 1 2 3 4 5 6 7 8 9 10; do nft flush ruleset; sleep 0.2; done',
    ]);
    for (let round = 0; round < 3; round++) {
      using _made = network(`made${round}`);
      using other = server('--network', `made${round}`, '-p', '18213:80');
      await listening(daemon, other);
    }
    await flushing.exited;
    for (let tries = 0; tries < 50 && neighbour.ask(host.ipv4, 18212) !== helloTo(own.ipv4); tries++);
    expect(neighbour.ask(host.ipv4, 18212)).toBe(helloTo(own.ipv4));
    expect(neighbour.ask(web.address('kept'), 80)).toBe('');
    expect(neighbour.ask(host.ipv4, 18213)).toBe('');
    const rules = command('nft', 'list', 'ruleset');
    expect(rules).not.toContain('18213');
    expect(rules.match(/tcp \. 18212/g)).toHaveLength(1);
    expect(rules.match(/chain forward/g)).toHaveLength(1);
  });
});
