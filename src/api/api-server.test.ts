import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { imageId } from './testing/samples.ts';
import { startTestServer, type TestServer } from './testing/test-server.ts';

let api: TestServer;

beforeAll(async () => {
  api = await startTestServer();
});

afterAll(() => api[Symbol.asyncDispose]());

describe('every answer', () => {
  test('carries the headers by which clients negotiate', async () => {
    const { headers } = await api.request('GET', '/v1.24/nowhere');
    expect(headers.get('api-version')).toBe('1.51');
    expect(headers.get('docker-experimental')).toBe('false');
    expect(headers.get('ostype')).toBe('linux');
    expect(headers.get('server')).toBe('Sampan/0.1.0 (linux)');
  });

  test('in JSON has exactly the content type application/json, and ends its body with a newline', async () => {
    const { headers, body } = await api.request('GET', '/version');
    expect(headers.get('content-type')).toBe('application/json');
    expect(body.endsWith('}\n')).toBe(true);
  });
});

describe('ping', () => {
  test('says OK with the builder version and forbids caching', async () => {
    const { status, headers, body } = await api.request('GET', '/_ping');
    expect([status, body]).toEqual([200, 'OK']);
    expect(headers.get('builder-version')).toBe('2');
    expect(headers.get('cache-control')).toBe('no-cache, no-store, must-revalidate');
    expect(headers.get('content-length')).toBe('2');
  });

  test('answers HEAD with the same head and no body', async () => {
    const { status, headers, body } = await api.request('HEAD', '/v1.40/_ping');
    expect([status, body]).toEqual([200, '']);
    expect(headers.get('api-version')).toBe('1.51');
  });
});

describe('versions', () => {
  test.each([
    ['/v1.52/version', 'client version 1.52 is too new. Maximum supported API version is 1.51'],
    [
      '/v1.12/version',
      'client version 1.12 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version',
    ],
  ])('%s is refused in the words that clients know', async (target, message) => {
    const { status, body } = await api.request('GET', target);
    expect([status, JSON.parse(body)]).toEqual([400, { message }]);
  });

  test.each(['/v1.24/version', '/v1.51/version', '/version'])('%s is served', async (target) => {
    expect((await api.request('GET', target)).status).toBe(200);
  });

  test('end for docker-compose 1 with the last that it can read', async () => {
    const agent = 'User-Agent: docker-compose/1.29.2 docker-py/5.0.3\r\n';
    const { body } = await api.request('GET', '/version', '', agent);
    expect(JSON.parse(body)).toMatchObject({ ApiVersion: '1.44' });
  });
});

describe('routing', () => {
  test.each([
    ['GET', '/nowhere'],
    ['PUT', '/version'],
    ['GET', '/v1.44/containers/a/nothing'],
    ['POST', '/v/version'],
    ['GET', '/containers//json'],
  ])('%s %s is not found', async (method, target) => {
    const { status, body } = await api.request(method, target);
    expect([status, body]).toEqual([404, '{"message":"page not found"}\n']);
  });

  test('an image name may hold slashes, a port and a tag', async () => {
    const { body } = await api.request('GET', '/images/host:5000/a/b:c/json');
    expect(JSON.parse(body).message).toBe('No such image: host:5000/a/b:c');
  });

  test('a name may be escaped', async () => {
    expect((await api.request('GET', '/containers/%2Fweb/json')).status).toBe(200);
  });

  test('OPTIONS is answered emptily', async () => {
    expect(await api.request('OPTIONS', '/anything')).toMatchObject({ status: 200, body: '' });
  });

  test('swarm routes answer as an engine outside a swarm', async () => {
    const { status, body } = await api.request('GET', '/v1.44/services');
    expect(status).toBe(503);
    expect(JSON.parse(body).message).toStartWith('This node is not a swarm manager.');
  });
});

describe('failures', () => {
  test('a missing container is 404 with its name', async () => {
    const { status, body } = await api.request('GET', '/containers/none/json');
    expect([status, body]).toEqual([404, '{"message":"No such container: none"}\n']);
  });

  test('starting what runs is 304 without a body', async () => {
    const { status, body, headers } = await api.request('POST', '/containers/web/start');
    expect([status, body, headers.has('content-length')]).toEqual([304, '', false]);
  });

  test.each([
    ['/containers/json?limit=x', 'strconv.Atoi: parsing "x": invalid syntax'],
    ['/containers/json?filters={"foo":["a"]}', "invalid filter 'foo'"],
    ['/containers/json?filters={"status":["odd"]}', "invalid filter 'status=odd'"],
    ['/images/json?filters={"dangling":["maybe"]}', "invalid filter 'dangling=[maybe]'"],
    ['/containers/web/logs', 'Bad parameters: you must choose at least one stream'],
    ['/containers/web/stats?one-shot=1', 'cannot have stream=true and one-shot=true'],
  ])('%s is a bad request', async (target, message) => {
    const { status, body } = await api.request('GET', target.replaceAll('"', '%22'));
    expect([status, JSON.parse(body).message]).toEqual([400, message]);
  });

  test('a resize without a size is a bad request', async () => {
    const { status, body } = await api.request('POST', '/containers/web/resize?w=80');
    expect([status, JSON.parse(body).message]).toEqual([400, 'invalid resize height "": value is empty']);
  });
});

