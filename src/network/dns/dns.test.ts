import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { background } from '../../base/context.ts';
import { connectSupervisor } from '../../runtime/supervisor.ts';
import type { NamesTable } from './names-file.ts';
import { redirectDnsOf } from './redirect.ts';
import { type DnsNetwork, encodeDnsSettings } from './settings.ts';
import { type DnsContainer, DnsHost } from './testing/dns-host.ts';

const [FAILED, MISSING, REFUSED] = [2, 3, 5];
const front: NamesTable = {
  names: [
    { name: 'web', ipv4: ['10.0.0.2'], ipv6: ['fd00::2'] },
    { name: 'Api', ipv4: ['10.0.0.3', '10.0.0.4', '10.0.0.5'], ipv6: [] },
    { name: 'six', ipv4: [], ipv6: ['fd00::6'] },
    { name: 'a.b', ipv4: ['10.0.0.7'], ipv6: [] },
    { name: 'crowd', ipv4: Array.from({ length: 60 }, (_, index) => `10.0.1.${index}`), ipv6: [] },
  ],
  reverse: [
    ['10.0.0.2', 'web'],
    ['fd00::2', 'web'],
    ['10.0.0.3', 'Api'],
  ],
};
const back: NamesTable = {
  names: [
    { name: 'web', ipv4: ['10.9.0.2'], ipv6: [] },
    { name: 'db', ipv4: ['10.9.0.3'], ipv6: [] },
  ],
  reverse: [['10.9.0.3', 'db']],
};

let host: DnsHost;
const network = (id: string, name: string, aliases: Record<string, string> = {}): DnsNetwork => {
  return { names: host.names.path(id), name, aliases };
};

beforeAll(async () => {
  host = await DnsHost.open('dns');
  host.names.write('front', front);
  host.names.write('back', back);
  await host.setServers('127.0.0.53');
});
afterAll(() => host[Symbol.asyncDispose]());

