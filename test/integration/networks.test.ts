import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

/** Networks through the API and both command lines. */

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());

interface Made extends AsyncDisposable {
  readonly id: string;
}

/** A network that goes with the test, and its containers with it. */
async function network(name: string, body: object = {}): Promise<Made> {
  const { status, body: answer } = await daemon.request('POST', '/networks/create', { Name: name, ...body });
  expect([status, answer.message]).toEqual([201, undefined]);
  return {
    id: answer.Id,
    async [Symbol.asyncDispose]() {
      expect((await daemon.request('DELETE', `/networks/${name}`)).status).toBe(204);
    },
  };
}

function run(...flags: string[]): { readonly id: string } & Disposable {
  const id = daemon.sampan('run', '-d', ...flags, 'busybox', 'sleep', '1000');
  return { id, [Symbol.dispose]: () => daemon.sampan('rm', '-f', id) };
}

const exec = (id: string, script: string): string => daemon.sampan('exec', id, 'sh', '-c', script);

function endpointOf(id: string, name: string): Json {
  return JSON.parse(daemon.sampan('inspect', id))[0].NetworkSettings.Networks[name];
}

function interfaces(id: string): string[] {
  const lines = exec(id, 'ip -o -4 addr').split('\n');
  return lines
    .map((line) => line.split(/\s+/).slice(1, 4).join(' '))
    .filter((line) => !line.startsWith('lo'));
}

describe('a network', () => {
  test('is made, shown, and removed as with docker', async () => {
    const flags = ['--subnet', '10.61.0.0/24', '--gateway', '10.61.0.9', '--label', 'a=b', '-o', 'x=y'];
    const made = daemon.run('docker', ['network', 'create', ...flags, 'net1']);
    expect([made.status, made.stdout.length]).toEqual([0, 65]);
    const [shown]: Json[] = JSON.parse(daemon.run('docker', ['network', 'inspect', 'net1']).stdout);
    expect(shown).toMatchObject({
      Name: 'net1',
      Driver: 'bridge',
      EnableIPv4: true,
      EnableIPv6: false,
      IPAM: { Driver: 'default', Options: {}, Config: [{ Subnet: '10.61.0.0/24', Gateway: '10.61.0.9' }] },
      Options: { x: 'y' },
      Labels: { a: 'b' },
      Containers: {},
    });
    expect(daemon.sampan('network', 'ls', '-q', '-f', 'label=a')).toBe(made.stdout.slice(0, 12));
    expect(daemon.sampan('network', 'rm', 'net1')).toBe('net1');
    expect(daemon.run('docker', ['network', 'rm', 'net1']).stderr).toBe(
      'Error response from daemon: network net1 not found\nexit status 1\n',
    );
  });

  test('shows who runs in it, and is kept while somebody does', async () => {
    await using made = await network('net1');
    using one = run('--network', 'net1', '--name', 'one');
    const { body } = await daemon.request('GET', '/networks/net1');
    const { EndpointID, IPAddress, MacAddress } = endpointOf(one.id, 'net1');
    expect(body.Containers).toEqual({
      [one.id]: { Name: 'one', EndpointID, MacAddress, IPv4Address: `${IPAddress}/16`, IPv6Address: '' },
    });
    const removal = await daemon.request('DELETE', `/networks/${made.id}`);
    expect(removal).toEqual({
      status: 403,
      body: {
        message: `error while removing network: network net1 has active endpoints (name:"one" id:"${EndpointID.slice(0, 12)}")`,
      },
    });
    expect((await daemon.request('POST', '/networks/prune')).body).toEqual({ NetworksDeleted: null });
  });

  test('goes with prune once nobody runs in it, if it meets the conditions', async () => {
    await network('net1', { Labels: { keep: '' } });
    await network('net2');
    using stopped = run('--network', 'net2');
    daemon.sampan('stop', '-t', '0', stopped.id);
    expect(daemon.sampan('network', 'prune', '-f', '--filter', 'label!=keep')).toBe(
      'Deleted Networks:\nnet2',
    );
    expect(daemon.sampan('network', 'prune', '-f', '--filter', 'until=1h')).toBe('');
    expect(daemon.sampan('network', 'prune', '-f')).toBe('Deleted Networks:\nnet1');
  });

  test.each([
    [409, 'network with name taken already exists', { Name: 'taken' }],
    [403, 'operation is not permitted on predefined host network', { Name: 'host' }],
    [404, 'plugin "weave" not found', { Name: 'x', Driver: 'weave' }],
    [403, 'cannot create a swarm scoped network when swarm is not active', { Name: 'x', Scope: 'swarm' }],
    [
      400,
      'invalid network config:\ninvalid subnet : invalid CIDR block notation',
      { Name: 'x', IPAM: { Config: [{ Gateway: '10.0.0.1' }] } },
    ],
  ])('%d: %s', async (status, message, body) => {
    await using _ = await network('taken');
    expect(await daemon.request('POST', '/networks/create', body)).toEqual({ status, body: { message } });
  });
});

