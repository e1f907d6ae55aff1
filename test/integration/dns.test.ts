import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer } from '../../src/network/dns/testing/message.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';

const programs = join(import.meta.dir, '../../src/network/dns/testing');
const [FAILED, MISSING] = [2, 3];
const upstream = '192.0.2.53';

let daemon: TestDaemon;
const servers: Bun.Subprocess[] = [];
const directory = mkdtempSync(join(tmpdir(), 'sampan-upstream-'));
const questions = join(directory, 'questions');

/** The first server of this machine's resolv.conf, whatever it is, gets an address on the loopback of the network that the tests run in. */
const hostServer =
  /^nameserver\s+([\d.:a-f]+)/m.exec(readFileSync('/etc/resolv.conf', 'utf8'))?.[1] ?? '8.8.8.8';
/** One that somebody chose. */
const ownServer = '198.18.0.53';

function changeAddress(action: 'add' | 'del', address: string): void {
  if (address.startsWith('127.') || address === '::1') return;
  spawnSync('ip', ['addr', action, address, 'dev', 'lo']);
}

/** Starts a server of the host's; see upstream.ts. */
async function serveUpstream(address: string): Promise<Bun.Subprocess> {
  const words = [process.execPath, join(programs, 'upstream.ts'), address, upstream];
  changeAddress('add', address);
  const output = openSync(questions, 'a');
  const child = Bun.spawn(words, { stdout: output });
  closeSync(output);
  const before = asked().length;
  while (asked().length === before) await Bun.sleep(10);
  return child;
}

/** What it was asked so far. */
function asked(): string[] {
  return readFileSync(questions, 'utf8').split('\n').slice(0, -1);
}

/** What it is asked by `work`. */
function askedBy(work: () => void): string[] {
  const before = asked().length;
  work();
  return asked().slice(before);
}

beforeAll(async () => {
  for (const address of [hostServer, ownServer]) servers.push(await serveUpstream(address));
  daemon = await TestDaemon.start();
  for (const network of ['front', 'back']) daemon.sampan('network', 'create', network);
  daemon.sampan('network', 'create', '--internal', 'quiet');
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  for (const server of servers) {
    server.kill();
    await server.exited;
  }
  for (const address of [hostServer, ownServer]) changeAddress('del', address);
  rmSync(directory, { recursive: true });
});

function start(name: string, ...flags: string[]): string {
  return daemon.sampan('run', '-d', '--name', name, ...flags, 'busybox', 'sleep', '1000');
}

function inspect(container: string, template: string): string {
  return daemon.sampan('inspect', '-f', template, container);
}

function addressOf(container: string, network: string): string {
  return inspect(container, `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`);
}

function ask(pid: string, ...questions: string[]): (Answer | null)[] {
  const words = ['-t', pid, '-n', process.execPath, join(programs, 'ask.ts'), ...questions];
  return JSON.parse(spawnSync('nsenter', words, { encoding: 'utf8' }).stdout);
}

/** The records that a container is told for each question; the code where that is not 0. */
function look(container: string, ...questions: string[]): (readonly string[] | number | null)[] {
  return ask(inspect(container, '{{.State.Pid}}'), ...questions).map((answer) =>
    answer === null || answer.code === 0 ? (answer?.records ?? null) : answer.code,
  );
}

function resolvConf(container: string): string {
  return daemon.sampan('exec', container, 'cat', '/etc/resolv.conf');
}

