import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import type { Follower, Launcher } from '../plan/contract.ts';
import type { Networks } from './contract.ts';
import { anyNetwork, askWords, connectAndStart, type TestContainer } from './testing/containers.ts';
import { openNamespace, type TestNamespace } from './testing/namespaces.ts';
import { networksOn } from './testing/open-networks.ts';

/** A host with a container whose port 8080 is published, and a neighbour who asks for it. Others' firewalls come between. */

const HOST = '10.99.0.1';
const NEIGHBOUR = '10.99.0.2';
const HOST6 = 'fd99::1';
const NEIGHBOUR6 = 'fd99::2';

let host: TestNamespace;
let neighbour: TestNamespace;
let networks: Networks;
let container: TestContainer;

const port = {
  protocol: 'tcp',
  containerPort: 80,
  hostAddress: '',
  hostPort: 8080,
  hostPortEnd: 8080,
} as const;
const family6 = { name: 'six', enableIPv6: true } as const;

beforeAll(async () => {
  host = await openNamespace('guarded');
  neighbour = await openNamespace('beside');
  await host.run('ip', 'link', 'add', 'wire', 'type', 'veth', 'peer', 'wire', 'netns', neighbour.name);
  for (const [space, address, address6] of [
    [host, HOST, HOST6],
    [neighbour, NEIGHBOUR, NEIGHBOUR6],
  ] as const) {
    await space.run('ip', 'addr', 'add', `${address}/24`, 'dev', 'wire');
    await space.run('ip', 'addr', 'add', `${address6}/64`, 'dev', 'wire', 'nodad');
    await space.run('ip', 'link', 'set', 'wire', 'up');
  }
  await neighbour.run('ip', 'route', 'add', '172.16.0.0/12', 'via', HOST);
});