describe('names of networks', () => {
  let both: DnsContainer;
  let one: DnsContainer;
  beforeAll(async () => {
    both = await host.start(
      host.settings({ forwards: false, networks: [network('front', 'Front'), network('back', 'x.y')] }),
    );
    one = await host.start(
      host.settings({
        forwards: false,
        networks: [network('back', 'back', { Database: 'DB', gone: 'nobody' })],
      }),
    );
  });

  test('are told in any case, over UDP and TCP, with ten minutes to live', async () => {
    const answers = await both.ask('web/A', 'WEB/A', 'web/A/tcp', 'web/AAAA', 'web/A/4096');
    expect(answers.map((answer) => answer?.records)).toEqual([
      ['10.0.0.2'],
      ['10.0.0.2'],
      ['10.0.0.2'],
      ['fd000000000000000000000000000002'],
      ['10.0.0.2'],
    ]);
    expect(answers.flatMap((answer) => answer?.timesToLive)).toEqual([600, 600, 600, 600, 600]);
    expect(answers[1]?.question).toBe('WEB');
  });

  test('may have their network behind them, however many dots that has', async () => {
    const questions = ['web.front/A', 'web.x.y/A', 'a.b/A', 'a.b.FRONT/A', 'db.front/A', 'web.x/A'];
    expect(await both.look(...questions)).toEqual([
      ['10.0.0.2'],
      ['10.9.0.2'],
      ['10.0.0.7'],
      ['10.0.0.7'],
      FAILED,
      FAILED,
    ]);
  });

  test('exist without records of the type that is asked for', async () => {
    const questions = ['api/AAAA', 'six/A', 'web/MX', 'web/SRV', 'web/HTTPS'];
    expect(await both.look(...questions)).toEqual([[], [], [], [], []]);
  });

  test('with several addresses tell each of them first in its turn', async () => {
    const answers = await both.look('api/A', 'api/A', 'api/A');
    expect(new Set(answers.map((answer) => (answer as string[])[0])).size).toBe(3);
    for (const answer of answers)
      expect([...(answer as string[])].sort()).toEqual(['10.0.0.3', '10.0.0.4', '10.0.0.5']);
  });

  test('with more addresses than a datagram holds are told in full over TCP, or to who takes more', async () => {
    const [short, long, stream] = await both.ask('crowd/A', 'crowd/A/4096', 'crowd/A/tcp');
    expect(short).toMatchObject({ truncated: true, code: 0 });
    expect(short?.records.length).toBe(Math.floor((512 - 12 - 11) / 16));
    expect([long?.truncated, long?.records.length]).toEqual([false, 60]);
    expect([stream?.truncated, stream?.records.length]).toEqual([false, 60]);
  });

  test('are told for addresses, with the network', async () => {
    const six = `2.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`;
    const questions = [
      '2.0.0.10.in-addr.arpa/PTR',
      `${six}/PTR`,
      '3.0.9.10.in-addr.arpa/PTR',
      '9.0.0.10.in-addr.arpa/PTR',
    ];
    expect(await both.look(...questions)).toEqual([['web.Front'], ['web.Front'], ['db.x.y'], FAILED]);
  });

  test('are told to members alone', async () => {
    expect(await one.look('api/A', 'web/A', '2.0.0.10.in-addr.arpa/PTR', 'web.front/A')).toEqual([
      FAILED,
      ['10.9.0.2'],
      FAILED,
      FAILED,
    ]);
  });

  test('may be other names for one container alone', async () => {
    expect(await one.look('database/A', 'DATABASE.back/A', 'gone/A')).toEqual([
      ['10.9.0.3'],
      ['10.9.0.3'],
      FAILED,
    ]);
    expect(await both.look('database/A')).toEqual([FAILED]);
  });

  test('are those of the file that was written last', async () => {
    const container = await host.start(
      host.settings({ forwards: false, networks: [network('later', 'later')] }),
    );
    const write = (...ipv4: string[]) =>
      host.names.write('later', { names: [{ name: 'n', ipv4, ipv6: [] }], reverse: [] });
    expect(await container.look('n/A')).toEqual([FAILED]);
    write('10.0.0.1');
    expect(await container.look('n/A')).toEqual([['10.0.0.1']]);
    write('10.0.0.2');
    expect(await container.look('n/A')).toEqual([['10.0.0.2']]);
    host.names.remove('later');
    expect(await container.look('n/A')).toEqual([FAILED]);
  });

  test('leave port 53 to programs of the container', async () => {
    const container = await host.start(
      host.settings({ forwards: false, networks: [network('back', 'back')] }),
    );
    await host.serve('0.0.0.0', '192.0.2.99', container.inside);
    expect(await container.look('db/A', 'db/A/tcp')).toEqual([['10.9.0.3'], ['10.9.0.3']]);
  });
});

