import { describe, expect, test } from 'bun:test';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import fc from 'fast-check';
import { parseReference } from '../oci/reference.ts';
import { completeProxies, proxyFor } from './proxies.ts';
import { createRegistryClient } from './registry-client.ts';
import { context, patience, platform, someone } from './testing/client-bench.ts';
import { RegistryDouble, selfSigned } from './testing/registry-double.ts';

const both = (noProxy: string) => ({ httpProxy: 'http://p:1', httpsProxy: 'http://q:2', noProxy });

describe('proxyFor', () => {
  test('goes by the scheme, and takes a host alone for an HTTP proxy', () => {
    expect(proxyFor(new URL('http://x/'), both(''))?.href).toBe('http://p:1/');
    expect(proxyFor(new URL('https://x/'), both(''))?.href).toBe('http://q:2/');
    const bare = { httpProxy: 'proxy:3128', httpsProxy: '', noProxy: '' };
    expect(proxyFor(new URL('http://x/'), bare)?.href).toBe('http://proxy:3128/');
    expect(proxyFor(new URL('https://x/'), bare)).toBeUndefined();
  });

  // The rules of Go's golang.org/x/net/http/httpproxy, which is what Docker users know.
  test.each([
    ['', 'https://example.com', true],
    ['*', 'https://example.com', false],
    ['example.com', 'https://example.com', false],
    ['example.com', 'https://a.example.com', false],
    ['example.com', 'https://badexample.com', true],
    ['.example.com', 'https://a.example.com', false],
    ['.example.com', 'https://example.com', true],
    ['*.example.com', 'https://a.example.com', false],
    ['*.example.com', 'https://example.com', true],
    ['EXAMPLE.com', 'https://example.com', false],
    ['example.com:5000', 'https://example.com:5000', false],
    ['example.com:5000', 'https://example.com', true],
    ['example.com:443', 'https://example.com', false],
    ['a, b ,example.com', 'https://example.com', false],
    ['10.0.0.0/8', 'http://10.1.2.3', false],
    ['10.0.0.0/8', 'http://11.1.2.3', true],
    ['10.1.2.3', 'http://10.1.2.3:5000', false],
    ['10.1.2.3:5000', 'http://10.1.2.3:5000', false],
    ['10.1.2.3:5001', 'http://10.1.2.3:5000', true],
    ['fd00::/8', 'http://[fd00::1]', false],
    ['fd00::1', 'http://[fd00::1]:5000', false],
    ['[fd00::1]:5000', 'http://[fd00::1]:5000', false],
    ['[fd00::1]:5001', 'http://[fd00::1]:5000', true],
    ['10.0.0.0/99', 'http://10.1.2.3', true],
    [',,', 'https://example.com', true],
    ['', 'http://localhost:5000', false],
    ['', 'http://127.1.2.3', false],
    ['', 'http://[::1]:5000', false],
  ])('with NO_PROXY=%p, %s goes through it: %p', (noProxy, url, expected) => {
    expect(proxyFor(new URL(url), both(noProxy)) !== undefined).toBe(expected);
  });

  test('never fails on what NO_PROXY says', () => {
    fc.assert(
      fc.property(fc.string(), (noProxy) => {
        proxyFor(new URL('http://[fd00::1]/'), both(noProxy));
        proxyFor(new URL('http://example.com/'), both(noProxy));
      }),
    );
  });

  test.each(['socks5://x', 'http://', 'ftp://x'])('refuses %p as a proxy', (httpProxy) => {
    expect(() => proxyFor(new URL('http://x/'), { httpProxy, httpsProxy: '', noProxy: '' })).toThrow(
      'the proxy for x must be an http or https URL',
    );
  });
});

