import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { startDockerd } from '../../bench/peers.ts';
import { FirewallShell } from '../fixtures/firewall-programs.ts';
import { type HelloServer, listening, startHello } from '../fixtures/hello-server.ts';
import { command, Neighbour } from '../fixtures/neighbour.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';

/** Published ports of a host that has a firewall, tried from another host. */

const { host, own } = Neighbour;
const PORT = 18301;

let daemon: TestDaemon;
let neighbour: Neighbour;
let web: HelloServer;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  neighbour = new Neighbour();
  neighbour.serve(9, 'outside');
  daemon.sampan('network', 'create', '--ipv6', '--subnet', 'fd44:1::/64', 'six');
  web = startHello(daemon, '--network', 'six', '-p', `${PORT}:80`);
  await listening(daemon, web);
});

afterAll(async () => {
  web[Symbol.dispose]();
  daemon.sampan('network', 'rm', 'six');
  await neighbour[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

/** Who the neighbour is to the container, over IPv4 and IPv6. */
const asked = () => [neighbour.ask(host.ipv4, PORT), neighbour.ask(host.ipv6, PORT)];
const open = [`hello ${own.ipv4}`, `hello ${own.ipv6}`];
const shut = ['', ''];

/** Once what follows a change of the firewall's is done. */
async function becomes(wanted: readonly string[]): Promise<void> {
  for (let tries = 0; tries < 10 && !Bun.deepEquals(asked(), wanted); tries++) await Bun.sleep(50);
  expect(asked()).toEqual([...wanted]);
  expect(neighbour.ask(web.address('six'), 80)).toBe('');
}

function reaches(): string {
  const words = ['run', '--rm', '--network', 'six', 'busybox', 'nc', '-w', '2', own.ipv4, '9'];
  return daemon.run('sampan', words).stdout.trim();
}

describe('beside ufw', () => {
  let shell: FirewallShell;
  beforeAll(async () => {
    shell = new FirewallShell();
    await shell.run('ufw --force enable');
  });
  afterAll(async () => {
    await shell.run('ufw --force disable');
    await shell[Symbol.asyncDispose]();
    command('iptables', '-F', 'FORWARD');
    await becomes(open);
  });

  test('a published port is shut as long as ufw does not allow it, and containers reach out', async () => {
    await becomes(shut);
    expect(daemon.sampan('port', '-v', web.id)).toContain('denied by ip filter INPUT (policy drop)');
    expect(reaches()).toBe('outside');
  });

  test('a port that ufw allows is open, after a reload too', async () => {
    await shell.run(`ufw allow ${PORT}/tcp`);
    await becomes(open);
    expect(daemon.sampan('port', '-v', web.id)).toMatch(/:18301\s+open/);
    await shell.run('ufw reload');
    await becomes(open);
    expect(reaches()).toBe('outside');
    await shell.run(`ufw delete allow ${PORT}/tcp`);
    await becomes(shut);
  });

  test('a port that ufw allows some is open to those', async () => {
    await shell.run(`ufw allow from ${own.ipv4} to any port ${PORT} proto tcp`);
    await becomes([`hello ${own.ipv4}`, '']);
    expect(daemon.sampan('port', '-v', web.id)).toContain('some: limited by ip filter');
    await shell.run(`ufw delete allow from ${own.ipv4} to any port ${PORT} proto tcp`);
  });
});

describe('beside firewalld', () => {
  let shell: FirewallShell;
  beforeAll(async () => {
    shell = new FirewallShell();
    await shell.startFirewalld();
  });
  afterAll(async () => {
    await shell[Symbol.asyncDispose]();
    await becomes(open);
  });

  test('a published port is shut until it is added, and again after a reload, while containers reach out', async () => {
    await becomes(shut);
    expect(daemon.sampan('port', '-v', web.id)).toContain('denied by inet firewalld filter_IN_public');
    expect(await shell.run(`firewall-cmd --add-port=${PORT}/tcp`)).toBe('success');
    await becomes(open);
    expect(daemon.sampan('port', '-v', web.id)).toMatch(/:18301\s+open/);
    expect(reaches()).toBe('outside');
    expect(await shell.run('firewall-cmd --reload')).toBe('success');
    await becomes(shut);
    expect(reaches()).toBe('outside');
  });
});

test('beside dockerd, whose forwarding policy is to drop, all is as before, also while its own rules come back', async () => {
  const before = daemon.sampan('port', '-v', web.id);
  // It shuts what it finds shut.
  await Bun.write('/proc/sys/net/ipv4/ip_forward', '0');
  await using dockerd = await startDockerd({ ownNetwork: false });
  expect(dockerd).toBeDefined();
  expect(command('iptables', '-S', 'FORWARD')).toContain('-P FORWARD DROP');
  await becomes(open);
  expect(reaches()).toBe('outside');
  expect(daemon.sampan('port', '-v', web.id)).toBe(before);
  command('iptables', '-F', 'FORWARD');
  await becomes(open);
  command('iptables', '-P', 'FORWARD', 'ACCEPT');
});

test('beside rules written by hand, ports and networks say what denies them', async () => {
  const rules = [
    'table inet filter {',
    'chain input {',
    'type filter hook input priority 0; policy drop',
    'iifname lo accept',
  ];
  rules.push(
    'ct state established,related accept',
    'meta l4proto ipv6-icmp accept',
    'tcp dport { 22, 80 } accept',
    '}',
  );
  rules.push('chain forward {', 'type filter hook forward priority 0; policy drop', '}', '}');
  command('sh', '-c', `printf '%s\\n' "$@" | nft -f -`, 'sh', ...rules);
  await becomes(shut);
  const [shown] = JSON.parse(daemon.sampan('network', 'inspect', 'six'));
  expect(shown.Ports).toMatchObject([
    { IP: '0.0.0.0', PrivatePort: 80, PublicPort: PORT, Type: 'tcp', Network: 'six', Reach: 'denied' },
    { IP: '::', Reach: 'denied', DeniedBy: 'inet filter input (policy drop)' },
  ]);
  command('nft', 'add', 'rule', 'inet', 'filter', 'input', 'tcp', 'dport', String(PORT), 'accept');
  await becomes(open);
  expect(reaches()).toBe('outside');
  // As a restart of Debian's service does it.
  command('sh', '-c', `(echo flush ruleset; printf '%s\\n' "$@") | nft -f -`, 'sh', ...rules);
  await becomes(shut);
  expect(reaches()).toBe('outside');
  command('nft', 'flush', 'ruleset');
  await becomes(open);
  expect(daemon.sampan('port', '-v', web.id, '80')).toMatch(/:18301\s+open/);
});
