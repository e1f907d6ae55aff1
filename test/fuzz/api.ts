/**
 * Sends damaged requests to an API server over a fake engine: `bun test/fuzz/api.ts [requests] [seed]`. Every one must be answered or its
 * connection ended, none may end in an internal error, and the server must serve on. Exits with 1 and the request otherwise.
 */
import { RawClient } from '../../src/api/testing/raw-client.ts';
import { startTestServer } from '../../src/api/testing/test-server.ts';
import { routes } from '../../src/wire/routes.ts';

const count = Number(process.argv[2] ?? 5000);
const seed = Number(process.argv[3] ?? Math.trunc(Math.random() * 2 ** 31));
/** In which a request that was wholly sent must have been dealt with. */
const patience = 10_000;

/** A small deterministic generator (mulberry32): the same seed makes the same requests. */
function generator(start: number): (limit: number) => number {
  let state = start;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return Math.trunc((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

const random = generator(seed);

function pick<T>(items: readonly T[]): T {
  return items[random(items.length)] as T;
}

const names = ['web', 'none', 'a/b:c', '%2e%2e/x', '%00', '%ff', 'x'.repeat(300), '../..', '', 'sha256:11'];
const values = [
  '1',
  '',
  '-1',
  '1e9',
  'null',
  '[]',
  '{"label":["a"]}',
  '%7B%22a%22:5%7D',
  '%',
  '\u00e9',
  '9'.repeat(30),
];
const bodies = [
  '',
  '{}',
  'null',
  '[]',
  '{"Image":"busybox","Cmd":["true"],"HostConfig":{"Memory":1}}',
  '{"Cmd":["true"],"Detach":true}',
  '{"Name":"x","Labels":{"__proto__":"y"}}',
  '{"Changes":{"PublishAdd":{"80/tcp":null,"__proto__":[{}]},"Env":["A=b",null],"Healthcheck":{"Test":[]}}}',
  '{"Image":"\\ud800"}',
  '['.repeat(500),
];
const headers = [
  'Content-Type: application/json',
  'Content-Type: text/plain',
  'Content-Type: ;;;',
  'Transfer-Encoding: chunked',
  'Connection: Upgrade\r\nUpgrade: tcp',
  'Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  'Expect: 100-continue',
  'Connection: close',
  'X: y',
];

function request(): Buffer {
  const route = pick(Object.values(routes));
  const version = pick(['', '', '/v1.24', '/v1.44', '/v1.51', '/v1.52', '/v1.1', '/v...']);
  const parameters = Object.keys(route.query)
    .filter(() => random(3) === 0)
    // Nothing is to be fetched from anywhere.
    .map((name) => `${name}=${name === 'fromSrc' ? '-' : pick(values)}`);
  const target = `${version}${route.path.replace(/\{\w+\}/, pick(names))}?${parameters.join('&')}`;
  const body = pick(bodies);
  const lines = headers.filter(() => random(5) === 0);
  if (random(8) !== 0)
    lines.push(`Content-Length: ${random(6) === 0 ? pick(values) : Buffer.byteLength(body)}`);
  const text = `${route.method} ${target} HTTP/1.${pick(['1', '1', '1', '0', '9'])}\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
  return random(2) === 0 ? Buffer.from(text) : mutate(Buffer.from(text));
}

/** Flips, drops, doubles and cuts bytes. */
function mutate(bytes: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let times = random(5); times >= 0 && result.length > 0; times--) {
    const at = random(result.length);
    const end = at + random(20);
    switch (random(4)) {
      case 0:
        result[at] = random(256);
        break;
      case 1:
        result = Buffer.concat([result.subarray(0, at), result.subarray(end)]);
        break;
      case 2:
        result = Buffer.concat([result.subarray(0, end), result.subarray(at)]);
        break;
      default:
        result = result.subarray(0, at);
    }
  }
  return result;
}

await using api = await startTestServer();
api.engine.exit(0);

async function tryRequest(bytes: Buffer): Promise<string | undefined> {
  const client = await RawClient.connect(api.address);
  const half = random(bytes.length);
  client.send(bytes.subarray(0, half));
  client.send(bytes.subarray(half));
  client.endInput();
  for (const attachment of api.engine.attachments) void attachment.exit().catch(() => {});
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), patience);
  const exits = setInterval(() => {
    for (const attachment of api.engine.attachments) void attachment.exit().catch(() => {});
  }, 1);
  const answer = await Promise.race([client.all(), late.promise]);
  clearTimeout(timer);
  clearInterval(exits);
  api.engine.attachments.length = 0;
  client.destroy();
  if (answer === undefined) return 'not dealt with in time';
  if (answer !== '' && !answer.startsWith('HTTP/1.1 '))
    return `odd answer ${JSON.stringify(answer.slice(0, 100))}`;
  return answer.startsWith('HTTP/1.1 500') ? `internal error ${JSON.stringify(answer)}` : undefined;
}

for (let index = 0; index < count; index++) {
  const bytes = request();
  const problem = await tryRequest(bytes);
  if (problem !== undefined) {
    console.error(`seed ${seed}, request ${index}: ${problem}\n${JSON.stringify(bytes.toString('latin1'))}`);
    process.exit(1);
  }
}
const { body } = await api.request('GET', '/_ping');
if (body !== 'OK') throw new Error('the server does not serve any more');
console.log(`${count} requests dealt with (seed ${seed})`);
