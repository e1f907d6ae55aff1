import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import { openDatabase } from '../base/database.ts';
import type { EndpointRequest, NetworkRequest, Networks, PoolRequest } from './contract.ts';
import { networkSchema } from './schema.ts';
import {
  anyNetwork,
  anyRequest,
  askWords,
  connectAndStart,
  type TestContainer,
} from './testing/containers.ts';
import { command, openNamespace, type TestNamespace } from './testing/namespaces.ts';
import { networksOn } from './testing/open-networks.ts';

/** Networks that somebody made, on one host with a neighbour that knows the way to its containers. */

const hostAddress = '10.92.0.1';
const outsideAddress = '10.92.0.2';
const hostAddress6 = 'fd92::1';
const outsideAddress6 = 'fd92::2';

let host: TestNamespace;
let outside: TestNamespace;
let database: ReturnType<typeof openDatabase>;
let networks: Networks;
const containers: TestContainer[] = [];

beforeAll(async () => {
  host = await openNamespace('users');
  outside = await openNamespace('beyond');
  const pair = ['ip', 'link', 'add', 'wire', 'netns', host.name, 'type', 'veth', 'peer', 'wire', 'netns'];
  await command([...pair, outside.name]);
  for (const [side, ...addresses] of [
    [host, `${hostAddress}/24`, `${hostAddress6}/64`],
    [outside, `${outsideAddress}/24`, `${outsideAddress6}/64`],
  ] as const) {
    for (const address of addresses) {
      const flags = address.includes(':') ? ['nodad'] : [];
      await side.run('ip', 'addr', 'add', address, 'dev', 'wire', ...flags);
    }
    // Else the neighbours cannot ask for each other before they know that nobody has their addresses.
    await side.run('sh', '-c', 'echo 0 > /proc/sys/net/ipv6/conf/wire/accept_dad');
    await side.run('ip', 'link', 'set', 'wire', 'up');
  }
  await outside.run('ip', 'route', 'add', '172.16.0.0/12', 'via', hostAddress);
  await outside.run('ip', 'route', 'add', 'fd44::/16', 'via', hostAddress6);
});

