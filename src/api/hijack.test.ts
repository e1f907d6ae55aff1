import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { FakeAttachment } from './testing/fake-attachment.ts';
import { frame } from './testing/fake-attachment.ts';
import { container } from './testing/samples.ts';
import { startTestServer, type TestServer } from './testing/test-server.ts';

let api: TestServer;

beforeEach(async () => {
  api = await startTestServer();
});

afterEach(() => api[Symbol.asyncDispose]());

const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
const attachTarget = '/v1.44/containers/web/attach?stream=1&stdin=1&stdout=1&stderr=1';

function attachment(): FakeAttachment {
  const [first] = api.engine.attachments;
  if (first === undefined) throw new Error('nothing was attached');
  return first;
}

async function newExec(): Promise<string> {
  const { body } = await api.request('POST', '/containers/web/exec', '{"Cmd":["cat"],"AttachStdin":true}');
  return JSON.parse(body).Id;
}

describe('attach with an upgrade', () => {
  test('answers with exactly the head that clients expect, before any output', async () => {
    const client = await api.connect();
    client.send(`POST ${attachTarget} HTTP/1.1\r\nHost: d\r\n${upgrade}\r\n`);
    await client.until('\r\n\r\n');
    expect(client.take()).toBe(
      'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    );
  });

  test('carries frames byte for byte, and the end of input only closes the input', async () => {
    const client = await api.connect();
    client.send(`POST ${attachTarget} HTTP/1.1\r\nHost: d\r\n${upgrade}\r\nearly `);
    await client.until('\r\n\r\n');
    client.take();
    client.send('input');
    client.endInput();
    await attachment().inputEnded.promise;
    expect(attachment().input).toBe('early input');
    await attachment().send('out');
    await attachment().send('err', 2);
    await attachment().exit();
    const expected = Buffer.concat([frame('out'), frame('err', 2)]).toString('latin1');
    expect(await client.all()).toBe(expected);
  });

  test('before API 1.42 calls the stream raw', async () => {
    const client = await api.connect();
    client.send(`POST ${attachTarget.replace('1.44', '1.41')} HTTP/1.1\r\nHost: d\r\n${upgrade}\r\n`);
    expect(await client.until('\r\n\r\n')).toContain('Content-Type: application/vnd.docker.raw-stream\r\n');
  });

  test('of a terminal sends bytes without frames, and passes the detach keys on', async () => {
    const terminal = container();
    api.engine.stored.containers = [{ ...terminal, config: { ...terminal.config, Tty: true } }];
    const client = await api.connect();
    client.send(`POST ${attachTarget}&detachKeys=ctrl-a,b HTTP/1.1\r\nHost: d\r\n${upgrade}\r\n`);
    await client.until('raw-stream');
    expect(api.engine.calls.at(-1)?.[2]).toMatchObject({ detachKeys: Uint8Array.of(1, 98) });
    await client.until('\r\n\r\n');
    client.take();
    await attachment().send('hello');
    await attachment().exit();
    expect(await client.all()).toBe('hello');
  });

  test('lets go of the process when the client goes away altogether', async () => {
    const client = await api.connect();
    client.send(`POST ${attachTarget} HTTP/1.1\r\nHost: d\r\n${upgrade}\r\n`);
    await client.until('\r\n\r\n');
    client.destroy();
    await attachment().disposed.promise;
  });

  test('of a container that is not there fails by status', async () => {
    const client = await api.connect();
    client.send(`POST /containers/none/attach HTTP/1.1\r\nHost: d\r\n${upgrade}\r\n`);
    const text = await client.until('}\n');
    expect(text).toStartWith('HTTP/1.1 404 Not Found\r\n');
    expect(text).toContain('{"message":"No such container: none"}');
  });

  test('slows the process down when the client does not read', async () => {
    const client = await api.connect();
    client.send(`POST ${attachTarget} HTTP/1.1\r\nHost: d\r\n${upgrade}\r\n`);
    await client.until('\r\n\r\n');
    client.take();
    const count = 200;
    const line = 'x'.repeat(100_000);
    const sending = (async () => {
      for (let index = 0; index < count; index++) await attachment().send(line);
      await attachment().exit();
    })();
    const [received] = await Promise.all([client.all(), sending]);
    expect(received.length).toBe(count * (line.length + 8));
  });
});

test('attach without an upgrade answers 200 and raw bytes until the end', async () => {
  const client = await api.connect();
  client.send(`POST ${attachTarget} HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n`);
  await client.until('\r\n\r\n');
  expect(client.take()).toBe('HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n');
  client.send('typed');
  client.endInput();
  await attachment().inputEnded.promise;
  await attachment().send('out');
  await attachment().exit();
  expect(await client.all()).toBe(Buffer.from(frame('out')).toString('latin1'));
  expect(attachment().input).toBe('typed');
});

test.each([
  ['{}', upgrade],
  ['{"stream":true,"stdin":true}', upgrade],
  ['{}', ''],
])(
  'attach takes the body %s that repeats the query for no input, but what came with it',
  async (body, head) => {
    const client = await api.connect();
    client.send(
      `POST ${attachTarget} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}typed`,
    );
    await client.until('\r\n\r\n');
    client.endInput();
    await attachment().inputEnded.promise;
    expect(attachment().input).toBe('typed');
  },
);

test('attach takes input as a chunked body too', async () => {
  const client = await api.connect();
  client.send(`POST ${attachTarget} HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n`);
  await client.until('\r\n\r\n');
  client.send('5\r\ntyped\r\n0\r\n\r\n');
  await attachment().inputEnded.promise;
  expect(attachment().input).toBe('typed');
});

describe('exec start', () => {
  test.each([
    ['Content-Length: 28\r\n', '{"Detach":false,"Tty":false}'],
    ['Transfer-Encoding: chunked\r\n', '1c\r\n{"Detach":false,"Tty":false}\r\n0\r\n\r\n'],
  ])('reads its body before the upgrade, and what follows is input: %j', async (length, body) => {
    const id = await newExec();
    const client = await api.connect();
    client.send(
      `POST /v1.44/exec/${id}/start HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n${upgrade}${length}\r\n${body}rest`,
    );
    const head = await client.until('\r\n\r\n');
    expect(head).toBe(
      'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    );
    client.endInput();
    await attachment().inputEnded.promise;
    expect(attachment().input).toBe('rest');
    await attachment().exit();
    await client.all();
  });

  test('detached answers 200 emptily', async () => {
    const id = await newExec();
    const { status, body } = await api.request('POST', `/exec/${id}/start`, '{"Detach":true}');
    expect([status, body]).toEqual([200, '']);
  });

  test('tells what fails after the head in the stream', async () => {
    const id = await newExec();
    api.engine.containers.execs.start = () => Promise.reject(new Error('OCI runtime exec failed'));
    const client = await api.connect();
    client.send(
      `POST /exec/${id}/start HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n${upgrade}Content-Length: 2\r\n\r\n{}`,
    );
    expect(await client.all()).toEndWith('\r\n\r\nOCI runtime exec failed\r\n');
  });

  test('of an unknown one is 404; of one that has run 409, or told in the stream', async () => {
    expect((await api.request('POST', '/exec/none/start', '{}')).status).toBe(404);
    const id = await newExec();
    api.engine.stored.execs = api.engine.stored.execs.map((exec) => ({ ...exec, exitCode: 0 }));
    expect((await api.request('POST', `/exec/${id}/start`, '{"Detach":true}')).status).toBe(409);
    const { status, body } = await api.request('POST', `/exec/${id}/start`, '{}');
    expect([status, body]).toEqual([200, `exec command ${id} has already run\r\n`]);
  });
});

describe('attach over a websocket', () => {
  async function open(): Promise<WebSocket> {
    const address = await api.server.listen({ tcp: { host: '127.0.0.1', port: 0 } });
    const url = `${address.replace('tcp:', 'ws:')}/v1.44/containers/web/attach/ws?stream=1&stdin=1&stdout=1`;
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
    return socket;
  }

  test('sends output in binary messages without frames, and takes text and binary input', async () => {
    const socket = await open();
    const messages: string[] = [];
    const closed = new Promise<number>((resolve) =>
      socket.addEventListener('close', ({ code }) => resolve(code)),
    );
    socket.addEventListener('message', ({ data }) => messages.push(Buffer.from(data).toString()));
    socket.send('text ');
    socket.send(Buffer.from('b'.repeat(70_000)));
    while (attachment().input.length < 70_005) await Bun.sleep(1);
    expect(attachment().input).toBe(`text ${'b'.repeat(70_000)}`);
    await attachment().send('out');
    await attachment().exit();
    expect(await closed).toBe(1000);
    expect(messages.join('')).toBe('out');
  });

  test('lets go of the process when the client closes', async () => {
    const socket = await open();
    socket.close();
    await attachment().inputEnded.promise;
  });

  test('refuses a handshake that is none', async () => {
    const { status } = await api.request('GET', '/containers/web/attach/ws');
    expect(status).toBe(400);
  });
});
