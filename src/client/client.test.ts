import { afterEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { type Client, connect } from './client.ts';
import { ApiError, ConnectionError } from './errors.ts';
import { certificate, privateKey } from './testing/localhost-certificate.ts';

type Handler = (request: string, socket: net.Socket) => void;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** Listens on a Unix socket and calls `handle` with what has arrived on a connection, after each piece. */
async function serve(handle: Handler): Promise<{ host: string; connections: () => number }> {
  const dir = mkdtempSync('/tmp/client-test-');
  const path = `${dir}/s`;
  let connections = 0;
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    connections++;
    sockets.add(socket);
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
      handle(text, socket);
      if (text.endsWith('\r\n\r\n')) text = '';
    });
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(dir, { recursive: true });
  });
  return { host: `unix://${path}`, connections: () => connections };
}

function open(host: string, version?: string): Client {
  const client = connect({ host, version });
  cleanups.push(() => client.close());
  return client;
}

const reply = (status: number, body: string, headers = ''): string =>
  `HTTP/1.1 ${status} X\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;

describe('version negotiation', () => {
  test('takes the older of both versions', async () => {
    const { host } = await serve((_, socket) => socket.write(reply(200, '', 'Api-Version: 1.43\r\n')));
    expect(await open(host).version()).toBe('1.43');
  });

  test('asks with GET where HEAD is not known', async () => {
    const { host } = await serve((request, socket) => {
      socket.write(request.startsWith('HEAD') ? reply(404, '') : reply(200, 'OK', 'Api-Version: 1.40\r\n'));
    });
    expect(await open(host).version()).toBe('1.40');
  });

  test('says which daemon is missing', async () => {
    const failure = await open('unix:///nowhere/x.sock')
      .version()
      .catch((reason: unknown) => reason);
    expect(failure).toBeInstanceOf(ConnectionError);
    expect(failure).toMatchObject({ host: 'unix:///nowhere/x.sock', code: 'ENOENT' });
  });
});

describe('requests', () => {
  test('throw the daemon’s own message', async () => {
    const { host } = await serve((_, socket) =>
      socket.write(reply(404, '{"message":"No such container: x"}')),
    );
    const failure = await open(host, '1.44')
      .send('GET', '/x')
      .catch((reason: unknown) => reason);
    expect(failure).toBeInstanceOf(ApiError);
    expect(failure).toMatchObject({ status: 404, message: 'No such container: x' });
  });

  test('show the text of an error that is not JSON', async () => {
    const { host } = await serve((_, socket) => socket.write(reply(502, 'bad gateway\n')));
    await expect(open(host, '1.44').send('GET', '/x')).rejects.toThrow('bad gateway');
  });

  test('take 304 for success', async () => {
    const { host } = await serve((_, socket) => socket.write('HTTP/1.1 304 Not Modified\r\n\r\n'));
    await open(host, '1.44').send('POST', '/containers/x/start');
  });

  test('read chunked answers', async () => {
    const { host } = await serve((_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n');
      setTimeout(() => socket.write('4;x=y\r\n":1}\r\n0\r\nTrailer: t\r\n\r\n'), 5);
    });
    expect(await open(host, '1.44').json<unknown>('GET', '/x')).toEqual({ a: 1 });
  });

  test('share one connection, one after the other', async () => {
    const { host, connections } = await serve((_, socket) => socket.write(reply(200, '{}')));
    const client = open(host, '1.44');
    for (let count = 0; count < 3; count++) await client.json('GET', '/x');
    expect(connections()).toBe(1);
  });

  test('are sent again when an idle connection turns out to be closed', async () => {
    let served = 0;
    const { host } = await serve((_, socket) => {
      served++;
      if (served === 2) socket.destroy();
      else socket.write(reply(200, '{}'));
    });
    const client = open(host, '1.44');
    await client.json('GET', '/x');
    expect(await client.json<unknown>('GET', '/x')).toEqual({});
    expect(served).toBe(3);
  });

  test('end with the reason of their signal', async () => {
    const { host } = await serve(() => {});
    const abort = new AbortController();
    const running = open(host, '1.44').send('GET', '/x', { signal: abort.signal });
    setTimeout(() => abort.abort(new Error('enough')), 5);
    await expect(running).rejects.toThrow('enough');
  });

  test('refuse an answer that is not HTTP, and one that is too long', async () => {
    const { host } = await serve((_, socket) => socket.write('SSH-2.0-OpenSSH\r\n\r\n'));
    await expect(open(host, '1.44').send('GET', '/x')).rejects.toThrow('not an HTTP response');
    const endless = await serve((_, socket) => socket.write(`HTTP/1.1 200 OK\r\nA: ${'x'.repeat(300_000)}`));
    await expect(open(endless.host, '1.44').send('GET', '/x')).rejects.toThrow(
      'the response head is too large',
    );
  });

  test('upload in chunks and report an early refusal', async () => {
    const { host } = await serve((request, socket) => {
      if (request.includes('0\r\n\r\n'))
        socket.write(reply(200, JSON.stringify(request.split('\r\n\r\n')[1])));
    });
    async function* body(): AsyncGenerator<Uint8Array> {
      yield new TextEncoder().encode('hello ');
      yield new TextEncoder().encode('world');
    }
    const seen = await open(host, '1.44').json<string>('POST', '/x', { body: body() });
    expect(seen).toBe('6\r\nhello \r\n5\r\nworld\r\n0');
    const refusing = await serve((_, socket) => socket.end(reply(400, '{"message":"no"}')));
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield new Uint8Array(65536);
    }
    await expect(open(refusing.host, '1.44').send('POST', '/x', { body: endless() })).rejects.toThrow('no');
  });

  test('fail with what the body’s source failed with', async () => {
    const { host } = await serve(() => {});
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1);
      throw new Error('disk on fire');
    }
    await expect(open(host, '1.44').send('POST', '/x', { body: broken() })).rejects.toThrow('disk on fire');
  });
});

describe('hijacked connections', () => {
  const upgraded = 'HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n';

  test('keep what came with the head, and close each way by itself', async () => {
    const { host } = await serve((request, socket) => {
      if (!request.includes('\r\n\r\n')) return;
      socket.write(`${upgraded}early `);
      socket.on('end', () => socket.end('after input'));
    });
    const stream = await open(host, '1.44').hijack('/containers/x/attach');
    await stream.write(new TextEncoder().encode('typed'));
    stream.closeWrite();
    const chunks = await Array.fromAsync(stream.output);
    expect(Buffer.concat(chunks).toString()).toBe('early after input');
    stream.close();
  });

  test('carry much data both ways', async () => {
    const { host } = await serve((request, socket) => {
      if (!request.startsWith('POST')) return;
      socket.removeAllListeners('data');
      socket.write(upgraded);
      socket.pipe(socket);
    });
    const stream = await open(host, '1.44').hijack('/x');
    const size = 8 * 1024 * 1024;
    const sending = (async () => {
      for (let sent = 0; sent < size; sent += 65536) await stream.write(new Uint8Array(65536).fill(7));
      stream.closeWrite();
    })();
    let received = 0;
    for await (const chunk of stream.output) received += chunk.length;
    await sending;
    expect(received).toBe(size);
    stream.close();
  });

  test('report the daemon’s refusal', async () => {
    const { host } = await serve((_, socket) =>
      socket.write(reply(409, '{"message":"Container is paused"}')),
    );
    await expect(open(host, '1.44').hijack('/x')).rejects.toThrow('Container is paused');
  });
});

describe('TLS', () => {
  async function secure(): Promise<string> {
    const server = tls.createServer({ cert: certificate, key: privateKey }, (socket) => {
      socket.on('data', () => socket.write(reply(200, '{"secure":true}')));
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => server.close());
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no address');
    return `tcp://localhost:${address.port}`;
  }

  test('trusts the given authority', async () => {
    const client = connect({ host: await secure(), version: '1.44', tls: { ca: certificate, verify: true } });
    expect(await client.json<unknown>('GET', '/x')).toEqual({ secure: true });
    client.close();
  });

  test('refuses a stranger, unless told not to look', async () => {
    const host = await secure();
    const careful = connect({ host, version: '1.44', tls: { verify: true } });
    await expect(careful.json('GET', '/x')).rejects.toThrow(ConnectionError);
    const careless = connect({ host, version: '1.44', tls: { verify: false } });
    expect(await careless.json<unknown>('GET', '/x')).toEqual({ secure: true });
    careless.close();
  });
});

test('the client runs on Node', async () => {
  const { host } = await serve((request, socket) => {
    socket.write(reply(200, request.startsWith('HEAD') ? '' : '{"on":"node"}', 'Api-Version: 1.44\r\n'));
  });
  const dir = mkdtempSync('/tmp/client-node-');
  cleanups.push(() => rmSync(dir, { recursive: true }));
  const built = await Bun.build({
    entrypoints: [`${import.meta.dir}/index.ts`],
    target: 'node',
    outdir: dir,
    naming: 'client.mjs',
  });
  expect(built.success).toBe(true);
  await Bun.write(
    `${dir}/run.mjs`,
    `import { connect } from './client.mjs';
     const client = connect({ host: ${JSON.stringify(host)} });
     console.log(JSON.stringify(await client.json('GET', '/x')), await client.version());
     client.close();`,
  );
  const node = Bun.spawn(['node', `${dir}/run.mjs`], { stdout: 'pipe', stderr: 'inherit' });
  expect(await new Response(node.stdout).text()).toBe('{"on":"node"} 1.44\n');
});