afterAll(async () => {
  await outside[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

beforeEach(async () => {
  database = openDatabase(':memory:', [networkSchema]);
  networks = networksOn(host, { database });
  await networks.start(background(), []);
});

/** What is left of a test is told by the next one's beginning from nothing. */
afterEach(async () => {
  for (const container of containers.splice(0)) {
    await container.end();
    await networks.disconnect(background(), container.endpoint);
  }
  await networks.prune(background(), () => true);
  for (let tries = 0; tries < 500 && (await links()).some((name) => name.startsWith('veth')); tries++) {
    await Bun.sleep(20);
  }
  await networks.stop(background());
  expect(await links()).toEqual(['lo', 'wire']);
  expect(await host.run('nft', 'list', 'ruleset')).toBe('');
});

async function links(): Promise<string[]> {
  const lines = (await host.run('ip', '-br', 'link')).trim().split('\n');
  return lines.map((line) => line.split(/[\s@]/)[0] ?? '').sort();
}

function make(name: string, more: Partial<NetworkRequest> = {}): Promise<{ id: string }> {
  return networks.create(background(), { ...anyNetwork, name, ...more });
}

async function start(network: string, more: Partial<EndpointRequest> = {}): Promise<TestContainer> {
  const container = await connectAndStart(host, networks, { network, ...more });
  containers.push(container);
  return container;
}

const pool = (subnet: string, more: Partial<PoolRequest> = {}): PoolRequest => {
  return { subnet, ipRange: '', gateway: '', auxiliary: {}, ...more };
};

const published = (containerPort: number, hostPort: number) => {
  return [{ protocol: 'tcp', containerPort, hostAddress: '', hostPort, hostPortEnd: hostPort } as const];
};

async function ask(from: Pick<TestNamespace, 'run'>, address: string, port: number): Promise<string> {
  return (await from.run(...askWords('tcp', address, port)).catch(() => '')).trim();
}

describe('a bridge network', () => {
  test('has a bridge of its own with the gateway’s address, MTU and isolation as asked for', async () => {
    const { id } = await make('front', {
      pools: [pool('10.20.0.0/24', { gateway: '10.20.0.254', ipRange: '10.20.0.128/25' })],
      options: { 'com.docker.network.driver.mtu': '1400', 'com.docker.network.bridge.enable_icc': 'false' },
    });
    const bridge = `br-${id.slice(0, 12)}`;
    expect(await host.run('ip', '-d', 'addr', 'show', bridge)).toMatch(
      /mtu 1400[\s\S]*bridge[\s\S]*inet 10\.20\.0\.254\/24/,
    );
    const one = await start('front');
    const two = await start('front');
    expect(one.endpoint.ipv4Address).toBe('10.20.0.128');
    expect(await one.run('ip', '-o', 'link', 'show', 'eth0')).toContain('mtu 1400');
    expect(await host.run('bridge', '-d', 'link', 'show', 'dev', one.endpoint.hostInterface)).toContain(
      'isolated on',
    );
    await two.serve('tcp', 80);
    expect(await ask(one, two.endpoint.ipv4Address, 80)).toBe('');
  });

  test('is apart from others, and from who asks from outside for what is not published', async () => {
    await make('front');
    await make('back');
    const front = await start('front', { ports: published(80, 8080) });
    const back = await start('back');
    const peer = await start('front');
    for (const port of [80, 81]) await front.serve('tcp', port);
    expect(await ask(peer, front.endpoint.ipv4Address, 81)).toBe(peer.endpoint.ipv4Address);
    expect(await ask(back, front.endpoint.ipv4Address, 81)).toBe('');
    expect(await ask(outside, front.endpoint.ipv4Address, 81)).toBe('');
    expect(await ask(outside, hostAddress, 8080)).toBe(outsideAddress);
    expect(await ask(back, hostAddress, 8080)).not.toBe('');
  });

  test('that is internal has no way out and none in', async () => {
    await make('inner', { internal: true });
    const one = await start('inner', { gateway: { ipv4: false, ipv6: false } });
    const two = await start('inner', { gateway: { ipv4: false, ipv6: false } });
    await two.serve('tcp', 80);
    expect(await one.run('ip', 'route')).not.toContain('default');
    expect(await ask(one, two.endpoint.ipv4Address, 80)).toBe(one.endpoint.ipv4Address);
    const { gateway = '' } = networks.get('inner').ipam[0] ?? {};
    await one.run('ip', 'route', 'add', 'default', 'via', gateway);
    expect(await ask(one, outsideAddress, 22)).toBe('');
    expect(await ask(outside, two.endpoint.ipv4Address, 80)).toBe('');
  });

  test('has IPv6 beside IPv4 or alone, with ports that show who asks', async () => {
    await make('both', { enableIPv6: true });
    await make('six', { enableIPv4: false, enableIPv6: true, pools: [pool('fd44:6::/64')] });
    const both = await start('both', { ports: published(80, 8080) });
    const six = await start('six', { ports: published(80, 8086), ipv6Address: 'fd44:6::77' });
    for (const container of [both, six]) await container.serve('tcp', 80, '::');
    expect(networks.get('both').ipam.map(({ subnet }) => subnet)).toEqual([
      '172.18.0.0/16',
      expect.stringMatching(/^fd.*\/64$/),
    ]);
    expect(await six.run('ip', '-o', 'addr', 'show', 'eth0')).not.toContain('inet ');
    expect(await six.run('ip', '-6', 'route', 'show', 'default')).toContain('via fd44:6::1 dev eth0');
    expect(await ask(outside, hostAddress6, 8080)).toBe(outsideAddress6);
    expect(await ask(outside, hostAddress, 8080)).toBe(`::ffff:${outsideAddress}`);
    expect(await ask(outside, hostAddress6, 8086)).toBe(outsideAddress6);
    expect(await ask(outside, 'fd44:6::77', 80)).toBe('');
    expect(await ask(outside, hostAddress, 8086)).toBe('fd44:6::1');
  });

  test('that is routed is reached at its containers’ own addresses, at published ports alone', async () => {
    await make('routed', { options: { 'com.docker.network.bridge.gateway_mode_ipv4': 'routed' } });
    await make('open', { options: { 'com.docker.network.bridge.gateway_mode_ipv4': 'nat-unprotected' } });
    const routed = await start('routed', { ports: published(80, 8080) });
    const open = await start('open');
    for (const port of [80, 81]) await routed.serve('tcp', port);
    await open.serve('tcp', 81);
    expect(routed.endpoint.ports.map(({ hostPort }) => hostPort)).toEqual([0]);
    expect(await ask(outside, routed.endpoint.ipv4Address, 80)).toBe(outsideAddress);
    expect(await ask(outside, routed.endpoint.ipv4Address, 81)).toBe('');
    expect(await ask(outside, open.endpoint.ipv4Address, 81)).toBe(outsideAddress);
  });

  test('is there again after the daemon, and what runs in it goes on', async () => {
    await make('front');
    const web = await start('front', { ports: published(80, 8080) });
    await web.serve('tcp', 80);
    await networks.stop(background());
    await host.run('nft', 'flush', 'ruleset');
    await host.run('ip', 'link', 'del', `br-${web.endpoint.networkId.slice(0, 12)}`);
    networks = networksOn(host, { database });
    await networks.start(background(), [web.endpoint]);
    expect(await ask(outside, hostAddress, 8080)).toBe(outsideAddress);
    expect((await start('front')).endpoint.ipv4Address).not.toBe(web.endpoint.ipv4Address);
    expect(networks.names.lookUp(web.endpoint.networkId, 'C')).toHaveLength(2);
  });
});

describe('a running container', () => {
  test('joins and leaves a network, and its default routes and ports go where they are told', async () => {
    await make('first');
    await make('second', { enableIPv6: true });
    const web = await start('first', { ports: published(80, 8080) });
    await web.serve('tcp', 80);
    const request: EndpointRequest = { ...anyRequest, network: 'second', interfaceName: 'eth1' };
    const second = await networks.join(
      background(),
      { ...request, gateway: { ipv4: false, ipv6: true }, linkLocal: ['169.254.9.9'] },
      web.pid,
    );
    const addresses = await web.run('ip', '-o', 'addr', 'show', 'eth1');
    for (const text of [second.ipv4Address, second.ipv6Address, '169.254.9.9'])
      expect(addresses).toContain(text);
    expect(await web.run('ip', 'route', 'show', 'default')).toContain('dev eth0');
    expect(await web.run('ip', '-6', 'route', 'show', 'default')).toContain('dev eth1');
    await networks.reroute(background(), web.pid, { ipv4: second, ipv6: second });
    expect(await web.run('ip', 'route', 'show', 'default')).toBe(`default via ${second.gateway} dev eth1 \n`);
    const moved = networks.planPorts({ from: web.endpoint, to: second, ports: published(80, 8080) });
    for (const plan of moved.plans) await web.supervisor.publish(background(), plan);
    await moved.apply(background());
    moved.commit();
    await networks.leave(background(), moved.from ?? web.endpoint, web.pid);
    expect(await ask(outside, hostAddress, 8080)).toBe(outsideAddress);
    expect(await web.run('ip', '-br', 'link')).not.toContain('eth0');
    await networks.leave(background(), moved.to ?? second, web.pid);
    expect(await ask(outside, hostAddress, 8080)).toBe('');
    expect(await web.run('ip', '-br', 'link')).toMatch(/^lo[^\n]*\n$/);
  });
});

describe('a macvlan network', () => {
  test('puts containers beside the host on its parent', async () => {
    await make('lan', {
      driver: 'macvlan',
      options: { parent: 'wire' },
      pools: [pool('10.92.0.0/24', { gateway: '10.92.0.2', auxiliary: { host: '10.92.0.1' } })],
    });
    const one = await start('lan', { macAddress: '02:00:00:00:00:09' });
    expect(one.endpoint.ipv4Address).toBe('10.92.0.3');
    expect(await one.run('ip', '-d', 'link', 'show', 'eth0')).toMatch(
      /02:00:00:00:00:09[\s\S]*macvlan mode bridge/,
    );
    await one.serve('tcp', 80);
    expect(await ask(outside, one.endpoint.ipv4Address, 80)).toBe(outsideAddress);
    await networks.prune(background(), () => true);
    expect(await links()).toContain('wire');
  });

  test('without a parent is a network of its own', async () => {
    await make('own', { driver: 'macvlan' });
    const one = await start('own');
    const two = await start('own');
    await two.serve('tcp', 80);
    expect(await ask(one, two.endpoint.ipv4Address, 80)).toBe(one.endpoint.ipv4Address);
  });
});

describe('what cannot be made is refused', () => {
  const config = (text: string) => `invalid network config:\n${text}`;
  test.each([
    ['invalid name: ', { name: '' }],
    ['operation is not permitted on predefined bridge network', { name: 'bridge' }],
    ['network with name taken already exists', { name: 'taken' }],
    ['plugin "foo" not found', { driver: 'foo' }],
    ['only one instance of "host" network is allowed', { driver: 'host' }],
    [config('invalid subnet bogus: invalid CIDR block notation'), { pools: [pool('bogus')] }],
    [config('invalid subnet 10.0.0.1/24: it should be 10.0.0.0/24'), { pools: [pool('10.0.0.1/24')] }],
    [
      config("invalid gateway 10.2.0.1: parent subnet 10.1.0.0/24 doesn't contain this address"),
      { pools: [pool('10.1.0.0/24', { gateway: '10.2.0.1' })] },
    ],
    [
      config(
        'invalid ip-range 10.0.0.0/8: CIDR block is bigger than its parent subnet 10.1.0.0/24\ninvalid auxiliary address x: invalid address',
      ),
      { pools: [pool('10.1.0.0/24', { ipRange: '10.0.0.0/8', auxiliary: { x: 'y' } })] },
    ],
    [
      'invalid pool request: Pool overlaps with other one on this address space',
      { pools: [pool('172.17.3.0/24')] },
    ],
    ["requested macvlan mode 'x' is not valid", { driver: 'macvlan', options: { macvlan_mode: 'x' } }],
    [
      'loopback interface is not a valid macvlan parent link',
      { driver: 'macvlan', options: { parent: 'lo' } },
    ],
    [
      'failed to parse com.docker.network.bridge.enable_icc value: zz',
      { options: { 'com.docker.network.bridge.enable_icc': 'zz' } },
    ],
    ['invalid bridge name', { options: { 'com.docker.network.bridge.name': '../../x' } }],
  ] satisfies [string, Partial<NetworkRequest>][])('%s', async (message, request) => {
    await make('taken', { options: { 'com.docker.network.bridge.name': 'brtaken' } });
    const before = await links();
    await expect(make('fresh', request)).rejects.toThrow(message);
    await expect(make('rival', { options: { 'com.docker.network.bridge.name': 'brtaken' } })).rejects.toThrow(
      'networks have same bridge name',
    );
    expect(networks.list().map(({ name }) => name)).toEqual(['bridge', 'host', 'none', 'taken']);
    expect(await links()).toEqual(before);
  });

  test('and so is removing what is in use or predefined', async () => {
    await make('busy');
    const { endpoint } = await start('busy');
    await expect(networks.remove(background(), 'busy')).rejects.toThrow(
      `error while removing network: network busy has active endpoints (name:"c" id:"${endpoint.endpointId.slice(0, 12)}")`,
    );
    await expect(networks.remove(background(), 'none')).rejects.toThrow(
      'none is a pre-defined network and cannot be removed',
    );
    await expect(networks.remove(background(), 'absent')).rejects.toThrow('network absent not found');
  });
});
