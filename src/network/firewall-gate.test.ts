import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import type { Networks } from './contract.ts';
import { anyNetwork, askWords, connectAndStart, type TestContainer } from './testing/containers.ts';
import { openNamespace, type TestNamespace } from './testing/namespaces.ts';
import { networksOn } from './testing/open-networks.ts';

/** What containers and neighbours of a host send that is meant to get into the gate without having passed the host's firewall. */

const HOST6 = 'fd97::1';
/** What the host has its gate's far side at. */
const BEYOND = '100::1';
const port = {
  protocol: 'tcp',
  containerPort: 80,
  hostAddress: '',
  hostPort: 8080,
  hostPortEnd: 8080,
} as const;

let host: TestNamespace;
let neighbour: TestNamespace;
let networks: Networks;
let container: TestContainer;

beforeAll(async () => {
  host = await openNamespace('gated');
  neighbour = await openNamespace('knocking');
  await host.run('ip', 'link', 'add', 'wire', 'type', 'veth', 'peer', 'wire', 'netns', neighbour.name);
  for (const [space, address] of [
    [host, HOST6],
    [neighbour, 'fd97::2'],
  ] as const) {
    await space.run('ip', 'addr', 'add', `${address}/64`, 'dev', 'wire', 'nodad');
    await space.run('sh', '-c', 'echo 0 > /proc/sys/net/ipv6/conf/wire/accept_dad');
    await space.run('ip', 'link', 'set', 'wire', 'up');
  }
  await neighbour.run('ip', 'route', 'add', `${BEYOND}/128`, 'via', HOST6);
});

afterAll(async () => {
  await neighbour[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

beforeEach(async () => {
  networks = networksOn(host);
  await networks.start(background(), []);
  await networks.create(background(), { ...anyNetwork, name: 'six', enableIPv6: true });
  container = await connectAndStart(host, networks, { network: 'six', ports: [port] });
  await container.serve('tcp', 80, '::');
});

afterEach(async () => {
  await container.end();
  await networks.disconnect(background(), container.endpoint);
  await networks.remove(background(), 'six');
  await networks.stop(background());
});

/** Packets that have come through the gate. */
async function passed(): Promise<number> {
  const statistics = await host.run('ip', '-j', '-s', 'link', 'show', 'sampan-gate-in');
  const [{ stats64 }] = JSON.parse(statistics);
  return stats64.rx.packets + stats64.tx.packets;
}

async function ask(address: string): Promise<string> {
  return (await neighbour.run(...askWords('tcp', address, 8080)).catch(() => '')).trim();
}

describe('the gate', () => {
  test('is no way for what is sent to its far side, and no circle', async () => {
    const before = await passed();
    for (const side of [container, neighbour, host]) {
      await side.run('ping', '-6', '-c', '1', '-W', '1', BEYOND).catch(() => '');
    }
    expect((await passed()) - before).toBeLessThanOrEqual(3);
    expect(await ask(BEYOND)).toBe('');
  });

  test('leaves who asks from a link-local address to the supervisor', async () => {
    const links = JSON.parse(await host.run('ip', '-j', '-6', 'addr', 'show', 'wire'));
    const own = links[0].addr_info.find(({ scope }: { scope: string }) => scope === 'link');
    // The neighbour has an address of that kind once its wire has a carrier, which the kernel looks for in the background.
    for (let tries = 0; tries < 500; tries++) {
      if ((await neighbour.run('ip', '-6', 'addr', 'show', 'wire')).includes('scope link')) break;
      await Bun.sleep(20);
    }
    expect(await ask(`${own.local}%wire`)).not.toBe('');
  });
});
