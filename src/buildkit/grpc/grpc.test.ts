import { describe, expect, test } from 'bun:test';
import { duplexPair, Readable } from 'node:stream';
import fc from 'fast-check';
import { invalid } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { message, number, text } from '../protobuf/message.ts';
import type { ByteStream } from './byte-stream.ts';
import { GrpcClient } from './client.ts';
import { framed, MAX_MESSAGE, messagesIn } from './framing.ts';
import { type Methods, serveGrpc, streaming, unary } from './server.ts';
import { Tunnel } from './tunnel.ts';

const Text = message({ text: text(1) });
const Count = message({ count: number(1) });

function byteStream(side: ReturnType<typeof duplexPair>[0]): ByteStream {
  const chunks = side[Symbol.asyncIterator]();
  return {
    read: async () => (await chunks.next()).value,
    write: (bytes) => new Promise((resolve) => side.write(bytes, () => resolve())),
    finish: () => void side.end(),
    destroy: () => void side.destroy(),
    onClose: (listener) => void side.once('close', listener),
  };
}

const methods: Methods = {
  '/test/Echo': unary(Text, Text, ({ text }) => ({ text })),
  '/test/Count': streaming(Count, Count, async function* ({ count }) {
    for (let number = 1; number <= count; number++) yield { count: number };
  }),
  '/test/Fail': unary(Text, Text, ({ text }) => {
    throw invalid(text);
  }),
};

function connected(): GrpcClient & Disposable {
  const [left, right] = duplexPair();
  void serveGrpc(byteStream(left), methods, silentLogger);
  const client = new GrpcClient(byteStream(right));
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

const { signal } = new AbortController();

describe('gRPC', () => {
  test('carries requests and answers of any size, several at once', async () => {
    using client = connected();
    const sizes = [0, 1, 100_000, 1_000_000];
    const answers = await Promise.all(
      sizes.map((size) => client.unary('/test/Echo', [Text, Text], { text: 'x'.repeat(size) }, signal)),
    );
    expect(answers.map(({ text }) => text.length)).toEqual(sizes);
  });

  test('streams answers in their order', async () => {
    using client = connected();
    using call = client.open('/test/Count', {}, signal);
    await call.send(Count.encode({ count: 5_000 }));
    call.end();
    const counts = await Array.fromAsync(call.answers, (bytes) => Count.decode(bytes).count);
    expect(counts).toEqual(Array.from({ length: 5_000 }, (_, index) => index + 1));
  });

  test('tells failures with their class and any text', async () => {
    using client = connected();
    const failing = client.unary('/test/Fail', [Text, Text], { text: 'ä % \n "quoted"' }, signal);
    await expect(failing).rejects.toMatchObject({ code: 'invalid-argument', message: 'ä % \n "quoted"' });
    const unknown = client.unary('/test/None', [Text, Text], {}, signal);
    await expect(unknown).rejects.toMatchObject({
      code: 'unimplemented',
      message: 'unknown method /test/None',
    });
  });

  test('fails with the reason when a call is given up', async () => {
    using client = connected();
    const given = new AbortController();
    using call = client.open('/test/Echo', {}, given.signal);
    given.abort(new Error('enough'));
    await expect(Array.fromAsync(call.answers)).rejects.toThrow('enough');
  });
});

describe('a server', () => {
  test('refuses headers without end, and serves others on', async () => {
    using hostile = connected();
    using call = hostile.open('/test/Echo', { big: 'x'.repeat(1 << 20) }, signal);
    await expect(Array.fromAsync(call.answers)).rejects.toThrow('broke off');
    using client = connected();
    expect(await client.unary('/test/Echo', [Text, Text], { text: 'a' }, signal)).toEqual({ text: 'a' });
  });

  test('answers no more than a number of calls at once', async () => {
    const [left, right] = duplexPair();
    let calls = 0;
    const waiting: Methods = {
      ...methods,
      '/test/Wait': unary(Text, Text, async (_, call) => {
        calls++;
        await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
        return {};
      }),
    };
    const serving = serveGrpc(byteStream(left), waiting, silentLogger);
    const client = new GrpcClient(byteStream(right));
    // By now the client knows how many it may make.
    await client.unary('/test/Echo', [Text, Text], {}, signal);
    const open = Array.from({ length: 300 }, () => {
      const call = client.open('/test/Wait', {}, signal);
      void call.send(Text.encode({ text: 'x' })).catch(() => {});
      return call;
    });
    while (calls < 128) await Bun.sleep(10);

    await Bun.sleep(50);
    expect(calls).toBe(128);
    client.close();
    await serving;
    for (const call of open) call[Symbol.dispose]();
  });
});

describe('a tunnel', () => {
  test('is a connection within a call, both ways, until either side ends it', async () => {
    async function* requests() {
      yield Buffer.from('one');
      await Bun.sleep(1);
      yield Buffer.from('two');
    }
    const tunnel = new Tunnel(requests(), signal);
    const closed = new Promise<void>((resolve) => tunnel.stream.onClose(resolve));
    expect(tunnel.stream.write(Buffer.from('back'))).toBeUndefined();
    const answers = Array.fromAsync(tunnel.answers(), (bytes) => Buffer.from(bytes).toString());
    expect(String(await tunnel.stream.read())).toBe('one');
    expect(String(await tunnel.stream.read())).toBe('two');
    expect(await tunnel.stream.read()).toBeUndefined();
    await closed;
    expect(await answers).toEqual(['back']);
    await expect(tunnel.stream.write(Buffer.from('late')) ?? Promise.resolve()).rejects.toThrow('has gone');
  });

  test('has its writer wait for a slow reader, and lets go of it when the reader goes', async () => {
    const given = new AbortController();
    const tunnel = new Tunnel((async function* () {})(), given.signal);
    const waiting = tunnel.stream.write(Buffer.alloc(2 << 20));
    expect(waiting).toBeInstanceOf(Promise);
    given.abort();
    await expect(waiting).rejects.toThrow('has gone');
  });
});

describe('frames', () => {
  test('come whole whichever way the bytes were cut', async () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(messages, fc.integer({ min: 1, max: 40 }), async (given, size) => {
        const bytes = framed(...given);
        const cuts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        );
        const found = await Array.fromAsync(messagesIn(Readable.from(cuts, { objectMode: true })), (one) => [
          ...one,
        ]);
        expect(found).toEqual(given.map((one) => [...one]));
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['compressed', Buffer.from([1, 0, 0, 0, 1, 0]), 'compressed gRPC messages are not supported'],
    ['too large', Buffer.from([0, 1, 0, 0, 1]), `more than ${MAX_MESSAGE}`],
    ['cut off', Buffer.from([0, 0, 0, 0, 9, 1]), 'ended early'],
  ])('that are %s are refused', async (_, bytes, reason) => {
    const found = Array.fromAsync(messagesIn(Readable.from([bytes], { objectMode: true })));
    await expect(found).rejects.toThrow(reason);
  });
});
