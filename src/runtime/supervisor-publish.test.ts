import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createSocket } from 'node:dgram';
import { readdirSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Operation, Plan } from '../plan/operations.ts';
import { PlanError } from '../plan/plan-error.ts';
import type { Supervisor } from './supervisor.ts';
import { context, openSupervisorFixture, type SupervisorFixture } from './testing/supervisor-fixture.ts';

/** An address that nobody else on this host listens on. */
const HOST_ADDRESS = '127.0.77.1';
const [IPPROTO_TCP, IPPROTO_UDP] = [6, 17];

let fixture: SupervisorFixture;
let supervisor: Supervisor;
/** What ports lead to: each says its own name, and then what it is sent. */
const servers: Server[] = [];
const targets: number[] = [];

beforeAll(async () => {
  fixture = await openSupervisorFixture();
  supervisor = (await fixture.start('published', { argv: ['sleep', '1000'] })).supervisor;
  for (const name of ['one', 'two']) {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.write(`${name}\n`);
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    targets.push(address !== null && typeof address === 'object' ? address.port : 0);
    servers.push(server);
  }
});
afterAll(async () => {
  for (const server of servers) server.close();
  await fixture[Symbol.asyncDispose]();
});

function port(hostPort: number, target: number | undefined, protocol = IPPROTO_TCP): Operation {
  return {
    op: 'publish',
    protocol,
    hostAddress: HOST_ADDRESS,
    hostPort,
    address: '127.0.0.1',
    port: target ?? 0,
  };
}

function publish(...before: Operation[]): Promise<void> {
  return supervisor.publish(context, { before });
}

function open(hostPort: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: HOST_ADDRESS, port: hostPort }, () => resolve(socket));
    socket.on('error', reject);
  });
}

/** The next line that comes. */
function line(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once('data', (bytes) => resolve(String(bytes).trim()));
    socket.once('close', () => reject(new Error('closed')));
  });
}

async function greeting(hostPort: number): Promise<string> {
  try {
    const socket = await open(hostPort);
    const text = await line(socket);
    socket.destroy();
    return text;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

test('PUBLISH opens ports and closes those that it does not name', async () => {
  await publish(port(7001, targets[0]), port(7002, targets[1]));
  expect([await greeting(7001), await greeting(7002)]).toEqual(['one', 'two']);
  await publish(port(7002, targets[1]), port(7003, targets[0]));
  expect([await greeting(7001), await greeting(7002), await greeting(7003)]).toEqual([
    'ECONNREFUSED',
    'two',
    'one',
  ]);
});

test('connections live on when their port, or another, is no longer published', async () => {
  await publish(port(7011, targets[0]), port(7012, targets[0]));
  const [kept, gone] = [await open(7011), await open(7012)];
  expect([await line(kept), await line(gone)]).toEqual(['one', 'one']);
  await publish(port(7011, targets[0]));
  for (const socket of [kept, gone]) {
    socket.write('still here\n');
    expect(await line(socket)).toBe('still here');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.end();
    await closed;
  }
  expect([await greeting(7011), await greeting(7012)]).toEqual(['one', 'ECONNREFUSED']);
});

test('PUBLISH leads a port that is open already elsewhere', async () => {
  await publish(port(7021, targets[0]));
  await publish(port(7021, targets[1]));
  expect(await greeting(7021)).toBe('two');
});

test('a port that cannot be bound changes nothing, and is named', async () => {
  await publish(port(7031, targets[0]));
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(7033, HOST_ADDRESS, resolve));
  const refusal = await publish(port(7032, targets[0]), port(7033, targets[0])).catch((error) => error);
  other.close();
  expect(refusal).toBeInstanceOf(PlanError);
  expect(refusal.failure).toMatchObject({
    stage: 'before',
    operation: 'publish',
    index: 1,
    errno: 98,
    subject: `${HOST_ADDRESS}:7033`,
  });
  expect([await greeting(7031), await greeting(7032)]).toEqual(['one', 'ECONNREFUSED']);
});

test('a UDP port is added, led elsewhere and removed', async () => {
  const echoes = await Promise.all(['one', 'two'].map(echo));
  const client = createSocket('udp4');
  const ask = async (): Promise<string> => {
    const answer = new Promise<string>((resolve) => client.once('message', (text) => resolve(String(text))));
    client.send('who', 7041, HOST_ADDRESS);
    return answer;
  };
  await publish(port(7041, echoes[0]?.address().port, IPPROTO_UDP));
  expect(await ask()).toBe('one');
  // The same client: who was heard before is not led to the old place.
  await publish(port(7041, echoes[1]?.address().port, IPPROTO_UDP));
  expect(await ask()).toBe('two');
  await publish();
  const again = createSocket('udp4');
  await new Promise<void>((resolve) => again.bind(7041, HOST_ADDRESS, resolve));
  for (const socket of [again, client, ...echoes]) socket.close();
});

function echo(name: string) {
  const socket = createSocket('udp4');
  socket.on('message', (_text, peer) => socket.send(name, peer.port, peer.address));
  return new Promise<typeof socket>((resolve) => socket.bind(0, '127.0.0.1', () => resolve(socket)));
}

test.each([
  ['another operation', { before: [{ op: 'close', slot: 3 }] }],
  ['publishing afterwards', { after: [{ op: 'unlink', dir: -1, path: '/tmp/none', flags: 0 }] }],
] satisfies [string, Partial<Plan>][])('PUBLISH refuses a plan with %s', async (_what, plan) => {
  await publish(port(7051, targets[0]));
  expect(await supervisor.publish(context, plan).catch((error) => error)).toBeInstanceOf(PlanError);
  expect(await greeting(7051)).toBe('one');
});

test('LOG changes the rotation of a log that is being written', async () => {
  const argv = ['sh', '-c', 'while read -r line; do echo "$line"; done'];
  const attach = [{ stdin: true, stdout: true, stderr: true, detachKeys: new Uint8Array(0) }];
  const { supervisor: talker, attachments } = await fixture.start('talker', {
    ...{ argv, attach, stdin: true, stdinOnce: true },
  });
  await talker.limitLog(context, { maxSize: 300, maxFiles: 3, compress: false });
  const [attachment] = attachments;
  await attachment?.write(Buffer.from('a line of some length\n'.repeat(40)));
  await attachment?.end();
  await talker.exited;
  const logs = readdirSync(fixture.directory).filter((name) => name.startsWith('talker.log'));
  expect(logs.sort()).toEqual(['talker.log', 'talker.log.1', 'talker.log.2']);
});
