import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import type { Endpoint, Networks, PortChange, PortChangeRequest, PortRequest } from './contract.ts';
import {
  anyNetwork,
  anyRequest,
  askWords,
  connectAndStart,
  startContainer,
  type TestContainer,
} from './testing/containers.ts';
import { command, openNamespace, type TestNamespace } from './testing/namespaces.ts';
import { networksOn } from './testing/open-networks.ts';

/** Ports of containers that run, asked for by the host itself and by its neighbour. */

const HOST = '10.94.0.1';
const HOST6 = 'fd94::1';

let host: TestNamespace;
let outside: TestNamespace;
let networks: Networks;
let web: TestContainer;
/** As `web` is published now. */
let endpoint: Endpoint;

beforeAll(async () => {
  host = await openNamespace('changing');
  outside = await openNamespace('neighbour');
  const pair = ['ip', 'link', 'add', 'wire', 'netns', host.name, 'type', 'veth', 'peer', 'wire', 'netns'];
  await command([...pair, outside.name]);
  for (const [side, number] of [
    [host, 1],
    [outside, 2],
  ] as const) {
    await side.run('ip', 'addr', 'add', `10.94.0.${number}/24`, 'dev', 'wire');
    await side.run('ip', 'addr', 'add', `fd94::${number}/64`, 'dev', 'wire', 'nodad');
    await side.run('sh', '-c', 'echo 0 > /proc/sys/net/ipv6/conf/wire/accept_dad');
    await side.run('ip', 'link', 'set', 'wire', 'up');
  }
});

