import { afterAll, beforeAll, expect, test } from 'bun:test';
import { startTestServer, type TestServer } from './testing/test-server.ts';

let api: TestServer;

beforeAll(async () => {
  api = await startTestServer();
});

afterAll(() => api[Symbol.asyncDispose]());

const deep = (depth: number) => `{"Image":"a","ExposedPorts":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`;

test.each([
  ['nesting beyond all reason', deep(100_000)],
  ['lists in lists', '['.repeat(1_000_000)],
  [
    'nesting in what is kept as it came',
    `{"Image":"a","HostConfig":{"Mounts":[{"ClusterOptions":${'['.repeat(20_000)}${']'.repeat(20_000)}}]}}`,
  ],
  ['a number where a text belongs', '{"Image":1}'],
  ['a text where a number belongs', '{"Image":"a","HostConfig":{"Memory":"1g"}}'],
  ['a fraction where an integer belongs', '{"Image":"a","HostConfig":{"Memory":1.5}}'],
  ['a negative number where none can be', '{"Image":"a","HostConfig":{"BlkioWeight":-1}}'],
  ['a number beyond 64 bits', '{"Image":"a","HostConfig":{"Memory":1e30}}'],
  ['a list where a map belongs', '{"Image":"a","Labels":["b"]}'],
  ['a map where a list belongs', '{"Image":"a","Cmd":{"b":1}}'],
  ['a text where a struct belongs', '{"Image":"a","HostConfig":"b"}'],
])('a body with %s is a bad request', async (_title, body) => {
  const { status, body: answer } = await api.request('POST', '/containers/create', body);
  expect(status).toBe(400);
  expect(typeof JSON.parse(answer).message).toBe('string');
});

test('a body of bytes that are not UTF-8 is a bad request', async () => {
  const client = await api.connect();
  client.send(
    'POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n',
  );
  client.send(Buffer.from('{"Image":"\xff"}', 'latin1'));
  expect(await client.until('not UTF-8')).toStartWith('HTTP/1.1 400');
  client.destroy();
});

test('a body that is announced as larger than the limit is refused without reading it', async () => {
  const client = await api.connect();
  client.send(
    'POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n',
  );
  expect(await client.all()).toStartWith('HTTP/1.1 413');
});

test('a body that grows beyond the limit in chunks is refused', async () => {
  const client = await api.connect();
  client.send(
    'POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  const chunk = `100000\r\n${' '.repeat(0x100000)}\r\n`;
  for (let index = 0; index < 20; index++) client.send(chunk);
  expect(await client.until('request body is larger')).toStartWith('HTTP/1.1 413');
  client.destroy();
});

test('the server still serves after all that', async () => {
  expect((await api.request('GET', '/_ping')).body).toBe('OK');
});