describe('create', () => {
  const create = (body: string, head?: string, target = '/containers/create?name=x') =>
    api.request('POST', target, body, head);

  test('hands the decoded request to the engine', async () => {
    const { status, body } = await create('{"Image":"busybox","cmd":["true"],"HostConfig":{"Memory":7}}');
    expect([status, JSON.parse(body)]).toEqual([201, { Id: 'c'.repeat(64), Warnings: [] }]);
    expect(api.engine.calls.at(-1)).toMatchObject([
      'create',
      { name: 'x', config: { Cmd: ['true'] }, hostConfig: { Memory: 7, NetworkMode: 'default' } },
    ]);
  });

  test('of an image that is not there is 404 with its tag spelled out', async () => {
    const { status, body } = await create('{"Image":"nope"}');
    expect([status, body]).toEqual([404, '{"message":"No such image: nope:latest"}\n']);
  });

  test.each([
    ['{}', 'config cannot be empty in order to create a container'],
    ['{"HostConfig":{}}', 'config cannot be empty in order to create a container'],
    ['', 'invalid JSON: got EOF while reading request body'],
    ['{"Image":', 'invalid JSON: Unexpected EOF'],
    ['{"Image":"a"}{}', 'unexpected content after JSON'],
    ['[]', 'json: cannot unmarshal array into Go value of type ContainerConfigWrapper'],
    [
      '{"Image":5}',
      'json: cannot unmarshal number 5 into Go struct field ContainerConfigWrapper.Image of type string',
    ],
  ])('refuses the body %s', async (body, message) => {
    const answer = await create(body);
    expect([answer.status, JSON.parse(answer.body).message]).toEqual([400, message]);
  });

  test('refuses a body of another type', async () => {
    const { status, body } = await create('{"Image":"busybox"}', 'Content-Type: text/plain\r\n');
    expect(status).toBe(400);
    expect(JSON.parse(body).message).toBe(
      "unsupported Content-Type header (text/plain): must be 'application/json'",
    );
  });

  test('takes a content type with a charset', async () => {
    const { status } = await create(
      '{"Image":"busybox"}',
      'Content-Type: application/json; charset=utf-8\r\n',
    );
    expect(status).toBe(201);
  });

  test('of API 1.24 ignores what came later', async () => {
    await create(
      '{"Image":"busybox","HostConfig":{"AutoRemove":true}}',
      undefined,
      '/v1.24/containers/create?platform=linux/arm64',
    );
    expect(api.engine.calls.at(-1)).toMatchObject([
      'create',
      { platform: '', hostConfig: { AutoRemove: false, IpcMode: 'shareable', CgroupnsMode: 'host' } },
    ]);
  });

  test('before 1.44 joins one network only', async () => {
    const networks = '{"Image":"busybox","NetworkingConfig":{"EndpointsConfig":{"a":{},"b":{}}}}';
    const { status, body } = await create(networks, undefined, '/v1.43/containers/create');
    expect([status, JSON.parse(body).message]).toEqual([
      400,
      'Container cannot be created with multiple network endpoints: a, b',
    ]);
    expect((await create(networks, undefined, '/v1.44/containers/create')).status).toBe(201);
  });
});

describe('inspect', () => {
  test('of an image shows VirtualSize only before API 1.44', async () => {
    const read = async (version: string) =>
      JSON.parse((await api.request('GET', `/v${version}/images/busybox/json`)).body);
    expect(await read('1.43')).toMatchObject({ Id: imageId, VirtualSize: 1234 });
    expect(await read('1.44')).not.toHaveProperty('VirtualSize');
  });

  test('of a container repeats the bridge endpoint at the top', async () => {
    const { body } = await api.request('GET', '/v1.51/containers/web/json');
    const { NetworkSettings } = JSON.parse(body);
    expect(NetworkSettings.IPAddress).toBe('172.17.0.2');
    expect(NetworkSettings.Ports).toEqual({
      '80/tcp': [
        { HostIp: '0.0.0.0', HostPort: '8080' },
        { HostIp: '::', HostPort: '8080' },
      ],
      '90/udp': null,
    });
  });

  test('does not escape what HTML would', async () => {
    const { body: created } = await api.request('POST', '/containers/web/exec', '{"Cmd":["echo","<&>"]}');
    const { body } = await api.request('GET', `/exec/${JSON.parse(created).Id}/json`);
    expect(body).toContain('"<&>"');
  });
});

test('a bug of the engine is an internal error in answer and log, and the server goes on', async () => {
  api.engine.containers.top = () => Promise.reject(new TypeError('undefined is not a function'));
  const { status, body } = await api.request('GET', '/containers/web/top');
  expect([status, body]).toEqual([500, '{"message":"undefined is not a function"}\n']);
  expect(api.log.at(-1)).toMatchObject({ level: 'error', fields: { target: '/containers/web/top' } });
});