afterAll(async () => {
  await outside[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

beforeEach(async () => {
  networks = networksOn(host);
  await networks.start(background(), []);
  await networks.create(background(), { ...anyNetwork, name: 'front', enableIPv6: true });
  web = await connectAndStart(host, networks, { network: 'front', ports: [exactly(8080)] });
  endpoint = web.endpoint;
  await web.serve('tcp', 80, '::');
});

afterEach(async () => {
  await web.end();
  expect(await elements()).toEqual([]);
  await networks.disconnect(background(), endpoint);
  await networks.prune(background(), () => true);
  await networks.stop(background());
  expect(await host.run('nft', 'list', 'ruleset')).toBe('');
});

function exactly(hostPort: number, hostAddress = '', containerPort = 80): PortRequest {
  return { protocol: 'tcp', containerPort, hostAddress, hostPort, hostPortEnd: hostPort };
}

const anyPort: PortRequest = {
  protocol: 'tcp',
  containerPort: 80,
  hostAddress: '',
  hostPort: 0,
  hostPortEnd: 0,
};

/** Carries a change out, up to where it is written down. */
async function carryOut(request: Partial<PortChangeRequest>): Promise<PortChange> {
  const change = networks.planPorts({ from: endpoint, to: endpoint, ports: [], ...request });
  try {
    for (const plan of change.plans) await web.supervisor.publish(background(), plan);
    await change.apply(background());
  } catch (error) {
    change.cancel();
    throw error;
  }
  return change;
}

async function publish(...ports: PortRequest[]): Promise<void> {
  const change = await carryOut({ ports });
  change.commit();
  endpoint = change.to ?? endpoint;
}

async function answers(side: TestNamespace, address: string, port: number): Promise<boolean> {
  const answer = await side.run(...askWords('tcp', address, port)).catch(() => '');
  return answer.trim() !== '';
}

/** From the neighbour, by IPv4 and IPv6, and from the host's loopback, by both. */
async function reached(port: number): Promise<string> {
  const from = await Promise.all([
    answers(outside, HOST, port),
    answers(outside, HOST6, port),
    answers(host, '127.0.0.1', port),
    answers(host, '::1', port),
  ]);
  return from.map((is) => (is ? 'yes' : 'no')).join(' ');
}

const everywhere = 'yes yes yes yes';
const nowhere = 'no no no no';

/** What the firewall has of published ports: "8080" for each entry of a map. */
async function elements(): Promise<string[]> {
  const ruleset = await host.run('nft', 'list', 'ruleset');
  return [...ruleset.matchAll(/tcp \. (\d+) :/g)].map(([, port = '']) => port).sort();
}

test('ports are added and removed, for IPv4 and IPv6, the firewall and the relay', async () => {
  await publish(exactly(8080), exactly(8081));
  expect([await reached(8080), await reached(8081)]).toEqual([everywhere, everywhere]);
  expect(await elements()).toEqual(['8080', '8080', '8081', '8081']);
  await publish(exactly(8081));
  expect([await reached(8080), await reached(8081)]).toEqual([nowhere, everywhere]);
  await publish();
  expect([await reached(8081), await elements()]).toEqual([nowhere, []]);
});

test('a port for one address of the host takes the place of one for all, and the reverse', async () => {
  await publish(exactly(8080, HOST));
  expect(await reached(8080)).toBe('yes no no no');
  await publish(exactly(8080, '127.0.0.1'));
  expect(await reached(8080)).toBe('no no yes no');
  await publish(exactly(8080));
  expect(await reached(8080)).toBe(everywhere);
});

test('more ports than fit into one message are all reached, and gone again', async () => {
  const many = Array.from({ length: 1500 }, (_, index) => exactly(20_000 + index));
  await publish(...many);
  expect(await elements()).toHaveLength(3000);
  expect([await reached(20_000), await reached(21_499)]).toEqual([everywhere, everywhere]);
  await publish(exactly(21_499));
  expect([await reached(21_498), await reached(21_499)]).toEqual([nowhere, everywhere]);
});

test('ports that were chosen stay as long as they are asked for', async () => {
  await publish(anyPort, anyPort);
  const chosen = [...new Set(endpoint.ports.map(({ hostPort }) => hostPort))];
  expect(chosen).toHaveLength(2);
  await publish(exactly(8080), anyPort, anyPort);
  expect(endpoint.ports.map(({ hostPort }) => hostPort)).toEqual(expect.arrayContaining([8080, ...chosen]));
  const [gone = 0, kept = 0] = chosen;
  const without = endpoint.ports.filter(({ hostPort }) => hostPort === gone);
  const change = await carryOut({ ports: [anyPort], without });
  change.commit();
  endpoint = change.to ?? endpoint;
  expect([await reached(gone), await reached(kept)]).toEqual([nowhere, everywhere]);
});

test('what is removed can be had by another container, whose it stays when the first one ends', async () => {
  await publish(exactly(8082));
  const second = await networks.connect(background(), {
    ...{ ...anyRequest, network: 'front', containerId: 'd'.repeat(64), containerName: 'd' },
    ports: [exactly(8080)],
  });
  await using other = await startContainer(host, second);
  await other.serve('tcp', 80, '::');
  expect([await reached(8080), await reached(8082)]).toEqual([everywhere, everywhere]);
  await web.end();
  expect(await elements()).toEqual(['8080', '8080']);
  expect([await reached(8080), await reached(8082)]).toEqual([everywhere, nowhere]);
  await other.end();
  await networks.disconnect(background(), other.endpoint);
});

test('a port of another container or program is refused, and nothing has changed', async () => {
  const second = await networks.connect(background(), { ...anyRequest, ports: [exactly(8083)] });
  expect(() => networks.planPorts({ from: endpoint, to: endpoint, ports: [exactly(8083)] })).toThrow(
    'Bind for 0.0.0.0:8083 failed: port is already allocated',
  );
  await networks.disconnect(background(), second.endpoint);
  const listen = "require('node:net').createServer().listen(8084, () => console.log('there'))";
  const program = host.spawn(process.execPath, '-e', listen);
  for await (const _ of program.stdout) break;
  const change = networks.planPorts({ from: endpoint, to: endpoint, ports: [exactly(8085), exactly(8084)] });
  const [plan = {}] = change.plans;
  const error = await web.supervisor.publish(background(), plan).catch((reason) => reason);
  program.kill();
  expect(networks.explainStart(error, change.to ?? endpoint, 'web')?.error.message).toContain(
    `failed to bind host port for 0.0.0.0:8084:${endpoint.ipv4Address}:80/tcp: address already in use`,
  );
  change.cancel();
  expect([await reached(8080), await reached(8085)]).toEqual([everywhere, nowhere]);
  // What was reserved is free again.
  await publish(exactly(8080), exactly(8084), exactly(8085));
});

test('a change is taken back whole', async () => {
  const change = await carryOut({ ports: [exactly(8086)] });
  expect([await reached(8080), await reached(8086)]).toEqual([nowhere, everywhere]);
  await change.revert(background());
  change.cancel();
  await web.supervisor.publish(background(), change.planBefore);
  expect([await reached(8080), await reached(8086)]).toEqual([everywhere, nowhere]);
  expect(await elements()).toEqual(['8080', '8080']);
});

test('a container that ends amid a change leaves none of its ports behind, however far that was', async () => {
  const change = networks.planPorts({
    ...{ from: endpoint, to: endpoint },
    ports: [exactly(8080), exactly(8087)],
  });
  for (const plan of change.plans) await web.supervisor.publish(background(), plan);
  await web.end();
  expect(await elements()).toEqual([]);
  await change.apply(background());
  change.commit();
  endpoint = change.to ?? endpoint;
  await networks.disconnect(background(), endpoint);
  expect(await elements()).toEqual([]);
});

test('ports follow to another network, and are gone without one', async () => {
  const request = { ...anyRequest, interfaceName: 'eth1', gateway: { ipv4: false, ipv6: false } };
  const second = await networks.join(background(), request, web.pid);
  await networks.reroute(background(), web.pid, { ipv4: second, ipv6: undefined });
  const moved = await carryOut({ to: second, ports: [exactly(8080)] });
  moved.commit();
  await networks.leave(background(), moved.from ?? endpoint, web.pid);
  // The default bridge has no IPv6: the relay leads there all the same.
  expect(await reached(8080)).toBe('yes yes yes yes');
  const gone = networks.planPorts({ from: moved.to, to: undefined, ports: [] });
  for (const plan of gone.plans) await web.supervisor.publish(background(), plan);
  await gone.apply(background());
  gone.commit();
  expect(await reached(8080)).toBe(nowhere);
  endpoint = gone.from ?? endpoint;
});

test('what a killed daemon left of a join is removed, what it left of a leave is told', async () => {
  const request = { ...anyRequest, interfaceName: 'eth1', gateway: { ipv4: false, ipv6: false } };
  const second = await networks.join(background(), request, web.pid);
  expect(await networks.mend(background(), web.pid, [endpoint, second])).toEqual([]);
  expect(await networks.mend(background(), web.pid, [endpoint])).toEqual([]);
  expect(await web.run('ip', '-br', 'link')).not.toContain('eth1');
  expect(await networks.mend(background(), web.pid, [endpoint, second])).toEqual([second]);
  expect(await web.run('ip', '-br', 'link')).toContain('eth0');
  await networks.disconnect(background(), second);
  const macvlan = ['index', '102', 'netns', String(web.pid), 'link', 'wire', 'type', 'macvlan'];
  await host.run('ip', 'link', 'add', 'eth2', ...macvlan);
  expect(await networks.mend(background(), web.pid, [endpoint])).toEqual([]);
  expect(await web.run('ip', '-br', 'link')).not.toContain('eth2');
});

test('interfaces that an engine in the container made are not mended away, whatever their index and name', async () => {
  const nested = `${host.name}-nested`;
  await command(['ip', 'netns', 'add', nested]);
  try {
    const inside = `/run/netns/${nested}`;
    await web.run(
      'ip',
      'link',
      'add',
      'veth105',
      'index',
      '205',
      'type',
      'veth',
      'peer',
      'eth0',
      'netns',
      inside,
    );
    await web.run(
      'ip',
      'link',
      'add',
      'eth7',
      'index',
      '107',
      'type',
      'veth',
      'peer',
      'eth1',
      'netns',
      inside,
    );
    await web.run(
      'ip',
      'link',
      'add',
      'eth8',
      'index',
      '108',
      'type',
      'veth',
      'peer',
      'eth9',
      'index',
      '109',
    );
    await web.run('ip', 'link', 'add', 'eth10', 'index', '110', 'link', 'eth0', 'type', 'macvlan');
    const before = await web.run('ip', '-br', 'link');
    expect(await networks.mend(background(), web.pid, [endpoint])).toEqual([]);
    expect(await web.run('ip', '-br', 'link')).toBe(before);
  } finally {
    await command(['ip', 'netns', 'del', nested]);
  }
});
