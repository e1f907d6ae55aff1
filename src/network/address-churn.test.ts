import type { Database } from 'bun:sqlite';
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import { openDatabase } from '../base/database.ts';
import type { Follower, Launcher, PlanResults } from '../plan/contract.ts';
import type { Endpoint, Networks } from './contract.ts';
import type { NetworksOptions } from './options.ts';
import { networkSchema } from './schema.ts';
import { anyNetwork, anyRequest } from './testing/containers.ts';
import { openNamespace, type TestNamespace } from './testing/namespaces.ts';
import { networksOn } from './testing/open-networks.ts';

/** Real bridges, real rows, real allocation; of the containers only their places in the networks. */

const NETWORKS = 500;
const ADDRESSES = 1000;
const PREDEFINED = 3;

let host: TestNamespace;

beforeAll(async () => {
  host = await openNamespace('churn');
});
afterAll(() => host[Symbol.asyncDispose]());

const addressPools = ['base=10.0.0.0/12,size=24'];

function open(database: Database, more: Partial<NetworksOptions> = {}): Networks {
  return networksOn(host, { database, addressPools, ...more });
}

/** A launcher whose owner can be killed: it hears nothing from then on, and what it would have done does not happen. */
function killable(): { launcher: Launcher & Follower; kill(): void } {
  let dead = false;
  const never = new Promise<PlanResults>(() => {});
  const launcher: Launcher & Follower = {
    follow: (context, plan, result) => host.launcher.follow(context, plan, result),
    async run(context, plan) {
      const results = dead ? await never : await host.launcher.run(context, plan);
      return dead ? never : results;
    },
  };
  return { launcher, kill: () => (dead = true) };
}

/** The same choices in each run. */
function chooser(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
}

/** No address and no subnet is held twice, and each is where it belongs. */
function checkAddresses(networks: Networks, live: ReadonlyMap<string, Endpoint>): void {
  const subnets = networks.list().flatMap(({ ipam }) => ipam.map(({ subnet }) => subnet));
  expect(new Set(subnets).size).toBe(subnets.length);
  const addresses = [...live.values()].map(({ ipv4Address }) => ipv4Address);
  expect(new Set(addresses).size).toBe(addresses.length);
  const gateways = new Set(networks.list().flatMap(({ ipam }) => ipam.map(({ gateway }) => gateway)));
  for (const { networkId, ipv4Address, gateway } of live.values()) {
    expect(networks.get(networkId).ipam[0]?.gateway).toBe(gateway);
    expect(gateways.has(ipv4Address)).toBe(false);
  }
}

test('500 networks and 1,000 addresses come and go, and the daemon with them: none is given twice, none is lost', async () => {
  const database = openDatabase(':memory:', [networkSchema]);
  const choose = chooser(7);
  const live = new Map<string, Endpoint>();
  const names: string[] = [];
  let life = killable();
  let networks = open(database, { launcher: life.launcher });
  await networks.start(background(), []);
  const make = async (name: string): Promise<void> => {
    await networks.create(background(), { ...anyNetwork, name });
    names.push(name);
  };
  const join = async (): Promise<void> => {
    const network = names[choose(names.length)] ?? 'bridge';
    const { endpoint } = await networks.connect(background(), { ...anyRequest, network });
    live.set(endpoint.endpointId, endpoint);
  };
  for (let made = 0; made < NETWORKS; made += 20) {
    await Promise.all(Array.from({ length: 20 }, (_, index) => make(`net${made + index}`)));
  }
  while (live.size < ADDRESSES) await join();
  checkAddresses(networks, live);
  for (let round = 0; round < 3; round++) {
    for (let step = 0; step < 200; step++) {
      const endpoint = [...live.values()][choose(live.size)];
      if (endpoint === undefined) continue;
      await networks.disconnect(background(), endpoint);
      live.delete(endpoint.endpointId);
    }
    const used = new Set([...live.values()].map(({ networkName }) => networkName));
    const idle = names.filter((name) => !used.has(name)).slice(0, 30);
    await Promise.all(idle.map((name) => networks.remove(background(), name)));
    names.splice(0, names.length, ...names.filter((name) => !idle.includes(name)));
    // Killed while it makes and removes networks: whatever was begun is there wholly or not at all for the next one.
    const doomed = names.find((name) => !used.has(name));
    void make(`unheard${round}`);
    if (doomed !== undefined) void networks.remove(background(), doomed);
    for (let turn = 0; turn < round; turn++) await Bun.sleep(1);
    life.kill();
    life = killable();
    networks = open(database, { launcher: life.launcher });
    await networks.start(background(), [...live.values()]);
    names.splice(
      0,
      names.length,
      ...networks
        .list()
        .slice(PREDEFINED)
        .map(({ name }) => name),
    );
    for (let index = 0; names.length < NETWORKS; index++) await make(`again${round}x${index}`);
    while (live.size < ADDRESSES) await join();
    checkAddresses(networks, live);
  }
  for (const endpoint of live.values()) await networks.disconnect(background(), endpoint);
  const pruned = await networks.prune(background(), () => true);
  expect(pruned.length).toBe(names.length);
  await networks.stop(background());
  expect(await host.run('ip', '-br', 'link', 'show', 'type', 'bridge')).toBe('');
  expect(await host.run('nft', 'list', 'ruleset')).toBe('');
}, 120_000);

test('a network that is full gives the address that comes free, and says so when none is', async () => {
  const networks = open(openDatabase(':memory:', [networkSchema]));
  await networks.start(background(), []);
  const pool = { subnet: '10.77.0.0/29', ipRange: '', gateway: '', auxiliary: { printer: '10.77.0.3' } };
  const { id } = await networks.create(background(), { ...anyNetwork, name: 'small', pools: [pool] });
  const connect = async () =>
    (await networks.connect(background(), { ...anyRequest, network: 'small' })).endpoint;
  const endpoints = [await connect(), await connect(), await connect(), await connect()];
  expect(endpoints.map(({ ipv4Address }) => ipv4Address)).toEqual([
    '10.77.0.2',
    '10.77.0.4',
    '10.77.0.5',
    '10.77.0.6',
  ]);
  await expect(connect()).rejects.toThrow(
    `no available IPv4 addresses on this network's address pools: small (${id})`,
  );
  for (const endpoint of endpoints.slice(2, 3)) await networks.disconnect(background(), endpoint);
  expect((await connect()).ipv4Address).toBe('10.77.0.5');
  await expect(
    networks.connect(background(), { ...anyRequest, network: 'small', ipv4Address: '10.77.0.5' }),
  ).rejects.toThrow('Address already in use');
});
