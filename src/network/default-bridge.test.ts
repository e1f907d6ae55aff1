import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import { openDatabase } from '../base/database.ts';
import type { Networks } from './contract.ts';
import type { DefaultBridgeOptions, NetworksOptions } from './options.ts';
import { networkSchema } from './schema.ts';
import { anyNetwork, askWords, connectAndStart, type TestContainer } from './testing/containers.ts';
import { openNamespace, type TestNamespace } from './testing/namespaces.ts';
import { networksOn } from './testing/open-networks.ts';

let host: TestNamespace;
let networks: Networks;
const containers: TestContainer[] = [];

beforeAll(async () => {
  host = await openNamespace('default');
});

afterAll(() => host[Symbol.asyncDispose]());

afterEach(async () => {
  for (const container of containers.splice(0)) {
    await container.end();
    await networks.disconnect(background(), container.endpoint);
  }
  await networks.prune(background(), () => true);
  await networks.stop(background());
  expect(await host.run('nft', 'list', 'ruleset')).toBe('');
  expect(await host.run('ip', '-br', 'link')).not.toContain('sampan');
});

const plain: DefaultBridgeOptions = {
  ipv6: false,
  bip6: '',
  range: '',
  subnet6: '',
  gateway: '',
  gateway6: '',
};

async function begin(
  more: Partial<DefaultBridgeOptions>,
  others: Partial<NetworksOptions> = {},
): Promise<void> {
  networks = networksOn(host, { defaultBridge: { ...plain, ...more }, ...others });
  await networks.start(background(), []);
}

async function started(request: Parameters<typeof connectAndStart>[2] = {}): Promise<TestContainer> {
  const container = await connectAndStart(host, networks, request);
  containers.push(container);
  return container;
}

const port = {
  protocol: 'tcp',
  containerPort: 80,
  hostAddress: '',
  hostPort: 8080,
  hostPortEnd: 8080,
} as const;

test('the default bridge has IPv6 of a subnet of its own if it is asked for, the same after a restart', async () => {
  const database = openDatabase(':memory:', [networkSchema]);
  await begin({ ipv6: true }, { database });
  const [, pool] = networks.get('bridge').ipam;
  expect(pool?.subnet).toMatch(/^fd.*\/64$/);
  const { endpoint, run } = await started();
  expect(endpoint.ipv6Gateway).toBe(pool?.gateway ?? '');
  expect(await run('/bin/busybox', 'ping', '-6', '-c', '1', '-W', '2', pool?.gateway ?? '')).toContain(
    ' 0% packet loss',
  );
  await networks.stop(background());
  networks = networksOn(host, { defaultBridge: plain, database });
  await networks.start(background(), [endpoint]);
  expect(networks.get('bridge').ipam).toMatchObject([{}, { subnet: pool?.subnet, gateway: pool?.gateway }]);
});

test('the default bridge has the addresses, ranges and gateways that it is told to have', async () => {
  await begin(
    { ipv6: true, bip6: 'fd77::9/64', range: '10.77.0.128/25', gateway: '10.77.0.7', gateway6: 'fd77::7' },
    { bip: '10.77.0.9/24' },
  );
  const { endpoint, run } = await started();
  expect(endpoint.ipv4Address).toBe('10.77.0.128');
  expect(endpoint).toMatchObject({ ipv4PrefixLength: 24, gateway: '10.77.0.7', ipv6Gateway: 'fd77::7' });
  expect(await run('ip', 'route')).toContain('default via 10.77.0.7');
  const addresses = await host.run('ip', '-br', 'addr', 'show', 'dev', 'sampan0');
  expect(addresses).toContain('10.77.0.9/24');
  expect(addresses).toContain('fd77::9/64');
});

test('a range alone is the subnet of the default bridge', async () => {
  await begin({ ipv6: true, range: '10.78.0.0/24', subnet6: 'fd78::/64' });
  expect(networks.get('bridge').ipam).toMatchObject([
    { subnet: '10.78.0.0/24', gateway: '10.78.0.1', ipRange: '' },
    { subnet: 'fd78::/64', gateway: 'fd78::1', ipRange: '' },
  ]);
});

test('without IPv6 the default bridge loses an address that it had', async () => {
  await begin({ ipv6: true });
  const before = networks;
  await begin({});
  expect(networks.get('bridge').ipam).toHaveLength(1);
  expect(await host.run('ip', '-6', 'addr', 'show', 'dev', 'sampan0', 'scope', 'global')).toBe('');
  await before.stop(background());
});