describe('other names', () => {
  test('are asked for as they are written, whatever of them is asked for', async () => {
    const asked = await host.serve('127.0.0.71', '192.0.2.71');
    await host.setServers('127.0.0.71');
    const container = await host.start(host.settings({ networks: [network('front', 'front')] }));
    const questions = [
      'MaiL.Example/MX',
      '_sip._tcp.example.org/SRV/4096',
      'example.org/HTTPS',
      'Example.org/NS/tcp',
    ];
    const answers = await container.ask(...questions);
    expect(answers.map((answer) => answer?.records.length)).toEqual([1, 1, 1, 1]);
    expect(answers.map((answer) => answer?.question)).toEqual(questions.map((text) => text.split('/')[0]));
    const seen = asked().map((line) => line.split(' ').slice(0, 3).join(' '));
    expect(seen.sort()).toEqual([
      'tcp Example.org 2',
      'udp MaiL.Example 15',
      'udp _sip._tcp.example.org 33',
      'udp example.org 65',
    ]);
    await host.setServers('127.0.0.53');
  });

  test('are asked for in the network of the host, whose loopback servers count', async () => {
    const asked = await host.serve('127.0.0.53', '192.0.2.1');
    const container = await host.start(host.settings({ networks: [network('front', 'front')] }));
    const questions = [
      'example.org/A',
      'example.org/A/tcp',
      'example.net/A/1400',
      'missing.example/A',
      'web/A',
    ];
    expect(await container.look(...questions)).toEqual([
      ['192.0.2.1'],
      ['192.0.2.1'],
      ['192.0.2.1'],
      MISSING,
      ['10.0.0.2'],
    ]);
    expect(asked().sort()).toEqual([
      'tcp example.org 1 -',
      'udp example.net 1 1400',
      'udp example.org 1 -',
      'udp missing.example 1 -',
    ]);
  });

  test('whose answers are cut off are asked for again over TCP', async () => {
    const container = await host.start(host.settings({}));
    const [datagram, stream] = await container.ask('large.example/A', 'large.example/A/tcp');
    expect(datagram).toMatchObject({ truncated: true, records: [] });
    expect(stream?.records.length).toBe(100);
  });

  test('are answered by who was asked for them, and by nothing else', async () => {
    const container = await host.start(host.settings({}));
    expect(await container.look('forged.example/A')).toEqual([['192.0.2.1']]);
  });

  test('go to the next server when one is silent, which then is asked last for a while', async () => {
    const asked = await host.serve('127.0.0.60', '');
    await host.setServers('127.0.0.60', '127.0.0.53');
    const container = await host.start(host.settings({}));
    expect(await container.look('one.example/A')).toEqual([['192.0.2.1']]);
    expect(await container.look('two.example/A')).toEqual([['192.0.2.1']]);
    expect(asked()).toEqual(['udp one.example 1 -']);
    await host.setServers('127.0.0.53');
  });

  test('go to the next server when one fails, refuses, or is not there', async () => {
    await host.serve('127.0.0.54', '192.0.2.2');
    const container = await host.start(host.settings({}));
    await host.setServers('127.0.0.99', '127.0.0.53', '127.0.0.54');
    const names = ['failing.example/A', 'refused.example/A', 'fine.example/A', 'fine.example/A/tcp'];
    expect(await container.look(...names)).toEqual([FAILED, REFUSED, ['192.0.2.1'], ['192.0.2.1']]);
    await host.setServers('127.0.0.53');
  });

  test('are asked of the servers that the host has now', async () => {
    const container = await host.start(host.settings({}));
    expect(await container.look('now.example/A')).toEqual([['192.0.2.1']]);
    await host.setServers('127.0.0.54');
    expect(await container.look('now.example/A')).toEqual([['192.0.2.2']]);
    await host.setServers('127.0.0.53');
    expect(await container.look('now.example/A')).toEqual([['192.0.2.1']]);
  });

  test('are asked of servers that have IPv6 alone', async () => {
    await host.serve('::1', '192.0.2.6');
    await host.setServers('::1');
    const container = await host.start(host.settings({}));
    expect(await container.look('six.example/A', 'six.example/A/tcp')).toEqual([
      ['192.0.2.6'],
      ['192.0.2.6'],
    ]);
    await host.setServers('127.0.0.53');
  });

  test("are asked of the container's own servers, those on its loopback inside it", async () => {
    const servers = [{ address: '127.0.0.1', inside: true }];
    const container = await host.start(host.settings({ resolvConf: '', servers }));
    await host.serve('127.0.0.1', '192.0.2.77', container.inside);
    expect(await container.look('own.example/A', 'own.example/A/tcp')).toEqual([
      ['192.0.2.77'],
      ['192.0.2.77'],
    ]);
  });

  test('never leave where no network leads outside, nor those without a dot where they are to stay', async () => {
    const asked = await host.serve('127.0.0.55', '192.0.2.5');
    await host.setServers('127.0.0.55');
    const internal = await host.start(host.settings({ forwards: false }));
    const dotless = await host.start(host.settings({ dotlessStay: true }));
    expect(await internal.look('a.example/A', 'a/A/tcp')).toEqual([FAILED, FAILED]);
    expect(await dotless.look('a/A', 'b/AAAA', 'c.example/A')).toEqual([[], [], ['192.0.2.5']]);
    expect(asked()).toEqual(['udp c.example 1 -']);
    await host.setServers('127.0.0.53');
  });
});

/** Asks for "crowd", which has many addresses, for a second, as fast as it can, and listens to no answer. */
const flood = `
import socket, time
question = b'\\1\\0\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\5crowd\\0\\0\\1\\0\\1'
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end = time.monotonic() + 1
while time.monotonic() < end:
  for _ in range(100):
    try: out.sendto(question, ('127.0.0.11', 53))
    except OSError: pass
`;

