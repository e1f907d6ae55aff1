import { describe, expect, spyOn, test } from 'bun:test';
import { Authorizer } from './authorization.ts';
import type { Credentials } from './contract.ts';
import { ClientBench, context, failureOf, patience, read, someone } from './testing/client-bench.ts';
import { failure, RegistryDouble } from './testing/registry-double.ts';
import { Transport } from './transport.ts';

const bench = ClientBench.open();

describe('authentication', () => {
  /** Lets in who shows the header; others get the challenge. */
  function guard(expected: string, challenge: string): void {
    bench.registry.intercept = (request, url) => {
      if (url.pathname === '/token') return undefined;
      if (request.headers.get('authorization') === expected) return undefined;
      return failure(401, 'UNAUTHORIZED', 'authentication required', { 'WWW-Authenticate': challenge });
    };
  }

  test('with name and password', async () => {
    bench.registry.addImage('app', 'latest', []);
    guard(`Basic ${btoa('user:secret')}`, 'Basic realm="x"');
    await bench.resolve(bench.here('app'), someone);
    expect(await failureOf(bench.resolve(bench.here('app'), { ...someone, password: 'wrong' }))).toBe(
      'internal: unauthorized: authentication required',
    );
    expect(await failureOf(bench.resolve(bench.here('app')))).toBe(
      `internal: Get "${bench.registry.url}/v2/app/manifests/latest": no basic auth credentials`,
    );
  });

  test('with a token, which is fetched once for all layers', async () => {
    await using tokens = new RegistryDouble();
    tokens.intercept = () => Response.json({ token: 'abc', expires_in: 60 });
    const layers = ['a', 'b', 'c'].map((text) => bench.registry.addBlob(text));
    bench.registry.addImage('team/app', 'latest', layers);
    guard('Bearer abc', `Bearer realm="${tokens.url}/token?x=y",service="the service"`);
    const image = await bench.resolve(bench.here('team/app'), someone);
    await Promise.all(layers.map((layer) => read(image, layer)));
    expect(tokens.requests).toEqual([
      {
        method: 'GET',
        target: '/token?x=y&service=the+service&scope=repository%3Ateam%2Fapp%3Apull&account=user',
        authorization: `Basic ${btoa('user:secret')}`,
        range: null,
      },
    ]);
  });

  test('with a token that runs out meanwhile', async () => {
    await using tokens = new RegistryDouble();
    let issued = 0;
    tokens.intercept = () => Response.json({ access_token: `t${++issued}` });
    const layer = bench.registry.addBlob('layer');
    bench.registry.addImage('app', 'latest', [layer]);
    guard('Bearer t1', `Bearer realm="${tokens.url}/token"`);
    const image = await bench.resolve(bench.here('app'));
    guard('Bearer t2', `Bearer realm="${tokens.url}/token"`);
    expect((await read(image, layer)).toString()).toBe('layer');
  });

  test('with a refresh token, and with a ready one', async () => {
    await using tokens = new RegistryDouble();
    let form = '';
    tokens.intercept = async (request) => {
      form = await request.text();
      return Response.json({ access_token: 'abc' });
    };
    bench.registry.addImage('app', 'latest', []);
    guard('Bearer abc', `Bearer realm="${tokens.url}/token",service=s`);
    await bench.resolve(bench.here('app'), { ...someone, identityToken: 'refresh' });
    expect(Object.fromEntries(new URLSearchParams(form))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'refresh',
      service: 's',
      scope: 'repository:app:pull',
      client_id: 'sampan',
    });
    await bench.resolve(bench.here('app'), { ...someone, registryToken: 'abc' });
    expect(tokens.requests).toHaveLength(1);
  });

  test('is told as denied where the scope does not suffice', async () => {
    await using tokens = new RegistryDouble();
    tokens.intercept = () => Response.json({ token: 'weak' });
    guard('Bearer strong', `Bearer realm="${tokens.url}/token",error="insufficient_scope"`);
    expect(await failureOf(bench.resolve(bench.here('app')))).toContain(
      "repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    );
  });

  test.each([
    ['ftp://x/', 'names "ftp://x/" as its token server: not an http(s) URL'],
    ['', 'names "" as its token server'],
    ['token', 'names "token" as its token server'],
    ['http://registry.example/token', 'leads to registry.example without TLS'],
    ['http://127.0.0.1:80/token', 'leads to 127.0.0.1, which is this machine'],
    ['https://localhost/token', 'leads to localhost, which is this machine'],
  ])('does not take %p for a token server of a registry reached by TLS', async (realm, message) => {
    const settings = () => ({ registryMirrors: [], insecureRegistries: [] });
    const authorizer = new Authorizer({
      transport: new Transport(settings, patience),
      ...{ settings, credentials: someone, scopes: ['scope'] },
    });
    const asked = authorizer.answer(
      context,
      new URL('https://registry.example'),
      `Bearer realm="${realm}"`,
      undefined,
    );
    expect(await failureOf(asked)).toContain(message);
  });

  test('a token that would split the header is not taken', async () => {
    await using tokens = new RegistryDouble();
    tokens.intercept = () => Response.json({ token: 'a\r\nX-Evil: 1' });
    guard('Bearer x', `Bearer realm="${tokens.url}/token"`);
    expect(await failureOf(bench.resolve(bench.here('app')))).toContain('did not give a token');
  });

  test('shows a refresh token to no other host that the token server redirects to', async () => {
    await using tokens = new RegistryDouble();
    await using other = new RegistryDouble();
    bench.registry.addImage('app', 'latest', []);
    guard('Bearer abc', `Bearer realm="${tokens.url}/token"`);
    tokens.intercept = () => Response.redirect(`${other.url}/token`, 307);
    const asked = bench.resolve(bench.here('app'), { ...someone, identityToken: 'refresh' });
    expect(await failureOf(asked)).toContain('redirects a form with credentials to another host');
    expect(other.requests).toEqual([]);
  });

  test('is never shown to another host that the registry redirects to', async () => {
    await using other = new RegistryDouble();
    const layer = other.addBlob('layer');
    bench.registry.addBlob('layer');
    bench.registry.addImage('app', 'latest', [layer]);
    bench.registry.intercept = (request, url) => {
      if (request.headers.get('authorization') === null) {
        return new Response(null, { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"' } });
      }
      const target = `http://evil:word@${other.host}/v2/app/blobs/${layer.digest}`;
      return url.pathname.endsWith(layer.digest) ? Response.redirect(target, 307) : undefined;
    };
    const image = await bench.resolve(bench.here('app'), someone);
    expect((await read(image, layer)).toString()).toBe('layer');
    expect(bench.registry.requests.at(-1)?.authorization).not.toBeNull();
    expect(other.requests.map(({ authorization }) => authorization)).toEqual([null]);
  });
});

describe('tokens', () => {
  const settings = { registryMirrors: [], insecureRegistries: [] };
  const challenge = (realm: string) => `Bearer realm="${realm}/token",service="s"`;

  function authorizer(credentials: Credentials = someone): Authorizer {
    const transport = new Transport(() => settings, patience);
    const scopes = ['repository:app:pull', 'repository:other:pull'];
    return new Authorizer({ transport, settings: () => settings, credentials, scopes });
  }

  test('are exchanged before their time is over, but not much before', async () => {
    await using tokens = new RegistryDouble();
    let issued = 0;
    tokens.intercept = () => Response.json({ token: `t${++issued}`, expires_in: 300 });
    const asking = authorizer();
    const clock = spyOn(performance, 'now');
    try {
      clock.mockReturnValue(1_000_000);
      const url = new URL(bench.registry.url);
      expect(await asking.answer(context, url, challenge(tokens.url), undefined)).toBe('Bearer t1');
      clock.mockReturnValue(1_000_000 + 280_000);
      expect(await asking.header(context)).toBe('Bearer t1');
      clock.mockReturnValue(1_000_000 + 295_000);
      expect(await Promise.all([asking.header(context), asking.header(context)])).toEqual([
        'Bearer t2',
        'Bearer t2',
      ]);
    } finally {
      clock.mockRestore();
    }
  });

  test('are asked for with each scope', async () => {
    await using tokens = new RegistryDouble();
    tokens.intercept = () => Response.json({ token: 'abc' });
    await authorizer().answer(context, new URL(bench.registry.url), challenge(tokens.url), undefined);
    expect(tokens.targets).toEqual([
      '/token?service=s&scope=repository%3Aapp%3Apull&scope=repository%3Aother%3Apull&account=user',
    ]);
  });

  test.each([404, 405])('come by GET from a server that answers a POST with %d', async (status) => {
    await using tokens = new RegistryDouble();
    tokens.intercept = (request) =>
      request.method === 'POST' ? new Response(null, { status }) : Response.json({ token: 'abc' });
    const asking = authorizer({ ...someone, identityToken: 'refresh' });
    const url = new URL(bench.registry.url);
    expect(await asking.answer(context, url, challenge(tokens.url), undefined)).toBe('Bearer abc');
    expect(tokens.requests.map(({ method, authorization }) => [method, authorization])).toEqual([
      ['POST', null],
      ['GET', `Basic ${btoa('user:secret')}`],
    ]);
  });

  test('are asked for with the newest refresh token', async () => {
    await using tokens = new RegistryDouble();
    const forms: string[] = [];
    tokens.intercept = async (request) => {
      forms.push(await request.text());
      return Response.json({ access_token: `t${forms.length}`, refresh_token: `r${forms.length}` });
    };
    const asking = authorizer({ ...someone, identityToken: 'r0' });
    const url = new URL(bench.registry.url);
    const first = await asking.answer(context, url, challenge(tokens.url), undefined);
    await asking.answer(context, url, challenge(tokens.url), first);
    expect(forms.map((form) => new URLSearchParams(form).get('refresh_token'))).toEqual(['r0', 'r1']);
  });

  test('that one caller does not wait for are there for the others', async () => {
    await using tokens = new RegistryDouble();
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Response>();
    tokens.intercept = () => {
      asked.resolve();
      return answer.promise;
    };
    const asking = authorizer();
    const stop = new AbortController();
    const url = new URL(bench.registry.url);
    const impatient = asking.answer(
      { ...context, signal: stop.signal },
      url,
      challenge(tokens.url),
      undefined,
    );
    await asked.promise;
    const patient = asking.header(context);
    stop.abort(new Error('enough'));
    expect(await failureOf(impatient)).toBe('internal: enough');
    answer.resolve(Response.json({ token: 'abc' }));
    expect(await patient).toBe('Bearer abc');
    expect(tokens.requests).toHaveLength(1);
  });
});