describe('containers in a network that somebody made', () => {
  let id: string;
  beforeAll(() => {
    id = start('web', '--network', 'front', '--network-alias', 'www', '--hostname', 'host-of-web');
    start('client', '--network', 'front');
    start('other', '--network', 'back', '--network-alias', 'www');
  });

  test('find each other by name, alias, short ID and host name, and by address', () => {
    const address = addressOf('web', 'front');
    const names = ['web', 'www', id.slice(0, 12), 'host-of-web', 'WEB.front'];
    expect(look('client', ...names.map((name) => `${name}/A`))).toEqual(names.map(() => [address]));
    expect(look('client', 'web/A/tcp', 'web/AAAA')).toEqual([[address], []]);
    const reverse = `${address.split('.').toReversed().join('.')}.in-addr.arpa`;
    expect(look('client', `${reverse}/PTR`)).toEqual([['web.front']]);
  });

  test('are found by the resolver of their own programs', () => {
    const text = daemon.sampan('exec', 'client', 'nslookup', 'web');
    expect(text).toContain('127.0.0.11');
    expect(text).toContain(addressOf('web', 'front'));
    expect(resolvConf('client')).toMatch(/^nameserver 127\.0\.0\.11$/m);
    expect(resolvConf('client')).toMatch(/^options .*ndots:0$/m);
  });

  test('do not find those of other networks', () => {
    expect(look('other', 'web/A', 'client/A', 'www/A')).toEqual([
      [upstream],
      [upstream],
      [addressOf('other', 'back')],
    ]);
  });

  test('reach other names through the servers of the host', () => {
    const heard = askedBy(() => {
      const told = look('client', 'example.org/A', 'example.org/A/tcp', 'missing.example/A');
      expect(told).toEqual([[upstream], [upstream], MISSING]);
    });
    expect(heard.sort()).toEqual(['tcp example.org 1 -', 'udp example.org 1 -', 'udp missing.example 1 -']);
  });

  test('are found at their new address after a restart, and not while they are gone', () => {
    daemon.sampan('stop', '-t', '0', 'web');
    expect(look('client', 'web/A')).toEqual([[upstream]]);
    start('taker', '--network', 'front');
    daemon.sampan('start', 'web');
    const address = addressOf('web', 'front');
    expect(look('client', 'web/A', 'www/A')).toEqual([[address], [address]]);
    daemon.sampan('rm', '-f', 'taker');
  });

  test('share a name that several have', () => {
    for (const name of ['one', 'two']) start(name, '--network', 'front', '--network-alias', 'both');
    const [told] = look('client', 'both/A');
    expect([...(told as string[])].sort()).toEqual(
      [addressOf('one', 'front'), addressOf('two', 'front')].sort(),
    );
    daemon.sampan('rm', '-f', 'one', 'two');
  });

  test('go by their new name once they are renamed', () => {
    const address = addressOf('web', 'front');
    daemon.sampan('rename', 'web', 'site');
    expect(look('client', 'site/A', 'web/A')).toEqual([[address], [upstream]]);
    daemon.sampan('rename', 'site', 'web');
  });
});

describe('links', () => {
  test('are names that one container alone has for another', () => {
    start('db', '--network', 'front');
    start('linked', '--network', 'front', '--link', 'db:database');
    expect(look('linked', 'database/A', 'db/A')).toEqual([
      [addressOf('db', 'front')],
      [addressOf('db', 'front')],
    ]);
    expect(look('db', 'database/A')).toEqual([[upstream]]);
    daemon.sampan('rm', '-f', 'linked', 'db');
  });
});

describe('a running container', () => {
  test('learns the names of a network that it joins, and forgets those of one that it leaves', () => {
    start('joiner', '--network', 'back');
    expect(look('joiner', 'web/A')).toEqual([[upstream]]);
    daemon.sampan('network', 'connect', '--alias', 'guest', 'front', 'joiner');
    expect(look('joiner', 'web/A', 'other/A')).toEqual([
      [addressOf('web', 'front')],
      [addressOf('other', 'back')],
    ]);
    expect(look('client', 'guest/A')).toEqual([[addressOf('joiner', 'front')]]);
    daemon.sampan('network', 'disconnect', 'front', 'joiner');
    expect(look('joiner', 'web/A')).toEqual([[upstream]]);
    expect(look('client', 'guest/A')).toEqual([[upstream]]);
    daemon.sampan('rm', '-f', 'joiner');
  });

  test('of the default bridge gets a DNS server with its first network', () => {
    start('plain');
    expect(resolvConf('plain')).not.toContain('127.0.0.11');
    daemon.sampan('network', 'connect', 'front', 'plain');
    expect(look('plain', 'web/A', 'web/A/tcp')).toEqual([
      [addressOf('web', 'front')],
      [addressOf('web', 'front')],
    ]);
    expect(resolvConf('plain')).toContain('nameserver 127.0.0.11\n');
    expect(look('client', 'plain/A')).toEqual([[addressOf('plain', 'front')]]);
    daemon.sampan('rm', '-f', 'plain');
  });
});

