import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import { openDatabase } from '../base/database.ts';
import type { Networks, PortRequest } from './contract.ts';
import type { NetworksOptions } from './options.ts';
import { networkSchema } from './schema.ts';
import {
  anyRequest,
  askWords,
  connectAndStart,
  startContainer,
  startServer,
  type TestContainer,
} from './testing/containers.ts';
import { command, openNamespace, type TestNamespace } from './testing/namespaces.ts';
import { networksOn } from './testing/open-networks.ts';

const hostAddress = '10.91.0.1';
const outsideAddress = '10.91.0.2';

let host: TestNamespace;
let outside: TestNamespace;

/** A host and a neighbour of it that knows the way to the host's containers. */
beforeAll(async () => {
  host = await openNamespace('host');
  outside = await openNamespace('outside');
  const pair = ['ip', 'link', 'add', 'wire', 'netns', host.name, 'type', 'veth', 'peer', 'wire', 'netns'];
  await command([...pair, outside.name]);
  await host.run('ip', 'addr', 'add', `${hostAddress}/24`, 'dev', 'wire');
  await outside.run('ip', 'addr', 'add', `${outsideAddress}/24`, 'dev', 'wire');
  for (const side of [host, outside]) await side.run('ip', 'link', 'set', 'wire', 'up');
  await outside.run('ip', 'route', 'add', '172.16.0.0/12', 'via', hostAddress);
});