describe('a container', () => {
  test('is in several networks from its start, the first network’s interface first', async () => {
    await using _front = await network('front');
    await using _back = await network('back', { IPAM: { Config: [{ Subnet: '10.62.0.0/24' }] } });
    using both = run(
      '--network',
      'front',
      '--network',
      'name=back,ip=10.62.0.77,alias=store',
      '--name',
      'both',
    );
    using other = run('--network', 'back');
    const { IPAddress, Gateway } = endpointOf(both.id, 'front');
    expect(interfaces(both.id)).toEqual([`eth0 inet ${IPAddress}/16`, 'eth1 inet 10.62.0.77/24']);
    // Of equal priorities the first name decides.
    expect(exec(both.id, 'ip route | grep default')).toBe('default via 10.62.0.1 dev eth1');
    expect(Gateway).not.toBe('');
    expect(endpointOf(both.id, 'back').DNSNames).toEqual(['both', 'store', both.id.slice(0, 12)]);
    expect(exec(other.id, 'ping -c1 -W2 10.62.0.77')).toContain('1 packets received');
  });

  test('joins and leaves networks while it runs, and its default route follows the priority', async () => {
    await using _front = await network('front');
    await using _back = await network('back', { IPAM: { Config: [{ Subnet: '10.62.0.0/24' }] } });
    using one = run('--network', 'front');
    const { Gateway } = endpointOf(one.id, 'front');
    daemon.sampan('network', 'connect', '--ip', '10.62.0.5', '--gw-priority', '7', 'back', one.id);
    expect(interfaces(one.id)).toContain('eth1 inet 10.62.0.5/24');
    expect(exec(one.id, 'ip route | grep default')).toBe('default via 10.62.0.1 dev eth1');
    expect(daemon.run('sampan', ['network', 'connect', 'back', one.id]).stderr).toMatch(
      /^Error response from daemon: endpoint with name \w+ already exists in network back\n$/,
    );
    daemon.sampan('network', 'disconnect', 'back', one.id);
    expect(exec(one.id, 'ip route | grep default')).toBe(`default via ${Gateway} dev eth0`);
    expect(interfaces(one.id)).toHaveLength(1);
    expect(endpointOf(one.id, 'back')).toBeUndefined();
    const again = await daemon.request('POST', '/networks/back/disconnect', { Container: one.id });
    expect(again).toEqual({
      status: 500,
      body: { message: `container ${one.id} is not connected to network back` },
    });
  });

  test('that does not run is where it was put when it starts', async () => {
    await using _front = await network('front');
    await using _back = await network('back');
    const id = daemon.sampan('create', '--network', 'front', 'busybox', 'sleep', '1000');
    using _ = { [Symbol.dispose]: () => daemon.sampan('rm', '-f', id) };
    daemon.sampan('network', 'connect', '--alias', 'late', 'back', id);
    daemon.sampan('network', 'disconnect', 'front', id);
    daemon.sampan('start', id);
    expect(interfaces(id)).toEqual([`eth0 inet ${endpointOf(id, 'back').IPAddress}/16`]);
    expect(endpointOf(id, 'back').Aliases).toEqual(['late']);
    expect(endpointOf(id, 'front')).toBeUndefined();
  });

  test('that has left all networks starts with loopback alone', async () => {
    const id = daemon.sampan('create', 'busybox', 'sleep', '1000');
    using _ = { [Symbol.dispose]: () => daemon.sampan('rm', '-f', id) };
    daemon.sampan('network', 'disconnect', 'bridge', id);
    daemon.sampan('start', id);
    expect(interfaces(id)).toEqual([]);
    expect(exec(id, 'ping -c1 -W2 127.0.0.1')).toContain('1 packets received');
    daemon.sampan('network', 'connect', 'bridge', id);
    expect(exec(id, 'ip route')).toContain('default via');
  });

  test('of the host’s network, of another’s, or of none joins no other', async () => {
    await using _ = await network('front');
    using host = run('--network', 'host');
    using none = run('--network', 'none');
    using one = run();
    using shared = run('--network', `container:${one.id}`);
    const refusal = (name: string, id: string) =>
      daemon.run('sampan', ['network', 'connect', name, id]).stderr;
    const sharing =
      'container sharing network namespace with another container or host cannot be connected to any other network';
    expect(refusal('front', host.id)).toContain(sharing);
    expect(refusal('front', shared.id)).toContain(sharing);
    expect(refusal('front', none.id)).toContain('one of the networks in private (none) mode');
    expect(refusal('host', one.id)).toContain(
      'cannot be disconnected from host network or connected to host',
    );
    expect(exec(shared.id, 'ip -4 addr')).toBe(exec(one.id, 'ip -4 addr'));
  });

  test('publishes ports where its default route is, also when that changes', async () => {
    await using _front = await network('front');
    await using _inner = await network('inner', { Internal: true });
    await using _zone = await network('zone');
    using one = run('--network', 'inner', '--network', 'front', '-p', '18190:80');
    const published = () => nft('published');
    expect(published()).toContain(`tcp . 18190 : ${endpointOf(one.id, 'front').IPAddress} . 80`);
    daemon.sampan('network', 'connect', '--gw-priority', '1', 'zone', one.id);
    expect(published()).toContain(`tcp . 18190 : ${endpointOf(one.id, 'zone').IPAddress} . 80`);
    daemon.sampan('network', 'disconnect', 'zone', one.id);
    expect(published()).toContain(`tcp . 18190 : ${endpointOf(one.id, 'front').IPAddress} . 80`);
    expect(daemon.sampan('port', one.id)).toContain('80/tcp -> 0.0.0.0:18190');
    daemon.sampan('kill', one.id);
    daemon.sampan('wait', one.id);
    expect(published()).not.toContain('18190');
  });
});

