import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawn, spawnSync } from 'node:child_process';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

/** Two hosts: the daemon's, and a neighbour that knows the way to its containers and tries what it can reach. */

const HOST = '10.93.0.1';
const NEIGHBOUR = '10.93.0.2';
const neighbour = `neighbour-${process.pid}`;
const busybox = '/bin/busybox';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  command('ip', 'netns', 'add', neighbour);
  command('ip', 'link', 'add', 'wire', 'type', 'veth', 'peer', 'wire', 'netns', neighbour);
  for (const [address, ...prefix] of [
    [HOST, 'ip'],
    [NEIGHBOUR, 'ip', '-n', neighbour],
  ] as const) {
    command(...prefix, 'addr', 'add', `${address}/24`, 'dev', 'wire');
    command(...prefix, 'link', 'set', 'wire', 'up');
  }
  command('ip', '-n', neighbour, 'route', 'add', '172.16.0.0/12', 'via', HOST);
});

afterAll(async () => {
  command('ip', 'link', 'del', 'wire');
  command('ip', 'netns', 'del', neighbour);
  await daemon[Symbol.asyncDispose]();
});

function command(...words: string[]): void {
  const [program = '', ...rest] = words;
  const { status, stderr } = spawnSync(program, rest, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
}

function server(...flags: string[]): { readonly id: string; address(network: string): string } & Disposable {
  const id = daemon.sampan('run', '-d', ...flags, 'busybox', 'sh', '-c', 'nc -ll -p 80 -e echo hello');
  const shown = (): Json => JSON.parse(daemon.sampan('inspect', id))[0];
  return {
    id,
    address: (network) => shown().NetworkSettings.Networks[network].IPAddress,
    [Symbol.dispose]: () => daemon.sampan('rm', '-f', id),
  };
}

/** What a server says to the neighbour; empty when nobody answers within a second. */
function fromOutside(address: string, port: number): string {
  const words = ['netns', 'exec', neighbour, busybox, 'nc', '-w', '1', address, String(port)];
  return spawnSync('ip', words, { encoding: 'utf8', input: '' }).stdout.trim();
}

/** The same of a container, once it listens. */
function fromContainer(network: string, address: string, port: number): string {
  const script = `nc -w 1 ${address} ${port}`;
  return daemon
    .run('sampan', ['run', '--rm', '--network', network, 'busybox', 'sh', '-c', script])
    .stdout.trim();
}

async function listening(id: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (daemon.run('sampan', ['exec', id, 'nc', '-w', '1', '127.0.0.1', '80']).stdout.trim() === 'hello')
      return;
    await Bun.sleep(25);
  }
  throw new Error('the server does not listen');
}

describe('from another host', () => {
  test('published ports are reached, on the addresses they were published on alone', async () => {
    daemon.sampan('network', 'create', 'front');
    const all = server(
      '--network',
      'front',
      '-p',
      '18201:80',
      '-p',
      '127.0.0.1:18202:80',
      '-p',
      `${HOST}:18203:80`,
    );
    await listening(all.id);
    expect(fromOutside(HOST, 18201)).toBe('hello');
    expect(fromOutside(HOST, 18203)).toBe('hello');
    expect(fromOutside(HOST, 18202)).toBe('');
    expect(fromOutside(all.address('front'), 80)).toBe('');
    // Loopback of this host, as the neighbour would send it here.
    command('ip', '-n', neighbour, 'route', 'add', '127.9.9.9/32', 'via', HOST);
    expect(fromOutside('127.9.9.9', 18202)).toBe('');
    daemon.sampan('rm', '-f', all.id);
    expect(fromOutside(HOST, 18201)).toBe('');
    daemon.sampan('network', 'rm', 'front');
  });

  test('internal networks are not reached, whatever is published, nor do they reach out', async () => {
    daemon.sampan('network', 'create', '--internal', 'inner');
    const inner = server('--network', 'inner', '-p', '18204:80');
    await listening(inner.id);
    expect(fromOutside(inner.address('inner'), 80)).toBe('');
    expect(fromOutside(HOST, 18204)).toBe('');
    expect(fromContainer('inner', inner.address('inner'), 80)).toBe('hello');
    const listener = spawn('ip', [
      'netns',
      'exec',
      neighbour,
      busybox,
      'nc',
      '-ll',
      '-p',
      '9',
      '-e',
      'echo',
      'out',
    ]);
    expect(fromContainer('bridge', NEIGHBOUR, 9)).toBe('out');
    expect(fromContainer('inner', NEIGHBOUR, 9)).toBe('');
    listener.kill();
    daemon.sampan('rm', '-f', inner.id);
    daemon.sampan('network', 'rm', 'inner');
  });
});

test('networks do not reach each other but through published ports', async () => {
  for (const name of ['one', 'two']) daemon.sampan('network', 'create', name);
  {
    using one = server('--network', 'one', '-p', '18205:80');
    await listening(one.id);
    expect(fromContainer('one', one.address('one'), 80)).toBe('hello');
    expect(fromContainer('two', one.address('one'), 80)).toBe('');
    expect(fromContainer('bridge', one.address('one'), 80)).toBe('');
    expect(fromContainer('two', HOST, 18205)).toBe('hello');
  }
  daemon.sampan('network', 'rm', 'one', 'two');
});

test('rules that somebody flushes are there again at once, with the daemon and after it was killed', async () => {
  daemon.sampan('network', 'create', 'front');
  {
    using web = server('--network', 'front', '-p', '18206:80');
    await listening(web.id);
    const whole = async (): Promise<void> => {
      for (let tries = 0; tries < 50 && fromOutside(web.address('front'), 80) !== ''; tries++) {}
      expect(fromOutside(web.address('front'), 80)).toBe('');
      expect(fromOutside(HOST, 18206)).toBe('hello');
    };
    for (const words of ['flush ruleset', `delete table inet sampan-${daemon.bridge}`]) {
      command('nft', ...words.split(' '));
      await whole();
    }
    await daemon.stopProcess('SIGKILL');
    command('nft', 'flush', 'ruleset');
    await daemon.startProcess();
    await whole();
  }
  daemon.sampan('network', 'rm', 'front');
});