afterAll(async () => {
  await outside[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

const networksOf = (overrides: Partial<NetworksOptions> = {}): Networks => networksOn(host, overrides);

function port(containerPort: number, hostPort: number, more: Partial<PortRequest> = {}): PortRequest {
  return { protocol: 'tcp', containerPort, hostAddress: '', hostPort, hostPortEnd: hostPort, ...more };
}

/** What the server at this address says that it sees, "" when it cannot be reached. */
async function ask(
  from: Pick<TestNamespace, 'run'>,
  protocol: string,
  address: string,
  at: number,
): Promise<string> {
  return (await from.run(...askWords(protocol, address, at)).catch(() => '')).trim();
}

/** Ends containers, then the networks; the kernel takes a moment to clear a namespace, and answers still need their translation. */
async function endAll(networks: Networks, ...containers: readonly TestContainer[]): Promise<void> {
  for (const container of containers) {
    await container.end();
    await networks.disconnect(background(), container.endpoint);
  }
  for (
    let attempt = 0;
    attempt < 500 && (await linkNames()).some((name) => name.startsWith('veth'));
    attempt += 1
  ) {
    await Bun.sleep(20);
  }
  await networks.stop(background());
  expect(await linkNames()).toEqual(['lo', 'wire']);
  expect(await host.run('nft', 'list', 'ruleset')).toBe('');
}

/** A daemon that stops while there is a container: all stays as it is. */
async function stopInUse(networks: Networks): Promise<void> {
  await networks.connect(background(), anyRequest);
  await networks.stop(background());
}

async function linkNames(): Promise<string[]> {
  const lines = (await host.run('ip', '-br', 'link')).trim().split('\n');
  return lines.map((line) => line.split(/[\s@]/)[0] ?? '').sort();
}

describe('the default bridge', () => {
  let networks: Networks;
  let web: TestContainer;
  let other: TestContainer;

  beforeAll(async () => {
    networks = networksOf();
    await networks.start(background(), []);
    web = await connectAndStart(host, networks, {
      ports: [
        port(80, 8080),
        port(53, 5353, { protocol: 'udp' }),
        port(80, 8081, { hostAddress: '127.0.0.1' }),
        port(80, 8082, { hostAddress }),
      ],
    });
    other = await connectAndStart(host, networks, {});
    await web.serve('tcp', 80);
    await web.serve('udp', 53);
    await web.serve('tcp', 81);
    await other.serve('tcp', 80);
  });

  afterAll(async () => {
    await web.end();
    expect(await host.run('nft', 'list', 'map', 'inet', 'sampan', 'published')).not.toContain('elements');
    expect(await host.run('nft', 'list', 'map', 'inet', 'sampan', 'published_at')).not.toContain('elements');
    await endAll(networks, web, other);
  });

  test('gives a container address, MAC, default route and loopback, and no IPv6 on its interface', async () => {
    const addresses = await web.run('ip', '-o', 'addr');
    expect(addresses).toContain('inet 172.17.0.2/16 brd 172.17.255.255 scope global eth0');
    expect(addresses).toContain('inet 127.0.0.1/8');
    expect(addresses).toContain('inet6 ::1/128');
    expect(addresses).not.toContain('fe80');
    expect(await web.run('ip', 'link', 'show', 'eth0')).toContain('02:42:ac:11:00:02');
    expect(await web.run('ip', 'route')).toStartWith('default via 172.17.0.1 dev eth0 \n');
    expect(await web.run('cat', '/proc/sys/net/ipv6/conf/eth0/disable_ipv6')).toBe('1\n');
    expect(await web.run('cat', '/proc/sys/net/ipv6/conf/default/disable_ipv6')).toBe('0\n');
  });

  test('shows the container the address of who asks from outside, over TCP and UDP', async () => {
    expect(await ask(outside, 'tcp', hostAddress, 8080)).toBe(outsideAddress);
    expect(await ask(outside, 'udp', hostAddress, 5353)).toBe(outsideAddress);
  });

  test('serves published ports on the address they were published on and no other', async () => {
    expect(await ask(outside, 'tcp', hostAddress, 8082)).toBe(outsideAddress);
    expect(await ask(host, 'tcp', '172.17.0.1', 8082)).toBe('');
    expect(await ask(outside, 'tcp', hostAddress, 8081)).toBe('');
  });

  test('serves the host itself on its own addresses and on loopback of both families', async () => {
    expect(await ask(host, 'tcp', hostAddress, 8080)).toBe(hostAddress);
    expect(await ask(host, 'tcp', '127.0.0.1', 8080)).toBe('172.17.0.1');
    expect(await ask(host, 'tcp', '::1', 8080)).toBe('172.17.0.1');
    expect(await ask(host, 'tcp', '127.0.0.1', 8081)).toBe('172.17.0.1');
    expect(await ask(host, 'udp', '127.0.0.1', 5353)).toBe('172.17.0.1');
  });

  test('lets containers reach each other directly and through host ports, themselves included', async () => {
    expect(await ask(other, 'tcp', '172.17.0.2', 80)).toBe('172.17.0.3');
    expect(await ask(other, 'tcp', hostAddress, 8080)).toBe('172.17.0.1');
    expect(await ask(web, 'tcp', hostAddress, 8080)).toBe('172.17.0.1');
    expect(await ask(web, 'udp', hostAddress, 5353)).toBe('172.17.0.1');
  });

  test('keeps outsiders from ports that are not published, even where they know the way', async () => {
    expect(await ask(outside, 'tcp', '172.17.0.2', 80)).toBe('');
    expect(await ask(outside, 'tcp', '172.17.0.2', 81)).toBe('');
    expect(await ask(host, 'tcp', '172.17.0.2', 81)).toBe('172.17.0.1');
  });

  test("lets containers out with the host's address", async () => {
    await using _server = await startServer(['ip', 'netns', 'exec', outside.name], 'tcp', '0.0.0.0', 7000);
    expect(await ask(web, 'tcp', outsideAddress, 7000)).toBe(hostAddress);
  });

  test('refuses a port that another container has, in the words of Docker', async () => {
    const request = { ...anyRequest, containerName: 'second', ports: [port(80, 8080)] };
    await expect(networks.connect(background(), request)).rejects.toThrow(
      /^driver failed programming external connectivity on endpoint second \([0-9a-f]{64}\): Bind for 0\.0\.0\.0:8080 failed: port is already allocated$/,
    );
  });

  test('a container that ends gives its ports free at once', async () => {
    for (let time = 0; time < 5; time += 1) {
      const container = await connectAndStart(host, networks, { ports: [port(80, 8090)] });
      await container.end();
      await networks.disconnect(background(), container.endpoint);
    }
  });

  test('a UDP client that goes on sending reaches whoever has the port now', async () => {
    const persistent = [...askWords('udp', hostAddress, 5454), '4444'];
    await expect(outside.run(...persistent)).rejects.toThrow();
    for (let time = 0; time < 2; time += 1) {
      await using container = await connectAndStart(host, networks, {
        ports: [port(53, 5454, { protocol: 'udp' })],
      });
      await container.serve('udp', 53);
      expect(await outside.run(...persistent)).toBe(`${outsideAddress}\n`);
      await networks.disconnect(background(), container.endpoint);
    }
  });

  test('explains a port that another program has, and chooses another where it may', async () => {
    await using _server = await startServer(['ip', 'netns', 'exec', host.name], 'tcp', '0.0.0.0', 9000);
    const attempt = async (wanted: PortRequest) => {
      const connected = await networks.connect(background(), { ...anyRequest, ports: [wanted] });
      const error = await startContainer(host, connected).then(
        (container) => container.end(),
        (reason: unknown) => reason,
      );
      const failure = networks.explainStart(error, connected.endpoint, 'c');
      await networks.disconnect(background(), connected.endpoint);
      return { ...connected, failure };
    };
    const range = port(80, 9000, { hostPortEnd: 9001 });
    expect((await attempt(range)).failure?.again).toBe(true);
    const second = await attempt(range);
    expect(second.failure).toBeUndefined();
    expect(second.endpoint.ports.map(({ hostPort }) => hostPort)).toEqual([9001, 9001]);
    const fixed = await attempt(port(80, 9000));
    expect(fixed.failure?.again).toBe(false);
    expect(fixed.failure?.error.message).toBe(
      'failed to set up container networking: driver failed programming external connectivity on endpoint ' +
        `c (${fixed.endpoint.endpointId}): failed to bind host port for 0.0.0.0:9000:${fixed.endpoint.ipv4Address}:80/tcp: address already in use`,
    );
  });
});

describe('a start after a start', () => {
  test('takes live endpoints in and goes on where the last daemon left', async () => {
    const database = openDatabase(':memory:', [networkSchema]);
    const first = networksOf({ database });
    await first.start(background(), []);
    await using web = await connectAndStart(host, first, { ports: [port(80, 8080)] });
    await web.serve('tcp', 80);
    await first.stop(background());
    await host.run('nft', 'flush', 'ruleset');
    await host.run('ip', 'link', 'del', 'sampan0');

    const second = networksOf({ database });
    await second.start(background(), [web.endpoint]);
    expect(second.get('bridge').id).toBe(web.endpoint.networkId);
    expect(await ask(outside, 'tcp', hostAddress, 8080)).toBe(outsideAddress);
    const next = await second.connect(background(), anyRequest);
    expect(next.endpoint.ipv4Address).toBe('172.17.0.3');
    await second.stop(background());
    expect(await ask(outside, 'tcp', hostAddress, 8080)).toBe(outsideAddress);

    await second.disconnect(background(), next.endpoint);
    await endAll(second, web);
  });

  test('chooses a subnet that the host does not use, and keeps what a bridge has', async () => {
    await host.run('ip', 'link', 'add', 'busy', 'type', 'bridge');
    await host.run('ip', 'addr', 'add', '172.17.5.1/24', 'dev', 'busy');
    const networks = networksOf();
    await networks.start(background(), []);
    expect(networks.get('bridge').ipam).toMatchObject([{ subnet: '172.18.0.0/16', gateway: '172.18.0.1' }]);
    await host.run('ip', 'link', 'del', 'busy');
    await stopInUse(networks);
    const again = networksOf();
    await again.start(background(), []);
    expect(again.hostGateway()).toBe('172.18.0.1');
    await stopInUse(again);
    const configured = networksOf({ bip: '10.20.0.1/24' });
    await configured.start(background(), []);
    expect(configured.hostGateway()).toBe('10.20.0.1');
    await endAll(configured);
  });
});

test('a bridge that somebody else made keeps its address and stays', async () => {
  await host.run('ip', 'link', 'add', 'sampan0', 'type', 'bridge');
  await host.run('ip', 'addr', 'add', '10.30.0.1/24', 'dev', 'sampan0');
  const networks = networksOf();
  await networks.start(background(), []);
  expect(networks.get('bridge').ipam).toMatchObject([{ subnet: '10.30.0.0/24', gateway: '10.30.0.1' }]);
  await networks.stop(background());
  expect(await linkNames()).toEqual(['lo', 'sampan0', 'wire']);
  await host.run('ip', 'link', 'del', 'sampan0');
});

test('with icc off, containers reach each other through published ports only', async () => {
  const networks = networksOf({ icc: false });
  await networks.start(background(), []);
  await using web = await connectAndStart(host, networks, { ports: [port(80, 8080)] });
  await using other = await connectAndStart(host, networks, {});
  await web.serve('tcp', 80);
  expect(await ask(other, 'tcp', web.endpoint.ipv4Address, 80)).toBe('');
  expect(await ask(other, 'tcp', hostAddress, 8080)).toBe('172.17.0.1');
  expect(await ask(outside, 'tcp', hostAddress, 8080)).toBe(outsideAddress);
  await endAll(networks, web, other);
});

test('the none network has loopback alone, and the host network nothing to do', async () => {
  const networks = networksOf();
  await using none = await connectAndStart(host, networks, { network: 'none' });
  expect(await none.run('ip', '-br', 'link')).toMatch(/^lo +UNKNOWN.*\n$/);
  await none.end();
  const { plan, endpoint } = await networks.connect(background(), { ...anyRequest, network: 'host' });
  expect(plan).toEqual({});
  expect(endpoint.ipv4Address).toBe('');
});

test('networks are found by name, ID and unique prefix', () => {
  const networks = networksOf();
  const { id } = networks.get('host');
  expect(networks.get(id).name).toBe('host');
  expect(networks.get(id.slice(0, 32)).name).toBe('host');
  expect(() => networks.get('absent')).toThrow('network absent not found');
  expect(networks.list().map(({ driver }) => driver)).toEqual(['bridge', 'host', 'null']);
});