function nft(map: string): string {
  const table = `sampan-${daemon.bridge}`;
  return spawnSync('nft', ['list', 'map', 'inet', table, map], { encoding: 'utf8' }).stdout;
}

describe('links', () => {
  test('tell a container of another in its hosts file and its environment', () => {
    using db = run('--name', 'db', '--expose', '5432', '-e', 'SECRET=x');
    using app = run('--name', 'app', '--link', 'db:data-base');
    const { IPAddress } = endpointOf(db.id, 'bridge');
    expect(exec(app.id, 'cat /etc/hosts')).toContain(`${IPAddress}\tdata-base ${db.id.slice(0, 12)} db\n`);
    const environment = exec(app.id, 'env').split('\n');
    for (const line of [
      'DATA_BASE_NAME=/app/data-base',
      `DATA_BASE_PORT=tcp://${IPAddress}:5432`,
      `DATA_BASE_PORT_5432_TCP_ADDR=${IPAddress}`,
      'DATA_BASE_ENV_SECRET=x',
    ]) {
      expect(environment).toContain(line);
    }
  });

  test('are shown by name, found by name, and removed without their containers', async () => {
    using db = run('--name', 'db');
    using app = run('--name', 'app', '--link', 'db:data', '--link', 'db');
    const links = () => JSON.parse(daemon.sampan('inspect', app.id))[0].HostConfig.Links;
    expect(links().sort()).toEqual(['/db:/app/data', '/db:/app/db']);
    expect((await daemon.request('GET', '/containers/app/data/json')).body.Id).toBe(db.id);
    const { body } = await daemon.request('GET', `/containers/json?filters={"id":["${db.id}"]}`);
    expect(body[0].Names).toEqual(['/db', '/app/data', '/app/db']);
    expect(daemon.sampan('rm', '--link', 'app/data')).toBe('app/data');
    expect(links()).toEqual(['/db:/app/db']);
    const missing = daemon.run('sampan', ['create', '--link', 'absent:x', 'busybox']);
    expect(missing.stderr).toContain('could not get container for absent: No such container: absent');
  });
});

test('networks, who is in them and what is published outlive a killed daemon', async () => {
  const made = await network('front', { IPAM: { Config: [{ Subnet: '10.63.0.0/29' }] } });
  const ids = [run('--network', 'front', '-p', '18191:80').id, run('--network', 'front').id];
  const addresses = ids.map((id) => endpointOf(id, 'front').IPAddress);
  daemon.sampan('kill', run('--network', 'front').id);
  await daemon.stopProcess('SIGKILL');
  await daemon.startProcess();
  expect((await daemon.request('GET', '/networks/front')).body.Id).toBe(made.id);
  expect(ids.map((id) => endpointOf(id, 'front').IPAddress)).toEqual(addresses);
  // Five addresses are left beside the gateway's: those of the running ones are not given again.
  const others = [run('--network', 'front'), run('--network', 'front'), run('--network', 'front')];
  const all = [...ids, ...others.map(({ id }) => id)].map((id) => endpointOf(id, 'front').IPAddress);
  expect(new Set(all).size).toBe(5);
  const full = daemon.run('sampan', ['run', '--rm', '--network', 'front', 'busybox', 'true']);
  expect(full.stderr).toContain("no available IPv4 addresses on this network's address pools: front");
  for (const { Id } of (await daemon.request('GET', '/containers/json?all=1')).body) {
    daemon.sampan('rm', '-f', Id);
  }
  await made[Symbol.asyncDispose]();
});
