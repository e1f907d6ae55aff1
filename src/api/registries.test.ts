import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { imageId } from './testing/samples.ts';
import { startTestServer, type TestServer } from './testing/test-server.ts';

let api: TestServer;

beforeEach(async () => {
  api = await startTestServer();
});

afterEach(() => api[Symbol.asyncDispose]());

const nobody = { username: '', password: '', identityToken: '', registryToken: '' };

describe('auth', () => {
  test('shows the credentials to the registry', async () => {
    const sent = { username: 'u', password: 'p', serveraddress: 'host:5000' };
    const { status, body } = await api.request('POST', '/auth', JSON.stringify(sent));
    expect([status, body]).toEqual([200, '{"IdentityToken":"token","Status":"Login Succeeded"}\n']);
    expect(api.engine.calls).toEqual([
      ['authenticate', 'host:5000', { ...nobody, username: 'u', password: 'p' }],
    ]);
  });

  test('means Docker Hub where no address is given', async () => {
    await api.request('POST', '/auth', '{"identitytoken":"i"}');
    expect(api.engine.calls).toEqual([
      ['authenticate', 'https://index.docker.io/v1/', { ...nobody, identityToken: 'i' }],
    ]);
  });

  test('with wrong credentials is 401', async () => {
    const { status, body } = await api.request('POST', '/auth', '{"username":"u","password":"wrong"}');
    expect([status, JSON.parse(body)]).toEqual([
      401,
      { message: 'unauthorized: incorrect username or password' },
    ]);
  });

  test('wants a body', async () => {
    expect((await api.request('POST', '/auth')).status).toBe(400);
  });
});

describe('search', () => {
  test('answers in the words of the registry, 25 results unless told otherwise', async () => {
    const { body } = await api.request('GET', '/images/search?term=host/debian');
    expect(JSON.parse(body)).toEqual([
      { star_count: 50, is_official: true, name: 'debian', is_automated: false, description: 'an OS' },
      { star_count: 0, is_official: false, name: 'mine/debian', is_automated: false, description: '' },
    ]);
    expect(api.engine.calls).toEqual([['search', 'host/debian', { limit: 25, credentials: undefined }]]);
    await api.request('GET', '/images/search?term=x&limit=100');
    expect(api.engine.calls.at(-1)?.[2]).toMatchObject({ limit: 100 });
  });

  test.each([
    ['{"is-official":["true"]}', ['debian']],
    ['{"is-official":["false"]}', ['mine/debian']],
    ['{"stars":["1"]}', ['debian']],
    ['{"stars":["0"]}', ['debian', 'mine/debian']],
    ['{"stars":["1","60"]}', []],
    ['{"is-automated":["true"]}', []],
    ['{"is-automated":["false"]}', ['debian', 'mine/debian']],
  ])('with the filters %s finds %p', async (filters, names) => {
    const { body } = await api.request(
      'GET',
      `/images/search?term=debian&filters=${encodeURIComponent(filters)}`,
    );
    expect(JSON.parse(body).map(({ name }: { name: string }) => name)).toEqual(names);
  });

  test.each([
    ['limit=101', 'limit 101 is outside the range of [1, 100]'],
    ['limit=-1', 'limit -1 is outside the range of [1, 100]'],
    ['limit=x', 'strconv.Atoi: parsing "x": invalid syntax'],
    ['filters={"stars":["x"]}', "invalid filter 'stars=x'"],
    ['filters={"is-official":["x"]}', "invalid filter 'is-official=[x]'"],
    ['filters={"foo":["x"]}', "invalid filter 'foo'"],
  ])('with %s is refused', async (query, message) => {
    const { status, body } = await api.request(
      'GET',
      `/images/search?term=x&${query}`.replaceAll('"', '%22'),
    );
    expect([status, JSON.parse(body).message]).toEqual([400, message]);
    expect(api.engine.calls).toEqual([]);
  });

  test('is given up when the client leaves', async () => {
    const left = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    api.engine.registries.search = (context) => {
      context.signal.addEventListener('abort', () => left.resolve());
      begun.resolve();
      return new Promise(() => {});
    };
    const client = await api.connect();
    client.send('GET /images/search?term=x HTTP/1.1\r\nHost: d\r\n\r\n');
    await begun.promise;
    client.destroy();
    await left.promise;
  });
});

describe('distribution', () => {
  test('shows what a name means in its registry', async () => {
    const { body } = await api.request('GET', '/distribution/host:5000/a/b/json');
    expect(JSON.parse(body)).toEqual({
      Descriptor: { mediaType: 'a/b', digest: imageId, size: 3 },
      Platforms: [{ os: 'linux', architecture: 'amd64', 'os.features': ['x'] }],
    });
    expect(api.engine.calls[0]?.[1]).toMatchObject({ domain: 'host:5000', path: 'a/b', tag: 'latest' });
  });

  test.each([
    ['a'.repeat(64), 500, 'no manifest found for full image ID'],
    ['host:5000/A', 400, 'invalid reference format: repository name (A) must be lowercase'],
  ])('of %s fails', async (name, status, message) => {
    const answer = await api.request('GET', `/distribution/${name}/json`);
    expect([answer.status, JSON.parse(answer.body).message]).toEqual([status, message]);
  });
});
