import { afterAll, describe, expect, test } from 'bun:test';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { certificatesOf } from './certificates.ts';
import { TestAuthority } from './testing/authority.ts';
import { context, failureOf, patience } from './testing/client-bench.ts';
import { Transport } from './transport.ts';

const authority = new TestAuthority();
const stranger = new TestAuthority();
afterAll(() => {
  authority[Symbol.dispose]();
  stranger[Symbol.dispose]();
});

// "0.0.0.0" leads to this machine, but is not one of the addresses that need no trust.
const server = authority.issue('server', 'IP:0.0.0.0');
const client = authority.issue('client');

describe('certificatesOf', () => {
  test('reads authorities and a client certificate of each folder', async () => {
    const first = authority.directory('first', {
      'host:5000/b.crt': 'B',
      'host:5000/a.crt': 'A',
      'host:5000/me.cert': 'cert',
      'host:5000/me.key': 'key',
      'host:5000/notes.txt': 'x',
      'other/c.crt': 'C',
    });
    const second = authority.directory('second', { 'host:5000/d.crt': 'D' });
    expect(await certificatesOf('host:5000', [first, second, '/nonexistent'])).toEqual({
      authorities: ['A', 'B', 'D'],
      client: { cert: 'cert', key: 'key' },
    });
    expect(await certificatesOf('host', [first])).toEqual({ authorities: [], client: undefined });
  });

  test.each([
    ['host/me.cert', 'missing key me.key for client certificate me.cert in '],
    ['host/me.key', 'missing client certificate me.cert for key me.key in '],
  ])('fails with %s alone', async (file, message) => {
    const directory = authority.directory(`lone${file.slice(-5)}`, { [file]: 'x' });
    expect(await failureOf(certificatesOf('host', [directory]))).toBe(
      `invalid-argument: ${message}${directory}/host`,
    );
  });

  test.each(['', '..', '.', 'a/../b'])('does not look elsewhere for %p', async (host) => {
    const directory = authority.directory('sub/inner', { 'b/x.crt': 'X', '../x.crt': 'X' });
    expect((await certificatesOf(host, [directory])).authorities).toEqual([]);
  });
});

describe('a TLS registry', () => {
  /** A server that says which client certificate it was shown. */
  async function start() {
    const shown: string[] = [];
    const https = createServer(
      { ...server, ca: authority.cert, requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        const socket = request.socket as TLSSocket;
        shown.push(socket.authorized ? 'known' : 'unknown');
        response.end('hello');
      },
    );
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
    const host = `0.0.0.0:${(https.address() as AddressInfo).port}`;
    return {
      shown,
      host,
      url: new URL(`https://${host}/v2/`),
      [Symbol.asyncDispose]: async () => {
        https.closeAllConnections();
        https.close();
      },
    };
  }

  function transport(...certificateDirectories: string[]): Transport {
    const settings = { registryMirrors: [], insecureRegistries: [], certificateDirectories };
    return new Transport(() => settings, patience);
  }

  test('is trusted by the authority in its folder, and by no other', async () => {
    await using registry = await start();
    const { url, host } = registry;
    const right = authority.directory('right', { [`${host}/ca.crt`]: authority.cert });
    const wrong = authority.directory('wrong', { [`${host}/ca.crt`]: stranger.cert });
    const elsewhere = authority.directory('elsewhere', { 'other.example/ca.crt': authority.cert });
    expect((await transport(right).exchange(context, { url })).status).toBe(200);
    for (const directories of [[], [wrong], [elsewhere]]) {
      const told = await failureOf(transport(...directories).exchange(context, { url }));
      expect(told).toStartWith(`internal: Get "https://${host}/v2/": `);
      expect(told).toContain('certificate');
    }
    expect(registry.shown).toEqual(['unknown']);
  });

  test('is shown the client certificate in its folder', async () => {
    await using registry = await start();
    const { url, host } = registry;
    const files = { 'ca.crt': authority.cert, 'me.cert': client.cert, 'me.key': client.key };
    const named = Object.entries(files).map(([name, text]) => [`${host}/${name}`, text]);
    const directory = authority.directory('client', Object.fromEntries(named));
    expect((await transport(directory).exchange(context, { url })).status).toBe(200);
    expect(registry.shown).toEqual(['known']);
  });

  test('vouches with its authorities for the hosts that it leads to', async () => {
    await using registry = await start();
    const directory = authority.directory('leading', { 'registry.example/ca.crt': authority.cert });
    const request = { url: registry.url, registry: 'registry.example' };
    expect((await transport(directory).exchange(context, request)).status).toBe(200);
  });
});
