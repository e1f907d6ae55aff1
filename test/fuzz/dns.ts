/**
 * A bounded fuzzer of the DNS server: programs of a container send it damaged questions over UDP and TCP, in pieces and without end; the servers
 * that it asks answer with damaged answers; names files and settings are damaged under way. Meanwhile an honest question must get its
 * answer, and no sanitizer may complain.
 *
 * Usage: bun test/fuzz/dns.ts [seconds] [seed]; build/sampan-launcher-asan is what is tested, or SAMPAN_LAUNCHER.
 */
import { createSocket } from 'node:dgram';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { background } from '../../src/base/context.ts';
import { encodeNames, type NamesTable } from '../../src/network/dns/names-file.ts';
import { encodeDnsSettings } from '../../src/network/dns/settings.ts';
import { type DnsContainer, DnsHost } from '../../src/network/dns/testing/dns-host.ts';
import { decodeQuestion, encodeAnswer, encodeQuestion } from '../../src/network/dns/testing/message.ts';

const [role = '20', ...rest] = process.argv.slice(2);
const isPart = role === 'ask' || role === 'answer';
const seconds = Number((isPart ? rest[0] : role) ?? 20);
let state = Number((isPart ? rest[1] : rest[0]) ?? Date.now() % 2 ** 31) || 1;
const seed = state;

/** Park and Miller's generator: the same seed sends the same bytes again, though not at the same moments. */
function random(below: number): number {
  state = (state * 48271) % 2147483647;
  return state % below;
}

function pick<T>(items: readonly T[]): T {
  return items[random(items.length)] as T;
}

/** Flips bytes, sets them to what matters in DNS, cuts, or appends. */
function damage(message: Uint8Array): Buffer {
  let bytes = Buffer.from(message);
  for (let change = random(4); change > 0 && bytes.length > 0; change--) {
    const kind = random(5);
    if (kind < 2) bytes[random(bytes.length)] = pick([0, 1, 0x3f, 0x40, 0x80, 0xc0, 0xff]);
    else if (kind === 2) bytes[random(bytes.length)] = random(256);
    else if (kind === 3) bytes = bytes.subarray(0, random(bytes.length));
    else bytes = Buffer.concat([bytes, bytes.subarray(random(bytes.length))]);
  }
  return bytes;
}

const names = [
  'steady',
  'Steady.net',
  'shaky',
  'shaky.other',
  'example.org',
  '',
  `${'a'.repeat(63)}.`.repeat(3) + 'b'.repeat(61),
];
const addresses = ['1.0.0.10.in-addr.arpa', `${'1.'.repeat(32)}ip6.arpa`, 'x.in-addr.arpa'];

function anyQuestion(): Buffer {
  const type = pick([1, 1, 28, 12, 15, 33, 65, 255]);
  const size = pick([undefined, 0, 512, 4096, 65535]);
  return encodeQuestion({ id: random(65536), name: pick(type === 12 ? addresses : names), type, size });
}

function framed(message: Buffer): Buffer {
  const length = random(10) === 0 ? random(65536) : message.length;
  return Buffer.concat([Uint8Array.of(length >>> 8, length & 255), message]);
}

/** Runs in the container: floods, and hangs up at any time. */
async function ask(): Promise<void> {
  const end = performance.now() + seconds * 1000;
  const sockets = Array.from({ length: 8 }, () => createSocket('udp4'));
  for (const socket of sockets) socket.on('error', () => {});
  while (performance.now() < end) {
    for (let count = 0; count < 50; count++) pick(sockets).send(damage(anyQuestion()), 53, '127.0.0.11');
    const stream = connect(53, '127.0.0.11');
    stream.on('error', () => {});
    for (let count = random(6); count > 0; count--) stream.write(framed(damage(anyQuestion())));
    if (random(3) > 0) stream.on('data', () => {});
    setTimeout(() => (random(2) === 0 ? stream.destroy() : stream.end()), random(200));
    await Bun.sleep(5);
  }
  process.exit(0);
}