test('completeProxies prefers what is said to the environment, and its upper case to its lower', () => {
  const environment = { HTTP_PROXY: 'a', http_proxy: 'b', https_proxy: 'c', NO_PROXY: '' };
  const given = { httpProxy: '', httpsProxy: 'd', noProxy: 'e' };
  expect(completeProxies(undefined, environment)).toEqual({ httpProxy: 'a', httpsProxy: 'c', noProxy: '' });
  expect(completeProxies(given, environment)).toEqual({ httpProxy: 'a', httpsProxy: 'd', noProxy: 'e' });
});

/** A proxy that leads every host to one address, and keeps what it saw. */
async function startProxy(to: string) {
  const seen: string[] = [];
  const note = (text: string, headers: NodeJS.Dict<string | string[]>): void => {
    seen.push(`${text} ${headers['proxy-authorization']} ${headers['authorization']}`);
  };
  const [host = '', port = ''] = to.split(':');
  const server = createServer(async (request, response) => {
    note(`${request.method} ${request.url}`, request.headers);
    const { pathname } = new URL(request.url ?? '');
    const answer = await fetch(`http://${to}${pathname}`, { redirect: 'manual' });
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  server.on('connect', (request, socket) => {
    note(`CONNECT ${request.url}`, request.headers);
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    seen,
    url: `http://name:pass@127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe('a client with proxies', () => {
  const proxied = `Basic ${btoa('name:pass')}`;

  test('reaches an HTTP registry through one, which learns no name of the registry itself', async () => {
    await using registry = new RegistryDouble();
    await using proxy = await startProxy(registry.host);
    const { digest } = registry.addImage('app', 'latest', []);
    const settings = {
      registryMirrors: [],
      insecureRegistries: ['registry.example'],
      proxies: { httpProxy: proxy.url, httpsProxy: 'http://127.0.0.1:1', noProxy: '' },
    };
    const client = createRegistryClient(() => settings, patience);
    const image = await client.resolve(context, parseReference('registry.example/app'), {
      platform,
      credentials: undefined,
    });
    expect(image.digest).toBe(digest);
    expect(proxy.seen[0]).toBe(`GET http://registry.example/v2/app/manifests/latest ${proxied} undefined`);
  });

  test('reaches a TLS registry through a tunnel', async () => {
    await using registry = new RegistryDouble(selfSigned());
    await using proxy = await startProxy(registry.host);
    registry.addImage('app', 'latest', []);
    registry.intercept = (request) =>
      request.headers.get('authorization') === null
        ? new Response(null, { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"' } })
        : undefined;
    const settings = {
      registryMirrors: [],
      insecureRegistries: ['registry.example:5000'],
      proxies: { httpProxy: '', httpsProxy: proxy.url, noProxy: 'other.example' },
    };
    const client = createRegistryClient(() => settings, patience);
    await client.resolve(context, parseReference('registry.example:5000/app'), {
      platform,
      credentials: someone,
    });
    expect(proxy.seen).toEqual([`CONNECT registry.example:5000 ${proxied} undefined`]);
  });

  test('leaves them aside where they should, whatever the environment says', async () => {
    await using registry = new RegistryDouble();
    const { digest } = registry.addImage('app', 'latest', []);
    // Leads to this machine, but is not one of the addresses that never need a proxy.
    const host = registry.host.replace('127.0.0.1', '0.0.0.0');
    const dead = 'http://127.0.0.1:1';
    const before = process.env['HTTP_PROXY'];
    process.env['HTTP_PROXY'] = dead;
    try {
      const settings = {
        registryMirrors: [],
        insecureRegistries: [host],
        proxies: { httpProxy: dead, httpsProxy: dead, noProxy: '0.0.0.0' },
      };
      const client = createRegistryClient(() => settings, { ...patience, attempts: 1 });
      const options = { platform, credentials: undefined };
      const image = await client.resolve(context, parseReference(`${host}/app`), options);
      expect(image.digest).toBe(digest);
    } finally {
      if (before === undefined) delete process.env['HTTP_PROXY'];
      else process.env['HTTP_PROXY'] = before;
    }
  });
});