test('without firewall rules there is no table, and published ports are relayed', async () => {
  await begin({}, { firewall: { ipv4: false, ipv6: false } });
  const container = await started({ ports: [port] });
  await container.serve('tcp', 80);
  expect(await host.run('nft', 'list', 'ruleset')).toBe('');
  const address = networks.get('bridge').ipam[0]?.gateway ?? '';
  expect((await host.run(...askWords('tcp', address, 8080))).trim()).toBe(address);
});

test('without rules for IPv6 its packets are let pass as they are', async () => {
  await begin({ ipv6: true }, { firewall: { ipv4: true, ipv6: false } });
  await started({ ports: [port] });
  const rules = await host.run('nft', 'list', 'table', 'inet', 'sampan');
  expect(rules).toContain('meta nfproto ipv6 accept');
  expect(rules).not.toContain('dnat ip6');
  expect(rules).not.toContain('@masqueraded6');
});

test('new networks have the options that their driver has by default, unless they say otherwise', async () => {
  const mtu = 'com.docker.network.driver.mtu';
  await begin({}, { driverOptions: [`bridge=${mtu}=1400`, 'macvlan=parent=x'] });
  for (const [name, options] of [
    ['tame', {}],
    ['own', { [mtu]: '1300' }],
  ] as const) {
    await networks.create(background(), { ...anyNetwork, name, options });
  }
  expect(networks.get('tame').options).toEqual({ [mtu]: '1400' });
  expect(networks.get('own').options).toEqual({ [mtu]: '1300' });
});

test('containers that may not talk to each other reach what they are linked to, and nothing else', async () => {
  await begin({}, { icc: false });
  const server = await started();
  for (const number of [80, 81]) await server.serve('tcp', number);
  const address = server.endpoint.ipv4Address;
  const linked = [{ protocol: 'tcp', address, port: 80 } as const];
  const stranger = await started();
  const friend = await started({ linked });
  const ask = (container: TestContainer, number: number) =>
    container.run(...askWords('tcp', address, number)).catch(() => '');
  expect((await ask(friend, 80)).trim()).toBe(friend.endpoint.ipv4Address);
  expect(await ask(friend, 81)).toBe('');
  expect(await ask(stranger, 80)).toBe('');
  await host.run('nft', 'flush', 'ruleset');
  for (let tries = 0; tries < 20 && (await ask(stranger, 80)) !== ''; tries++);
  expect(await ask(stranger, 80)).toBe('');
  expect((await ask(friend, 80)).trim()).toBe(friend.endpoint.ipv4Address);
  await expectNothingFromOutside(server, friend.endpoint.ipv4Address);
  await friend.end();
  expect(await host.run('nft', 'list', 'set', 'inet', 'sampan', 'linked')).not.toContain(address);
});

/** A neighbour of the host says that he is the container at `source`. */
async function expectNothingFromOutside(server: TestContainer, source: string): Promise<void> {
  await using outside = await openNamespace('pretending');
  await host.run('ip', 'link', 'add', 'wire', 'type', 'veth', 'peer', 'wire', 'netns', outside.name);
  await host.run('ip', 'addr', 'add', '10.95.0.1/24', 'dev', 'wire');
  await host.run(
    'sh',
    '-c',
    'echo 0 | tee /proc/sys/net/ipv4/conf/all/rp_filter > /proc/sys/net/ipv4/conf/wire/rp_filter',
  );
  await host.run('ip', 'link', 'set', 'wire', 'up');
  await outside.run('ip', 'addr', 'add', '10.95.0.2/24', 'dev', 'wire');
  await outside.run('ip', 'link', 'set', 'wire', 'up');
  await outside.run(
    'ip',
    'route',
    'add',
    server.endpoint.ipv4Address,
    'via',
    '10.95.0.1',
    'src',
    '10.95.0.2',
  );
  await outside.run('ip', 'addr', 'add', `${source}/32`, 'dev', 'wire');
  await outside.run('ip', 'route', 'change', server.endpoint.ipv4Address, 'via', '10.95.0.1', 'src', source);
  const heard = () => server.run('grep', '^Tcp: [0-9]', '/proc/net/snmp');
  const before = await heard();
  expect(await outside.run(...askWords('tcp', server.endpoint.ipv4Address, 80)).catch(() => '')).toBe('');
  expect(await heard()).toBe(before);
}

test('without IPv6 in the kernel nothing of it is asked for', async () => {
  await begin({}, { ipv6: 'absent' });
  await started({ ports: [port] });
  const rules = await host.run('nft', 'list', 'ruleset');
  expect(rules).toContain('table ip sampan');
  expect(rules).not.toContain('table ip6 sampan');
});
