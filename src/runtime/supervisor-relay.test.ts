import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { CLONE_NEWNET } from '../plan/constants.ts';
import type { Operation } from '../plan/operations.ts';
import type { Attachment } from './contract.ts';
import type { Supervisor } from './supervisor.ts';
import {
  allStreams,
  collect,
  context,
  execPlan,
  openSupervisorFixture,
  readUntil,
  type SupervisorFixture,
} from './testing/supervisor-fixture.ts';

/** Takes what it is sent to the end, then answers with its length; echoes datagrams in capitals. */
const serverProgram = `
  const net = require('node:net');
  const udp = require('node:dgram').createSocket('udp4');
  udp.on('message', (text, peer) => udp.send(text.toString().toUpperCase(), peer.port, peer.address));
  const tcp = net.createServer({ allowHalfOpen: true }, (socket) => {
    let size = 0;
    socket.on('data', (bytes) => { size += bytes.length; });
    socket.on('end', () => socket.end('took ' + size));
  });
  tcp.listen(9000, '127.0.0.1', () => udp.bind(9000, '127.0.0.1', () => console.log('listening')));
`;

const tcpProgram = `
  const socket = require('node:net').connect({ port: 8000, host: '127.0.0.2', allowHalfOpen: true });
  socket.on('data', (bytes) => process.stdout.write(bytes));
  socket.on('error', (error) => console.log(error.code));
  socket.end(Buffer.alloc(Number(process.argv[2])));
`;

const udpProgram = `
  const answers = ['one', 'two'].map((text) => new Promise((resolve) => {
    const socket = require('node:dgram').createSocket('udp4');
    socket.on('message', (answer) => { socket.close(); resolve(answer.toString()); });
    socket.send(text, 8000, '127.0.0.2');
  }));
  Promise.all(answers).then((texts) => console.log(texts.join(' ')));
`;

/** RTM_NEWLINK: interface 1, the loopback, gets IFF_UP. */
const loopbackUp: Operation = {
  op: 'netlink',
  protocol: 0,
  data: Uint8Array.from([
    ...[32, 0, 0, 0, 16, 0, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0],
    ...[0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0],
  ]),
  acks: 1,
  patches: [],
  ignore: [],
};

const [IPPROTO_TCP, IPPROTO_UDP] = [6, 17];

function publish(protocol: number, port: number, target: number): Operation {
  return {
    op: 'publish',
    protocol,
    hostAddress: '127.0.0.2',
    hostPort: port,
    address: '127.0.0.1',
    port: target,
  };
}

let fixture: SupervisorFixture;
let supervisor: Supervisor;

async function programFile(name: string, text: string): Promise<string> {
  const path = join(fixture.directory, name);
  await Bun.write(path, text);
  return path;
}

/** What a program prints that runs in the namespace of the published ports. */
async function run(name: string, text: string, ...args: string[]): Promise<string> {
  const argv = [process.execPath, await programFile(`${name}.cjs`, text), ...args];
  const exec = await supervisor.exec(context, { id: name, plan: execPlan({ argv }), attach: allStreams });
  return (await collect(exec.attachment)).stdout;
}

beforeAll(async () => {
  fixture = await openSupervisorFixture();
  const started = await fixture.start('server', {
    argv: [process.execPath, await programFile('server.cjs', serverProgram)],
    before: [
      { op: 'unshare', flags: CLONE_NEWNET },
      loopbackUp,
      publish(IPPROTO_TCP, 8000, 9000),
      publish(IPPROTO_TCP, 8001, 9999),
      publish(IPPROTO_UDP, 8000, 9000),
    ],
    attach: [allStreams],
  });
  supervisor = started.supervisor;
  const [output] = started.attachments as [Attachment];
  await readUntil(output, 'listening');
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

test('a published TCP port carries data both ways, with half-close', async () => {
  expect(await run('tcp', tcpProgram, '5000000')).toBe('took 5000000');
});

test('a published TCP port serves many connections at once', async () => {
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, index) => run(`tcp${index}`, tcpProgram, String(index * 1000))),
  );
  expect(answers).toEqual(Array.from({ length: 8 }, (_, index) => `took ${index * 1000}`));
});

test('a published port where nobody listens ends its connections', async () => {
  const program = `${tcpProgram.replace('8000', '8001')}socket.on('close', () => console.log('closed'));`;
  expect(await run('refused', program, '10')).toContain('closed');
});

test('a published UDP port brings each peer its own answer', async () => {
  expect(await run('udp', udpProgram)).toBe('ONE TWO\n');
});