/** Runs in the host's namespace: what it answers is seldom right. */
function answer(): void {
  const answersTo = (message: Buffer): Buffer[] => {
    if (message.length < 17 || random(10) === 0) return [];
    const right = encodeAnswer(
      decodeQuestion(message),
      Array.from({ length: random(40) }, () => '192.0.2.1'),
    );
    return Array.from({ length: 1 + random(3) }, () => damage(right));
  };
  const udp = createSocket('udp4');
  udp.on('error', () => {});
  udp.on('message', (message, from) => {
    for (const bytes of answersTo(message)) udp.send(bytes, from.port, from.address);
  });
  const tcp = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (message: Buffer) => {
      for (const bytes of answersTo(message.subarray(2))) socket.write(framed(bytes));
      if (random(2) === 0) socket.destroy();
    });
  });
  udp.bind(53, '127.0.0.53', () => tcp.listen(53, '127.0.0.53', () => console.log('ready')));
}

const steady: NamesTable = { names: [{ name: 'steady', ipv4: ['10.0.0.1'], ipv6: [] }], reverse: [] };
const shaky: NamesTable = {
  names: Array.from({ length: 20 }, (_, index) => ({
    name: index === 0 ? 'shaky' : `n${index}`,
    ipv4: [`10.0.0.${index}`],
    ipv6: ['fd00::1'],
  })),
  reverse: [['10.0.0.1', 'n1']],
};

/** The launcher trusts the daemon's files to be whole, not to be right. */
function replaceShaky(host: DnsHost): void {
  const path = host.names.path('shaky');
  writeFileSync(`${path}.new`, random(3) === 0 ? encodeNames(shaky) : damage(encodeNames(shaky)));
  renameSync(`${path}.new`, path);
}

/** Datagrams may be lost in the flood, and settings be wrong for a moment, but not for ever. */
async function askHonestly(container: DnsContainer): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    const [told] = await container.look('steady/A');
    if (Array.isArray(told) && told[0] === '10.0.0.1') return;
  }
  throw new Error('an honest question got no answer');
}

function complaints(reports: string): string {
  const directory = tmpdir();
  const files = readdirSync(directory).filter((name) => join(directory, name).startsWith(reports));
  return files.map((name) => readFileSync(join(directory, name), 'utf8')).join('\n');
}

async function fuzz(): Promise<void> {
  const reports = join(tmpdir(), `sampan-fuzz-dns-${process.pid}`);
  process.env['SAMPAN_LAUNCHER'] ??= resolve(import.meta.dir, '../../build/sampan-launcher-asan');
  process.env['ASAN_OPTIONS'] = `detect_leaks=0:log_path=${reports}`;
  process.env['UBSAN_OPTIONS'] = `print_stacktrace=1:log_path=${reports}`;
  if (!existsSync(process.env['SAMPAN_LAUNCHER']))
    throw new Error('build the launcher with --sanitized first');
  const counts = { honest: 0, settings: 0 };
  {
    await using host = await DnsHost.open('fuzz');
    await host.setServers('127.0.0.53');
    host.names.write('steady', steady);
    replaceShaky(host);
    const networks = ['steady', 'shaky'].map((id) => ({
      names: host.names.path(id),
      name: id,
      aliases: { a: 'n1' },
    }));
    const settings = host.settings({ networks });
    const container = await host.start(settings);
    const part = (role: string, inside: readonly string[]): Bun.Subprocess => {
      const words = [
        ...inside,
        process.execPath,
        import.meta.filename,
        role,
        String(seconds),
        String(random(2 ** 30)),
      ];
      return Bun.spawn(words, { stdout: 'ignore', stderr: 'inherit' });
    };
    const server = part('answer', ['nsenter', `--net=/run/netns/${host.namespace.name}`]);
    const askers = [part('ask', container.inside), part('ask', container.inside)];
    let over = false;
    const ended = Promise.all(askers.map(({ exited }) => exited)).then(() => {
      over = true;
    });
    do {
      replaceShaky(host);
      const broken = damage(encodeDnsSettings(settings));
      await container.supervisor.configureDns(background(), broken).catch(() => counts.settings++);
      await container.supervisor.configureDns(background(), encodeDnsSettings(settings));
      await askHonestly(container);
      counts.honest++;
    } while (!over);
    await ended;
    server.kill();
    await server.exited;
  }
  const found = complaints(reports);
  if (found !== '') throw new Error(`seed ${seed}: ${found}`);
  console.log(
    `seed ${seed}: ${counts.honest} honest questions answered, ${counts.settings} broken settings refused`,
  );
}

if (role === 'ask') await ask();
else if (role === 'answer') answer();
else await fuzz();
