import { describe, expect, test } from 'bun:test';
import { createRegistryClient } from './registry-client.ts';
import { ClientBench, context, failureOf, patience, someone } from './testing/client-bench.ts';
import { RegistryDouble } from './testing/registry-double.ts';

const bench = ClientBench.open();
const options = { limit: 25, credentials: undefined };

const found = {
  results: [
    { name: 'alpine', description: 'small', star_count: 12, is_official: true, is_automated: false },
    { name: 'user/alpine', description: null },
    { description: 'nameless' },
  ],
};
const alpine = [
  { name: 'alpine', description: 'small', stars: 12, official: true },
  { name: 'user/alpine', description: '', stars: 0, official: false },
];

describe('search', () => {
  test("asks Docker Hub's index", async () => {
    bench.registry.intercept = () => Response.json(found);
    const settings = { registryMirrors: [], insecureRegistries: [], hubSearch: bench.registry.url };
    const client = createRegistryClient(() => settings, patience);
    for (const term of ['alpine', 'docker.io/alpine', 'library/alpine', 'index.docker.io/library/alpine']) {
      expect(await client.search(context, term, options)).toEqual(alpine);
    }
    expect(new Set(bench.registry.targets)).toEqual(new Set(['/v1/search?q=alpine&n=25']));
  });

  test('of another registry falls back to its catalogue, page by page', async () => {
    bench.registry.intercept = (_, url) => {
      if (url.pathname !== '/v2/_catalog') return new Response('page not found', { status: 404 });
      const last = url.searchParams.get('last');
      const names = last === null ? ['a/web', 'b/web'] : ['c', 'd/Web', 'web/e'];
      const headers: Record<string, string> =
        last === null ? { Link: '</v2/_catalog?last=b%2Fweb&n=1000>; rel="next"' } : {};
      return Response.json({ repositories: names }, { headers });
    };
    const names = async (limit: number) => {
      const results = await bench.client().search(context, bench.here('Web'), { ...options, limit });
      return results.map(({ name }) => name);
    };
    expect(await names(25)).toEqual(['a/web', 'b/web', 'web/e']);
    expect(await names(1)).toEqual(['a/web']);
  });

  test('of a registry that answers every path with a page falls back too', async () => {
    bench.registry.intercept = (_, url) =>
      url.pathname === '/v2/_catalog'
        ? Response.json({ repositories: ['web'] })
        : new Response('<html>', { headers: { 'Content-Type': 'text/html' } });
    expect(await bench.client().search(context, bench.here('web'), options)).toHaveLength(1);
  });

  test('shows the credentials, with the right to see the catalogue', async () => {
    await using tokens = new RegistryDouble();
    tokens.intercept = () => Response.json({ token: 'abc' });
    bench.registry.intercept = (request, url) => {
      if (url.pathname !== '/v2/_catalog') return new Response(null, { status: 404 });
      if (request.headers.get('authorization') === 'Bearer abc') {
        return Response.json({ repositories: ['web'] });
      }
      const challenge = `Bearer realm="${tokens.url}/token",service="s"`;
      return new Response(null, { status: 401, headers: { 'WWW-Authenticate': challenge } });
    };
    const credentials = someone;
    await bench.client().search(context, bench.here('web'), { limit: 25, credentials });
    expect(tokens.targets).toEqual(['/token?service=s&scope=registry%3Acatalog%3A*&account=user']);
  });

  test('without the Internet finds what the mirrors of Docker Hub have', async () => {
    await using hub = new RegistryDouble();
    const hubSearch = hub.url;
    await hub[Symbol.asyncDispose]();
    bench.registry.intercept = (_, url) =>
      url.pathname === '/v2/_catalog' ? Response.json({ repositories: ['library/alpine'] }) : undefined;
    const settings = { registryMirrors: [bench.registry.url], insecureRegistries: [], hubSearch };
    const client = createRegistryClient(() => settings, patience);
    const results = await client.search(context, 'alpine', { limit: 25, credentials: someone });
    expect(results.map(({ name }) => name)).toEqual(['library/alpine']);
    expect(bench.registry.requests.every(({ authorization }) => authorization === null)).toBe(true);
  });

  test('prefers the search of a mirror, then that of Docker Hub, to catalogues', async () => {
    await using hub = new RegistryDouble();
    hub.intercept = () => Response.json(found);
    const settings = {
      registryMirrors: [bench.registry.url],
      insecureRegistries: [],
      hubSearch: hub.url,
    };
    const client = createRegistryClient(() => settings, patience);
    expect(await client.search(context, 'alpine', options)).toEqual(alpine);
    expect(bench.registry.targets).toEqual(['/v1/search?q=alpine&n=25']);
    bench.registry.intercept = () => Response.json({ results: [{ name: 'ours' }] });
    expect((await client.search(context, 'alpine', options)).map(({ name }) => name)).toEqual(['ours']);
    expect(hub.requests).toHaveLength(1);
  });

  test.each([
    ['https://example.com/x', 'invalid-argument: invalid repository name'],
    ['a b:1/x', 'invalid-argument: invalid registry name'],
  ])('refuses %p', async (term, message) => {
    expect(await failureOf(bench.client().search(context, term, options))).toStartWith(message);
  });

  test('says who may not, and where nobody answers', async () => {
    bench.registry.intercept = () => new Response(null, { status: 401 });
    expect(await failureOf(bench.client().search(context, bench.here('x'), options))).toBe(
      'unauthenticated: unauthorized: authentication required',
    );
    const term = bench.here('x');
    await bench.registry[Symbol.asyncDispose]();
    expect(await failureOf(bench.client().search(context, term, options))).toStartWith('unavailable: Get ');
  });

  test('does not read a catalogue without end', async () => {
    let pages = 0;
    bench.registry.intercept = (_, url) =>
      url.pathname === '/v2/_catalog'
        ? Response.json(
            { repositories: ['other'] },
            { headers: { Link: `</v2/_catalog?last=${pages++}>; rel="next"` } },
          )
        : undefined;
    expect(await bench.client().search(context, bench.here('web'), options)).toEqual([]);
    expect(pages).toBe(100);
  });
});
