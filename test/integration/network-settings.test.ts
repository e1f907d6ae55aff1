import { expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from '../fixtures/neighbour.ts';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

/** What daemon.json says of networks, with dockerd's keys. */

const directory = mkdtempSync(join(tmpdir(), 'settings-'));
const file = join(directory, 'daemon.json');

function write(settings: Json): string[] {
  writeFileSync(file, JSON.stringify(settings));
  return ['--config-file', file];
}

const inspect = (daemon: TestDaemon, name: string): Json =>
  JSON.parse(daemon.sampan('network', 'inspect', name))[0];

test('the default bridge and new networks are as daemon.json says', async () => {
  const mtu = 'com.docker.network.driver.mtu';
  const flags = write({
    bip: '10.66.0.1/16',
    'fixed-cidr': '10.66.7.0/24',
    'default-gateway': '10.66.0.9',
    ipv6: true,
    'fixed-cidr-v6': 'fd66::/64',
    mtu: 1400,
    icc: false,
    'default-network-opts': { bridge: { [mtu]: '1300' } },
    'default-address-pools': [{ base: '10.67.0.0/16', size: 24 }],
    'host-firewall': 'hands-off',
  });
  await using daemon = await TestDaemon.start(flags);
  const bridge = inspect(daemon, 'bridge');
  expect(bridge.EnableIPv6).toBe(true);
  expect(bridge.IPAM.Config).toMatchObject([
    { Subnet: '10.66.0.0/16', IPRange: '10.66.7.0/24', Gateway: '10.66.0.1' },
    { Subnet: 'fd66::/64', Gateway: 'fd66::1' },
  ]);
  const script = 'ip -o addr show eth0; ip route; ip -6 route; cat /sys/class/net/eth0/mtu';
  const seen = daemon.sampan('run', '--rm', 'busybox', 'sh', '-c', script);
  for (const text of ['10.66.7.', 'fd66::', 'default via 10.66.0.9', 'default via fd66::1', '1400']) {
    expect(seen).toContain(text);
  }
  daemon.sampan('network', 'create', 'made');
  expect(inspect(daemon, 'made')).toMatchObject({
    Options: { [mtu]: '1300' },
    IPAM: { Config: [{ Subnet: '10.67.0.0/24' }] },
  });
});

test('without icc, containers reach the exposed ports of those that they are linked to, also at a new address', async () => {
  await using daemon = await TestDaemon.start(write({ icc: false }));
  const serve = ['busybox', 'sh', '-c', 'nc -ll -p 80 -e echo hello & nc -ll -p 81 -e echo hidden'];
  daemon.sampan('run', '-d', '--name', 'web', '--expose', '80', ...serve);
  daemon.sampan('run', '-d', '--name', 'friend', '--link', 'web:db', 'busybox', 'sleep', '1000');
  daemon.sampan('run', '-d', '--name', 'stranger', 'busybox', 'sleep', '1000');
  const address = () => daemon.sampan('inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'web');
  const ask = (from: string, target: string, port: string) =>
    daemon.run('sampan', ['exec', from, 'nc', '-w', '1', target, port]).stdout.trim();
  const apart = async (): Promise<void> => {
    for (let tries = 0; tries < 100 && ask('friend', 'db', '80') === ''; tries++) await Bun.sleep(20);
    expect(ask('friend', 'db', '80')).toBe('hello');
    expect(ask('friend', 'db', '81')).toBe('');
    expect(ask('stranger', address(), '80')).toBe('');
  };
  await apart();
  const before = address();
  daemon.sampan('stop', '-t', '0', 'web');
  daemon.sampan('run', '-d', '--name', 'squatter', ...serve);
  daemon.sampan('start', 'web');
  expect(address()).not.toBe(before);
  await apart();
  expect(ask('friend', before, '80')).toBe('');
  daemon.sampan('rm', '-f', 'web', 'friend', 'stranger', 'squatter');
});

test('without iptables there are no rules, and published ports are relayed', async () => {
  await using daemon = await TestDaemon.start(write({ iptables: false, 'ip-forward': false }));
  const serve = ['nc', '-ll', '-p', '80', '-e', 'echo', 'hello'];
  const id = daemon.sampan('run', '-d', '-p', '18401:80', 'busybox', ...serve);
  expect(command('nft', 'list', 'ruleset')).toBe('');
  const ask = () =>
    spawnSync('/bin/busybox', ['nc', '-w', '1', '127.0.0.1', '18401'], { encoding: 'utf8' }).stdout;
  for (let tries = 0; tries < 100 && ask() === ''; tries++) await Bun.sleep(20);
  expect(ask()).toBe('hello\n');
  daemon.sampan('rm', '-f', id);
});

test('settings that mean nothing here are refused when the daemon starts', async () => {
  for (const [settings, message] of [
    [{ 'firewall-backend': 'iptables' }, 'firewall-backend "iptables" is not supported'],
    [{ 'userland-proxy-path': '/usr/bin/docker-proxy' }, 'userland-proxy-path is not supported'],
    [{ bridge: 'none' }, 'bridge "none" is not supported'],
    [{ 'host-firewall': 'off' }, 'invalid host-firewall: "off"'],
  ] as const) {
    const program = join(import.meta.dir, '../../sampan');
    const { status, stderr } = spawnSync(program, ['daemon', ...write(settings)], { encoding: 'utf8' });
    expect(stderr).toContain(message);
    expect(status).toBe(1);
  }
  rmSync(directory, { recursive: true });
});