describe('an internal network', () => {
  test('has names, and no question leaves it (CVE-2024-29018)', () => {
    start('inner', '--network', 'quiet');
    start('recluse', '--network', 'quiet');
    const names = ['inner/A', 'example.org/A', 'example.org/A/tcp', 'nobody/A'];
    const heard = askedBy(() => {
      expect(look('recluse', ...names)).toEqual([[addressOf('inner', 'quiet')], FAILED, FAILED, FAILED]);
    });
    expect(heard).toEqual([]);
    daemon.sampan('rm', '-f', 'inner', 'recluse');
  });
});

describe('a network of IPv6 alone', () => {
  test('has names, which its containers are told over the loopback that all have', () => {
    daemon.sampan('network', 'create', '--ipv4=false', '--ipv6', '--subnet', 'fd5a:7::/64', 'six');
    for (const name of ['first', 'second']) start(name, '--network', 'six');
    const address = inspect('first', '{{.NetworkSettings.Networks.six.GlobalIPv6Address}}');
    const [told, none, other] = ask(
      inspect('second', '{{.State.Pid}}'),
      'first/AAAA',
      'first/A',
      'example.org/A',
    );
    expect(new URL(`http://[${told?.records[0]?.match(/.{4}/g)?.join(':')}]`).hostname).toBe(`[${address}]`);
    expect(none).toMatchObject({ code: 0, records: [] });
    expect(other?.records).toEqual([upstream]);
    daemon.sampan('rm', '-f', 'first', 'second');
  });
});

describe("a container's own settings", () => {
  test('name the servers, the search list and the options', () => {
    const flags = ['--dns', ownServer, '--dns-search', 'corp.example', '--dns-option', 'ndots:2'];
    start('settled', '--network', 'front', ...flags);
    expect(resolvConf('settled')).toContain('nameserver 127.0.0.11\nsearch corp.example\noptions ndots:2\n');
    const heard = askedBy(() => {
      const told = look('settled', 'web/A', 'dotless/A', 'a.example/A');
      expect(told).toEqual([[addressOf('web', 'front')], [], [upstream]]);
    });
    expect(heard).toEqual(['udp a.example 1 -']);
    daemon.sampan('rm', '-f', 'settled');
  });
});

describe('while there is no daemon', () => {
  test('names are told as before, and other names asked for', async () => {
    const pid = inspect('client', '{{.State.Pid}}');
    const address = addressOf('web', 'front');
    await daemon.stopProcess('SIGKILL');
    const answers = ask(pid, 'web/A', 'www/A/tcp', 'example.org/A');
    expect(answers.map((answer) => answer?.records)).toEqual([[address], [address], [upstream]]);
    await daemon.startProcess();
    expect(look('client', 'web/A')).toEqual([[address]]);
    start('late', '--network', 'front');
    expect(look('client', 'late/A')).toEqual([[addressOf('late', 'front')]]);
    daemon.sampan('rm', '-f', 'late');
  });
});

test('the files of networks go with their last container', async () => {
  daemon.sampan('network', 'create', 'brief');
  const id = daemon.sampan('network', 'inspect', '-f', '{{.Id}}', 'brief');
  const files = (): string[] => readdirSync(join(daemon.home, 'run/names'));
  start('only', '--network', 'brief');
  expect(files()).toContain(id);
  daemon.sampan('rm', '-f', 'only');
  expect(files()).not.toContain(id);
});
