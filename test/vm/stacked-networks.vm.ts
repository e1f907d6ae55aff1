import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { TestDaemon } from '../fixtures/test-daemon.ts';

/** Networks on an interface of the host, of the kinds that not every kernel has: a neighbour is at the other end of the interface's wire. */

const wire = 'wire0';
let daemon: TestDaemon;
let neighbour: ChildProcess;

function sh(script: string): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-ec', script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout.trim();
}

const there = (script: string): string => sh(`nsenter -t ${neighbour.pid} -n sh -ec '${script}'`);
const pings = (address: string): string[] => ['ping', '-c', '1', '-W', '5', address];

beforeAll(async () => {
  daemon = await TestDaemon.start();
  neighbour = spawn('unshare', ['-n', 'sleep', '1000000']);
  while (sh(`readlink /proc/${neighbour.pid}/ns/net`) === sh('readlink /proc/self/ns/net'))
    await Bun.sleep(10);
  sh(`/sbin/ip link add ${wire} type veth peer name ${wire} netns ${neighbour.pid}
    /sbin/ip address add 10.40.0.253/24 dev ${wire}; /sbin/ip link set ${wire} up`);
  there(`/sbin/ip link set lo up; /sbin/ip link set ${wire} up
    /sbin/ip address add 10.40.0.254/24 dev ${wire}; /sbin/ip route add 10.41.0.0/24 dev ${wire}
    /sbin/ip link add link ${wire} name tagged type vlan id 50; /sbin/ip address add 10.50.0.254/24 dev tagged; /sbin/ip link set tagged up`);
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  neighbour.kill('SIGKILL');
});

describe('an ipvlan network', () => {
  test('puts containers beside the host, and lets them find each other by name', () => {
    daemon.sampan(
      'network',
      'create',
      '-d',
      'ipvlan',
      '--subnet',
      '10.40.0.0/24',
      '-o',
      `parent=${wire}`,
      'near',
    );
    daemon.sampan(
      'run',
      '-d',
      '--network',
      'near',
      '--ip',
      '10.40.0.10',
      '--name',
      'peer',
      'busybox',
      'sleep',
      '1000',
    );
    daemon.sampan('run', '--rm', '--network', 'near', 'busybox', ...pings('10.40.0.254'));
    daemon.sampan('run', '--rm', '--network', 'near', 'busybox', ...pings('peer'));
    expect(there('ping -c 1 -W 5 10.40.0.10')).toContain('1 packets received');
    const mac = daemon.sampan('exec', 'peer', 'cat', '/sys/class/net/eth0/address');
    expect(mac).toBe(sh(`cat /sys/class/net/${wire}/address`));
    daemon.sampan('rm', '-f', 'peer');
    daemon.sampan('network', 'rm', 'near');
  });

  test('of layer 3 routes by the device alone', () => {
    const options = ['-o', `parent=${wire}`, '-o', 'ipvlan_mode=l3', '--subnet', '10.41.0.0/24'];
    daemon.sampan('network', 'create', '-d', 'ipvlan', ...options, 'routed');
    const flags = ['--network', 'routed', '--ip', '10.41.0.10', '--name', 'far'];
    daemon.sampan('run', '-d', ...flags, 'busybox', 'sleep', '1000');
    expect(daemon.sampan('exec', 'far', 'ip', 'route')).toStartWith('default dev eth0');
    const mac = sh(`cat /sys/class/net/${wire}/address`);
    there(`/sbin/ip neighbour replace 10.41.0.10 lladdr ${mac} dev ${wire}`);
    expect(there('ping -c 1 -W 5 10.41.0.10')).toContain('1 packets received');
    daemon.sampan('exec', 'far', ...pings('10.40.0.254'));
    daemon.sampan('rm', '-f', 'far');
    daemon.sampan('network', 'rm', 'routed');
  });

  test('without a parent is an island', () => {
    daemon.sampan('network', 'create', '-d', 'ipvlan', '--subnet', '10.43.0.0/24', 'island');
    daemon.sampan('run', '-d', '--network', 'island', '--name', 'one', 'busybox', 'sleep', '1000');
    daemon.sampan('run', '--rm', '--network', 'island', 'busybox', ...pings('one'));
    daemon.sampan('rm', '-f', 'one');
    daemon.sampan('network', 'rm', 'island');
  });
});

for (const driver of ['macvlan', 'ipvlan']) {
  test(`a ${driver} network on a VLAN makes the VLAN's interface, and removes it`, () => {
    const parent = `${wire}.50`;
    daemon.sampan(
      'network',
      'create',
      '-d',
      driver,
      '--subnet',
      '10.50.0.0/24',
      '-o',
      `parent=${parent}`,
      'vlan',
    );
    daemon.sampan('run', '--rm', '--network', 'vlan', 'busybox', ...pings('10.50.0.254'));
    expect(sh(`/sbin/ip -d link show ${parent}`)).toContain('802.1Q id 50');
    daemon.sampan('network', 'rm', 'vlan');
    expect(existsSync(`/sys/class/net/${parent}`)).toBe(false);
  });
}

test('a parent that somebody else made stays', () => {
  sh(`/sbin/ip link add link ${wire} name ${wire}.60 type vlan id 60; /sbin/ip link set ${wire}.60 up`);
  daemon.sampan('network', 'create', '-d', 'macvlan', '-o', `parent=${wire}.60`, 'foreign');
  daemon.sampan('network', 'rm', 'foreign');
  expect(existsSync(`/sys/class/net/${wire}.60`)).toBe(true);
});

test('one interface is not the parent of both kinds', () => {
  daemon.sampan(
    'network',
    'create',
    '-d',
    'macvlan',
    '--subnet',
    '10.44.0.0/24',
    '-o',
    `parent=${wire}`,
    'first',
  );
  daemon.sampan('run', '-d', '--network', 'first', '--name', 'holder', 'busybox', 'sleep', '1000');
  daemon.run('sampan', [
    'network',
    'create',
    '-d',
    'ipvlan',
    '--subnet',
    '10.45.0.0/24',
    '-o',
    `parent=${wire}`,
    'second',
  ]);
  const { status, stderr } = daemon.run('sampan', ['run', '--rm', '--network', 'second', 'busybox', 'true']);
  expect([status === 0, stderr.trim()]).toEqual([false, expect.stringMatching(/busy|in use/)]);
  daemon.sampan('rm', '-f', 'holder');
  for (const name of ['first', 'second']) daemon.run('sampan', ['network', 'rm', name]);
});
