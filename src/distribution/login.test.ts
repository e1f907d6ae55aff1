import { describe, expect, test } from 'bun:test';
import { ClientBench, context, failureOf, someone } from './testing/client-bench.ts';
import { failure, RegistryDouble } from './testing/registry-double.ts';

const bench = ClientBench.open();

describe('authenticate', () => {
  test('with name and password', async () => {
    bench.registry.intercept = (request) =>
      request.headers.get('authorization') === `Basic ${btoa('user:secret')}`
        ? new Response('{}')
        : new Response(null, { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"' } });
    const { host } = bench.registry;
    const client = bench.client();
    for (const address of [host, `http://${host}`, `https://${host}/v1/`]) {
      expect(await client.authenticate(context, address, someone)).toEqual({
        status: 'Login Succeeded',
        identityToken: '',
      });
    }
    expect(await failureOf(client.authenticate(context, host, { ...someone, password: 'wrong' }))).toBe(
      `unauthenticated: login attempt to http://${host}/v2/ failed with status: 401 Unauthorized`,
    );
    expect(await failureOf(client.authenticate(context, host, { ...someone, username: '' }))).toBe(
      `unauthenticated: Get "http://${host}/v2/": no basic auth credentials`,
    );
  });

  function wantToken(realm: string): void {
    bench.registry.intercept = (request) =>
      request.headers.get('authorization') === 'Bearer good'
        ? new Response('{}')
        : failure(401, 'UNAUTHORIZED', 'authentication required', {
            'WWW-Authenticate': `Bearer realm="${realm}",service="s"`,
          });
  }

  test('asks the token server for a token that can be kept', async () => {
    await using tokens = new RegistryDouble();
    tokens.intercept = () => Response.json({ token: 'good', refresh_token: 'keep me' });
    wantToken(`${tokens.url}/token`);
    expect(await bench.client().authenticate(context, bench.registry.host, someone)).toEqual({
      status: 'Login Succeeded',
      identityToken: 'keep me',
    });
    expect(tokens.targets).toEqual(['/token?service=s&offline_token=true&client_id=sampan&account=user']);
  });

  test.each([
    [{ details: 'incorrect username or password' }, 'unauthorized: incorrect username or password'],
    [{ errors: [{ code: 'UNAUTHORIZED', message: 'who?' }] }, 'unauthorized: who?'],
    ['no', 'unauthorized: authentication required'],
  ])("tells the token server's refusal %p in Docker's words", async (body, text) => {
    await using tokens = new RegistryDouble();
    tokens.intercept = () => Response.json(body, { status: 401 });
    wantToken(`${tokens.url}/token`);
    const { host } = bench.registry;
    expect(await failureOf(bench.client().authenticate(context, host, someone))).toBe(
      `unauthenticated: Get "http://${host}/v2/": ${text}`,
    );
  });

  test('with a token that does not suffice', async () => {
    await using tokens = new RegistryDouble();
    tokens.intercept = () => Response.json({ token: 'weak' });
    wantToken(`${tokens.url}/token`);
    const { host } = bench.registry;
    expect(await failureOf(bench.client().authenticate(context, host, someone))).toBe(
      `unauthenticated: login attempt to http://${host}/v2/ failed with status: 401 Unauthorized`,
    );
  });

  test('says where nobody answers, and what is no address', async () => {
    const { host } = bench.registry;
    await bench.registry[Symbol.asyncDispose]();
    expect(await failureOf(bench.client().authenticate(context, host, someone))).toStartWith(
      `internal: Get "http://${host}/v2/": `,
    );
    expect(await failureOf(bench.client().authenticate(context, 'a b', someone))).toBe(
      'invalid-argument: invalid registry address "a b"',
    );
  });
});
