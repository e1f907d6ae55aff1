import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { startTestServer, type TestServer } from '../testing/test-server.ts';

let api: TestServer;

beforeEach(async () => {
  api = await startTestServer();
});

afterEach(() => api[Symbol.asyncDispose]());

describe('a Unix socket', () => {
  test('has the mode and group that were asked for', async () => {
    const path = join(api.directory, 'group.sock');
    expect(await api.server.listen({ unix: path, mode: 0o660, gid: 4321 })).toBe(`unix://${path}`);
    const { mode, gid } = statSync(path);
    expect([mode & 0o777, gid]).toEqual([0o660, 4321]);
  });

  test('is not taken from another server', async () => {
    const path = new URL(api.address).pathname;
    expect(api.server.listen({ unix: path, mode: 0o600 })).rejects.toThrow('another process listens on it');
  });

  test('takes the place of one that nobody listens on', async () => {
    const path = join(api.directory, 'stale.sock');
    const program = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', program]);
    expect(statSync(path).isSocket()).toBe(true);
    await api.server.listen({ unix: path, mode: 0o600 });
  });

  test('does not replace a file', async () => {
    const path = join(api.directory, 'file');
    writeFileSync(path, 'precious');
    expect(api.server.listen({ unix: path, mode: 0o600 })).rejects.toThrow('it exists and is not a socket');
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });
});

describe('TLS with client certificates', () => {
  const make = (name: string): { key: string; certificate: string } => {
    const path = join(api.directory, name);
    spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost'],
      ...['-keyout', `${path}.key`, '-out', `${path}.pem`],
    ]);
    return { key: readFileSync(`${path}.key`, 'utf8'), certificate: readFileSync(`${path}.pem`, 'utf8') };
  };

  async function ask(identity?: { key: string; certificate: string }): Promise<string> {
    const server = make('server');
    const friend = make('friend');
    const address = await api.server.listen({
      tcp: { host: '127.0.0.1', port: 0 },
      tls: { ...server, clientAuthority: friend.certificate },
    });
    const shown = identity === undefined ? friend : identity;
    return new Promise((resolve) => {
      let text = '';
      const socket = connect({
        port: Number(new URL(address).port),
        host: '127.0.0.1',
        servername: 'localhost',
        ca: server.certificate,
        ...(shown.key === '' ? {} : { key: shown.key, cert: shown.certificate }),
      });
      socket.on('data', (bytes) => {
        text += bytes.toString();
      });
      socket.on('error', () => resolve('refused'));
      socket.on('close', () => resolve(text === '' ? 'refused' : text));
      socket.write('GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n');
    });
  }

  test('serves a client whose certificate the authority signed', async () => {
    expect(await ask()).toEndWith('\r\n\r\nOK');
  });

  test('serves no client without a certificate', async () => {
    expect(await ask({ key: '', certificate: '' })).toBe('refused');
  });

  test('serves no client with a certificate of its own making', async () => {
    expect(await ask(make('stranger'))).toBe('refused');
  });
});