describe('a DNS server', () => {
  test('is told of networks that come and go, by any daemon', async () => {
    const container = await host.start(host.settings({ forwards: false }));
    expect(await container.look('web/A')).toEqual([FAILED]);
    const daemon = await connectSupervisor(background(), container.socket);
    const more = host.settings({ forwards: false, networks: [network('front', 'front')] });
    expect((await daemon.configureDns(background(), encodeDnsSettings(more))).opened).toBe(false);
    daemon.close();
    expect(await container.look('web/A')).toEqual([['10.0.0.2']]);
    await container.supervisor.configureDns(
      background(),
      encodeDnsSettings(host.settings({ forwards: false })),
    );
    expect(await container.look('web/A')).toEqual([FAILED]);
  });

  test('is opened when a running container joins its first network', async () => {
    const container = await host.start(undefined);
    const settings = host.settings({ networks: [network('front', 'front')] });
    const sockets = await container.supervisor.configureDns(background(), encodeDnsSettings(settings));
    expect(sockets).toEqual({ port: settings.port, opened: true });
    await host.namespace.launcher.run(background(), redirectDnsOf(container.supervisor.pid, sockets.port));
    expect(await container.look('web/A', 'web/A/tcp')).toEqual([['10.0.0.2'], ['10.0.0.2']]);
  });

  test('refuses settings that are none, and goes on with those it has', async () => {
    const settings = host.settings({ forwards: false, networks: [network('front', 'front')] });
    const container = await host.start(settings);
    const bytes = encodeDnsSettings(settings);
    const configure = (broken: Uint8Array) => container.supervisor.configureDns(background(), broken);
    for (const broken of [
      bytes.subarray(0, -1),
      Buffer.concat([bytes, Uint8Array.of(0)]),
      new Uint8Array(),
    ]) {
      expect(configure(broken)).rejects.toMatchObject({ code: 'invalid-argument' });
    }
    expect(await container.look('web/A')).toEqual([['10.0.0.2']]);
  });

  test('bounds what is under way, refuses what is beyond, and goes on with what it knows', async () => {
    await host.serve('127.0.0.61', '');
    await host.setServers('127.0.0.61');
    const container = await host.start(host.settings({ networks: [network('front', 'front')] }));
    const parent = await container.run('ps', '-o', 'ppid=', '-p', String(container.supervisor.pid));
    // An eighth of it.
    await container.run('prlimit', '--pid', parent.trim(), '--nofile=256:256');
    const names = Array.from({ length: 64 }, (_, index) => `n${index}.example/A`);
    const answers = await container.askFor(1000, ...names, 'web/A');
    expect(answers.at(-1)?.records).toEqual(['10.0.0.2']);
    const codes = answers.slice(0, -1).map((answer) => answer?.code ?? null);
    expect(codes.filter((code) => code === null).length).toBe(32);
    expect(codes.filter((code) => code === REFUSED).length).toBe(32);
    await host.setServers('127.0.0.53');
  });

  test('lets its supervisor answer others while it is asked more than it can, and answers when that is over', async () => {
    const container = await host.start(host.settings({ networks: [network('front', 'front')] }));
    const flooded = container.run('python3', '-c', flood);
    for (let time = 0; time < 10; time++) {
      const another = await connectSupervisor(background(), container.socket);
      another.close();
    }
    await flooded;
    expect(await container.look('web/A')).toEqual([['10.0.0.2']]);
  });

  test('serves new connections when old ones say nothing', async () => {
    const container = await host.start(host.settings({ networks: [network('front', 'front')] }));
    const script = 'for i in $(seq 40); do exec {fd}<>/dev/tcp/127.0.0.11/53; done; echo open; read';
    const idle = Bun.spawn([...container.inside, 'bash', '-c', script], { stdin: 'pipe', stdout: 'pipe' });
    for await (const _ of idle.stdout) break;
    expect(await container.look('web/A/tcp', 'web/A/tcp')).toEqual([['10.0.0.2'], ['10.0.0.2']]);
    idle.kill();
    await idle.exited;
  });

  test('ends with its container', async () => {
    const container = await host.start(host.settings({}));
    const sockets = await container.run('ss', '-Hlnt');
    expect(sockets).toContain('127.0.0.11:');
    const namespace = await container.run('readlink', '/proc/self/ns/net');
    await container.end();
    const left = await host.namespace.run('sh', '-c', 'readlink /proc/[0-9]*/ns/net || true');
    expect(left).not.toContain(namespace.trim());
  });
});
