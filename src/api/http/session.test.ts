import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { createHash, randomBytes } from 'node:crypto';
import { parseAnswer, type RawClient } from '../testing/raw-client.ts';
import { startTestServer, type TestServer } from '../testing/test-server.ts';
import { MAX_HEAD_BYTES } from './head.ts';

let api: TestServer;
let client: RawClient;

beforeEach(async () => {
  api = await startTestServer();
  client = await api.connect();
});

afterEach(async () => {
  client.destroy();
  await api[Symbol.asyncDispose]();
});

const ping = 'GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n';

function countAnswers(text: string): number {
  return text.split('HTTP/1.1 ').length - 1;
}

describe('a connection', () => {
  test('serves several requests one after the other', async () => {
    for (let index = 0; index < 3; index++) {
      client.send(ping);
      await client.until('\r\n\r\nOK');
      client.take();
    }
  });

  test('serves requests that came together in their order', async () => {
    client.send(
      `${ping}GET /nowhere HTTP/1.1\r\nHost: d\r\n\r\nGET /version HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n`,
    );
    const text = await client.all();
    expect(countAnswers(text)).toBe(3);
    expect(text.indexOf('404 Not Found')).toBeGreaterThan(text.indexOf('\r\n\r\nOK'));
    expect(text).toContain('"MinAPIVersion":"1.24"');
  });

  test('takes a head that comes byte by byte', async () => {
    for (const byte of ping) client.send(byte);
    await client.until('\r\n\r\nOK');
  });

  test('skips a body that the handler did not read', async () => {
    client.send(`POST /containers/web/kill HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\n\r\nhello${ping}`);
    const text = await client.until('\r\n\r\nOK');
    expect(text).toStartWith('HTTP/1.1 204 No Content\r\n');
  });

  test('is closed after HTTP/1.0, whose streams have no chunks', async () => {
    client.send('POST /images/load HTTP/1.0\r\nContent-Length: 1\r\n\r\nx');
    const text = await client.all();
    expect(text).toContain('Connection: close\r\n');
    expect(text).not.toContain('Transfer-Encoding');
    expect(text).toEndWith('{"stream":"Loaded image: busybox:latest\\n"}\r\n');
  });

  test('answers a client that has ended its side', async () => {
    client.send(ping);
    client.endInput();
    expect(await client.all()).toEndWith('OK');
  });

  test('is told to send the body that it announced with Expect', async () => {
    client.send('POST /images/load HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('body');
    expect(await client.until('Loaded image')).toContain('HTTP/1.1 200 OK');
  });

  test('is not asked for a body that nobody wants', async () => {
    client.send('POST /nowhere HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
    const text = await client.all();
    expect(text).not.toContain('100 Continue');
    expect(text).toStartWith('HTTP/1.1 404');
  });

  test('takes uploads of any length in chunks', async () => {
    client.send('POST /images/load HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n');
    const chunk = Buffer.concat([
      Buffer.from('100000;name=value\r\n'),
      Buffer.alloc(0x100000),
      Buffer.from('\r\n'),
    ]);
    for (let index = 0; index < 40; index++) client.send(chunk);
    client.send('0\r\nTrailer: x\r\n\r\n');
    await client.until('Loaded image');
    expect(api.engine.uploaded).toBe(40 * 0x100000);
    client.take();
    client.send(ping);
    await client.until('\r\n\r\nOK');
  });
});

test('an upload arrives unaltered however slowly it is taken', async () => {
  const sent = randomBytes(8_000_000);
  const hash = createHash('sha256');
  api.engine.images.load = async (_context, archive) => {
    for await (const part of archive) {
      await Bun.sleep(0);
      hash.update(part);
    }
    return [];
  };
  client.send(`POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: ${sent.length}\r\n\r\n`);
  client.send(sent);
  await client.until('0\r\n\r\n');
  expect(hash.digest('hex')).toBe(createHash('sha256').update(sent).digest('hex'));
});

describe('a request that cannot be understood is refused and the connection closed:', () => {
  const get = 'GET /_ping HTTP/1.1\r\nHost: d\r\n';
  test.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400],
    ['no version', 'GET /\r\n\r\n', 400],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
    ['a TLS client', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400],
    ['a NUL in the path', 'GET /a\0b HTTP/1.1\r\n\r\n', 400],
    ['a bare line end in a header', `${get}A: b\nC: d\r\n\r\n`, 400],
    ['a NUL in a header', `${get}A: b\0\r\n\r\n`, 400],
    ['a header without a name', `${get}: b\r\n\r\n`, 400],
    ['a folded header', `${get} b\r\n\r\n`, 400],
    ['a space before the colon', `${get}A : b\r\n\r\n`, 400],
    ['a negative length', `${get}Content-Length: -1\r\n\r\n`, 400],
    ['a length that is no number', `${get}Content-Length: 1e3\r\n\r\n`, 400],
    ['an endless length', `${get}Content-Length: ${'9'.repeat(400)}\r\n\r\n`, 400],
    ['two lengths', `${get}Content-Length: 1\r\nContent-Length: 1\r\n\r\n`, 400],
    ['length and chunks', `${get}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
    ['an unknown encoding', `${get}Transfer-Encoding: gzip, chunked\r\n\r\n`, 501],
    ['an endless header', `${get}A: ${'b'.repeat(MAX_HEAD_BYTES)}\r\n\r\n`, 431],
    ['an endless target', `GET /${'b'.repeat(MAX_HEAD_BYTES)}`, 431],
    ['too many headers', `${get}${'A: b\r\n'.repeat(300)}\r\n`, 431],
  ])('%s', async (_title, text, status) => {
    client.send(text);
    const answer = parseAnswer(await client.all());
    expect(answer.status).toBe(status);
    expect(typeof JSON.parse(answer.body).message).toBe('string');
  });

  test.each([
    ['a chunk size that is no number', 'x\r\n'],
    ['a negative chunk size', '-1\r\n'],
    ['a chunk size beyond all numbers', 'fffffffffffffffff\r\n'],
    ['a chunk that is longer than its size', '1\r\nab\r\n'],
    ['an endless chunk extension', `1;${'a'.repeat(5000)}`],
    ['endless trailers', `0\r\n${'A: b\r\n'.repeat(5000)}`],
    ['a bare line end', '1\na\n'],
  ])('%s', async (_title, body) => {
    client.send(
      `POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
    );
    expect(parseAnswer(await client.all()).status).toBe(400);
  });
});

test('closing the server ends idle connections and streams, and removes the socket', async () => {
  client.send('GET /events HTTP/1.1\r\nHost: d\r\n\r\n');
  await client.until('\r\n\r\n');
  const idle = await api.connect();
  await api.server.close(50);
  expect(await idle.all()).toBe('');
  await client.all();
  expect(api.connect()).rejects.toThrow();
});