afterAll(async () => {
  await neighbour[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

async function begin(more: Parameters<typeof networksOn>[1] = {}): Promise<void> {
  networks = networksOn(host, more);
  await networks.start(background(), []);
  await networks.create(background(), { ...anyNetwork, ...family6 });
  container = await connectAndStart(host, networks, { network: 'six', ports: [port] });
  await container.serve('tcp', 80, '::');
}

async function end(): Promise<void> {
  await container.end();
  await networks.disconnect(background(), container.endpoint);
  await networks.remove(background(), 'six');
  await networks.stop(background());
}

/** Who the server says is asking; "" when no answer comes. */
async function ask(address: string, from: TestNamespace = neighbour): Promise<string> {
  const answer = await from.run(...askWords('tcp', address, 8080)).catch(() => '');
  return answer.trim().replace('::ffff:', '');
}

async function both(): Promise<readonly string[]> {
  return [await ask(HOST), await ask(HOST6)];
}

/** What the host says of both: "open" or who denies it. */
async function said(): Promise<readonly string[]> {
  const reach = await networks.reachOf(background(), [container.endpoint]);
  return (reach.get(container.endpoint.endpointId) ?? []).map(({ reach: word, deniedBy }) =>
    `${word} ${deniedBy}`.trim(),
  );
}

/** Until the rules that follow a change of others' are there. */
async function settles(wanted: readonly string[]): Promise<void> {
  let found = await both();
  for (let tries = 0; tries < 10 && !Bun.deepEquals(found, wanted); tries++) found = await both();
  expect(found).toEqual([...wanted]);
}

const reached = [NEIGHBOUR, NEIGHBOUR6];
const shut = ['', ''];

/** A hand-written firewall that lets in what `input` says and forwards nothing. */
function handWritten(input: string): string {
  return `table inet guard {
    chain input { type filter hook input priority 0; policy drop; ct state established,related accept; iifname lo accept; icmpv6 type != 1 accept; ${input} }
    chain forward { type filter hook forward priority 0; policy drop; ct state established,related accept; }
    chain output { type filter hook output priority 0; policy drop; ct state established,related accept; icmpv6 type != 1 accept; udp dport 53 accept; oifname lo accept; tcp dport 9 accept; }
  }`;
}

async function load(rules: string): Promise<void> {
  const lines = rules.replaceAll(/; */g, '\n').replaceAll(/ \}/g, '\n}');
  await host.run('sh', '-c', `nft -f - <<'X'\n${lines}\nX`);
}

describe('published ports beside a firewall of the host', () => {
  beforeEach(() => begin());
  afterEach(async () => {
    await host.run(
      'sh',
      '-c',
      'nft delete table inet guard 2>/dev/null; iptables -P FORWARD ACCEPT; iptables -P INPUT ACCEPT; iptables -F; ip6tables -P INPUT ACCEPT; ip6tables -F; true',
    );
    await end();
    const left = await host.run('nft', 'list', 'ruleset');
    expect(left).not.toContain('sampan');
    expect(await host.run('ip', 'rule')).not.toContain('0x53414d50');
  });

  test('are reached by others, who are known by their addresses', async () => {
    expect(await both()).toEqual(reached);
    expect(await said()).toEqual(['open', 'open']);
  });

  test('are shut where its input rules shut the port, and open where they open it', async () => {
    await load(handWritten(''));
    await settles(shut);
    const denied = 'denied inet guard input (policy drop)';
    expect(await said()).toEqual([denied, denied]);
    await host.run('nft', 'add', 'rule', 'inet', 'guard', 'input', 'tcp', 'dport', '8080', 'accept');
    await settles(reached);
  });

  test('are open to those alone whom its input rules let in', async () => {
    await load(
      handWritten(`ip saddr ${NEIGHBOUR} tcp dport 8080 accept; ip6 saddr fd98::/64 tcp dport 8080 accept`),
    );
    await settles([NEIGHBOUR, '']);
    const limited = 'limited inet guard input (policy drop)';
    expect(await said()).toEqual([limited, limited]);
  });

  test('are reached again where somebody removed the gate, the way back included', async () => {
    const rpFilter = '/proc/sys/net/ipv4/conf/all/rp_filter';
    await host.run('sh', '-c', `echo 1 >${rpFilter}`);
    await load(handWritten('tcp dport 8080 accept'));
    await settles(reached);
    for (const end of ['sampan-gate', 'sampan-gate-in']) {
      await host.run('ip', 'link', 'del', end);
      await settles(reached);
    }
    await host.run('sh', '-c', `echo 0 >${rpFilter}`);
  });

  test('are shut by the port of the container no more than by others', async () => {
    await load(handWritten('tcp dport 80 drop; tcp dport 8080 accept'));
    await settles(reached);
  });

  test('are reached although it forwards nothing by default, and shut where it has a rule against that', async () => {
    await load(handWritten('tcp dport 8080 accept'));
    await settles(reached);
    expect(await said()).toEqual(['open', 'open']);
    await host.run('nft', 'insert', 'rule', 'inet', 'guard', 'forward', 'tcp', 'dport', '80', 'drop');
    await settles(shut);
    expect(await said()).toEqual(['denied inet guard forward', 'denied inet guard forward']);
  });

  test('are reached beside tables of iptables, which iptables can still read', async () => {
    await host.run('iptables', '-P', 'INPUT', 'DROP');
    await host.run('iptables', '-A', 'INPUT', '-p', 'tcp', '--dport', '8080', '-j', 'ACCEPT');
    await host.run('iptables', '-P', 'FORWARD', 'DROP');
    await settles(reached);
    const rules = await host.run('iptables', '-S', 'FORWARD');
    expect(rules.match(/containers/g)).toHaveLength(2);
    await host.run('iptables', '-A', 'FORWARD', '-d', '8.8.8.8', '-j', 'DROP');
    await Bun.sleep(300);
    const moved = (await host.run('iptables', '-S', 'FORWARD')).trim().split('\n');
    expect(moved.filter((line) => line.includes('containers'))).toEqual(moved.slice(-2));
    await host.run('iptables', '-D', 'INPUT', '-p', 'tcp', '--dport', '8080', '-j', 'ACCEPT');
    await settles(['', NEIGHBOUR6]);
    expect(await said()).toEqual(['denied ip filter INPUT (policy drop)', 'open']);
  });

  test('are reached where the kernel or a firewall looks at the way back', async () => {
    const rpFilter = '/proc/sys/net/ipv4/conf/all/rp_filter';
    await host.run('sh', '-c', `echo 1 >${rpFilter}`);
    await load(
      `table inet guard { chain back { type filter hook prerouting priority 10; meta l4proto ipv6-icmp accept; meta nfproto ipv6 fib saddr . mark . iif oif missing drop; } }`,
    );
    await settles(reached);
    await host.run('sh', '-c', `echo 0 >${rpFilter}`);
  });
});

test('go past its input rules where that is asked for', async () => {
  await begin({ hostFirewall: 'bypass' });
  await load(handWritten(''));
  await settles(reached);
  expect(await said()).toEqual(['open', 'open']);
  expect(await host.run('ip', '-o', 'link')).not.toContain('gate');
  await host.run('nft', 'delete', 'table', 'inet', 'guard');
  await end();
});

test('its forward chains are left alone where that is asked for', async () => {
  await begin({ hostFirewall: 'hands-off' });
  await load(handWritten('tcp dport 8080 accept'));
  await Bun.sleep(300);
  expect(await both()).toEqual(shut);
  const denied = 'denied inet guard forward (policy drop)';
  expect(await said()).toEqual([denied, denied]);
  expect(await host.run('nft', 'list', 'table', 'inet', 'guard')).not.toContain('containers');
  await host.run('nft', 'delete', 'table', 'inet', 'guard');
  await end();
});

test('go past its input rules, without a gate, where the kernel cannot copy packets', async () => {
  const withoutCopies: Launcher & Follower = {
    async run(context, { before = [] }) {
      if (!before.some((step) => step.op === 'write' && step.path.includes('-gate'))) {
        return host.launcher.run(context, { before });
      }
      await host.launcher.run(context, { before: before.slice(0, -1) });
      throw new Error('no such file or directory');
    },
    follow: (context, plan, result) => host.launcher.follow(context, plan, result),
  };
  await begin({ launcher: withoutCopies });
  await load(handWritten(''));
  await settles(reached);
  expect(await host.run('ip', '-o', 'link')).not.toContain('gate');
  await host.run('nft', 'delete', 'table', 'inet', 'guard');
  await end();
});

test('of two daemons are both reached, also where the way back is looked at', async () => {
  await host.run('sh', '-c', 'echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter');
  await begin();
  const second = networksOn(host, { bridge: 'other0' });
  await second.start(background(), []);
  const ports = [{ ...port, hostPort: 8081, hostPortEnd: 8081 }];
  const theirs = await connectAndStart(host, second, { ports });
  await theirs.serve('tcp', 80);
  await settles(reached);
  expect((await neighbour.run(...askWords('tcp', HOST, 8081)).catch(() => '')).trim()).toBe(NEIGHBOUR);
  await end();
  expect((await neighbour.run(...askWords('tcp', HOST, 8081)).catch(() => '')).trim()).toBe(NEIGHBOUR);
  await theirs.end();
  await second.disconnect(background(), theirs.endpoint);
  await second.stop(background());
  await host.run('sh', '-c', 'echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter');
  expect(await host.run('ip', 'rule')).not.toContain('fwmark');
});
