import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { BuildRequest, CachePruneOptions } from '../build/contract.ts';
import { hostPlatform } from '../oci/platform.ts';
import { imageId } from './testing/samples.ts';
import { startTestServer, type TestServer } from './testing/test-server.ts';

let api: TestServer;

beforeEach(async () => {
  api = await startTestServer();
});

afterEach(() => api[Symbol.asyncDispose]());

const upload = 'Content-Type: application/x-tar\r\n';

async function build(query: string, head = upload): Promise<{ status: number; messages: unknown[] }> {
  const { status, body } = await api.request('POST', `/build?${query}`, 'tar', head);
  return {
    status,
    messages: body
      .trim()
      .split('\r\n')
      .map((line) => JSON.parse(line)),
  };
}

/** What the builder was asked for. */
async function asked(query: Readonly<Record<string, string>>, head?: string): Promise<BuildRequest> {
  const { status, messages } = await build(new URLSearchParams(query).toString(), head);
  expect([status, messages[0]]).toEqual([200, { stream: 'Step 1/1 : FROM scratch\n' }]);
  return api.engine.calls.find(([name]) => name === 'build')?.[1] as BuildRequest;
}

describe('POST /build', () => {
  test("asks for a build with Docker's defaults", async () => {
    expect(await asked({})).toMatchObject({
      ...{
        id: '',
        dockerfile: 'FROM scratch',
        filename: 'Dockerfile',
        namedContexts: {},
        target: '',
        args: {},
      },
      ...{ labels: {}, platforms: [hostPlatform()], tags: [], noCache: false, pull: false, network: '' },
      ...{ extraHosts: [], cacheFrom: [], style: 'classic', limits: { memory: 0, shmSize: 0, ulimits: [] } },
    });
    expect(api.engine.calls.map(([name]) => name)).toEqual(['openContext', 'build', 'closeContext']);
  });

  test('keeps no failed step for whoever is not told of it, and finds agents by their own names alone', async () => {
    const { debug, ssh } = await asked({ debug: '1', ssh: '{"default":"/agent"}' });
    expect(debug).toBe(false);
    expect(['default', 'constructor', '__proto__'].map((id) => ssh(id))).toEqual([
      '/agent',
      undefined,
      undefined,
    ]);
  });

  test('understands every parameter', async () => {
    const request = await asked({
      ...{ dockerfile: 'a/b', buildid: 'me', target: 'x', nocache: '1', pull: 'true', networkmode: 'host' },
      ...{
        buildargs: '{"A":"1","B":null}',
        labels: '{"l":"m"}',
        cachefrom: '["one"]',
        platform: 'linux/arm64',
      },
      ...{
        memory: '1',
        memswap: '-1',
        cpushares: '2',
        cpuperiod: '3',
        cpuquota: '4',
        cpusetcpus: '0',
        cpusetmems: '1',
      },
      ...{
        shmsize: '5',
        cgroupparent: '/g',
        ulimits: '[{"Name":"nofile","Soft":1,"Hard":2}]',
        t: 'one/x',
      },
      ...{ extrahosts: 'a:1.2.3.4', ssh: '{"default":"/agent"}' },
    });
    expect(request).toMatchObject({
      ...{
        id: 'me',
        target: 'x',
        noCache: true,
        pull: true,
        network: 'host',
        args: { A: '1' },
        labels: { l: 'm' },
      },
      ...{ cacheFrom: ['one'], platforms: [{ os: 'linux', architecture: 'arm64' }], tags: ['one/x:latest'] },
      ...{ extraHosts: ['a:1.2.3.4'] },
      limits: {
        ...{
          memory: 1,
          memorySwap: -1,
          cpuShares: 2,
          cpuPeriod: 3,
          cpuQuota: 4,
          cpusetCpus: '0',
          cpusetMems: '1',
        },
        ...{ shmSize: 5, cgroupParent: '/g', ulimits: [{ name: 'nofile', soft: 1, hard: 2 }] },
      },
    });
    expect([request.ssh('default'), request.ssh('other')]).toEqual(['/agent', undefined]);
    expect(api.engine.calls[0]).toEqual(['openContext', 'a/b']);
  });

  test('takes stages for which the cache is not asked, and named contexts', async () => {
    const contexts = JSON.stringify({
      a: 'docker-image://debian',
      b: 'context:1',
      c: 'https://x.example/y.tar',
    });
    const request = await asked({ nocachefilter: '["one"]', contexts });
    expect(request.noCache).toEqual(['one']);
    expect(request.namedContexts).toMatchObject({
      a: { image: 'debian' },
      b: { digest: imageId },
      c: { digest: imageId },
    });
    expect(api.engine.calls.filter(([name]) => name === 'closeContext')).toHaveLength(3);
  });

  test("knows registries' credentials from a header, and secrets that were kept", async () => {
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const configs = {
      'https://index.docker.io/v1/': { username: 'hub' },
      'r.example:5000': { username: 'own' },
    };
    const body = JSON.stringify({ Secrets: { s: Buffer.from('hidden').toString('base64') } });
    const sent = await api.request('POST', '/build/secrets', body, 'Content-Type: application/json\r\n');
    const request = await asked(
      { secrets: JSON.parse(sent.body).ID },
      `${upload}X-Registry-Config: ${encode(configs)}\r\n`,
    );
    expect((await request.credentials('docker.io'))?.username).toBe('hub');
    expect((await request.credentials('r.example:5000'))?.username).toBe('own');
    expect(await request.credentials('other.example')).toBeUndefined();
    expect(Buffer.from((await request.secrets('s')) ?? []).toString()).toBe('hidden');
    expect(await request.secrets('t')).toBeUndefined();
    expect((await build('', `${upload}X-Registry-Config: ?\r\n`)).status).toBe(200);
    expect((await api.request('POST', '/build?secrets=other', 'tar', upload)).status).toBe(404);
  });

  test.each([
    ['squash=1', 400, 'squash is only supported with experimental mode'],
    ['version=x', 400, 'invalid version x'],
    ['version=2', 400, 'a build of version 2 needs a session'],
    ['session=x', 400, 'a build with a session needs version=2'],
    [
      'version=2&session=x&remote=upload',
      501,
      'a context from "upload" is not supported in a session: send version=1',
    ],
    ['outputs=[{}]', 501, 'outputs other than an image of this engine are not supported'],
    ['securityopt=x', 400, 'The daemon on this platform does not support setting security options on build'],
    ['memory=-5', 400, 'Minimum memory limit allowed is 6MB'],
    ['isolation=hyperv', 400, 'Unsupported isolation: "hyperv"'],
    ['buildargs=[]', 400, 'error reading build args: not an object'],
    ['buildargs={%22A%22:1}', 400, 'error reading build args: a value is no text'],
    ['labels={', 400, 'error reading labels: not JSON'],
    ['ulimits=[{}]', 400, 'error reading ulimit settings: each needs Name, Soft and Hard'],
    ['cachefrom={}', 400, 'error reading cachefrom: not a list'],
    ['t=a@sha256:1', 400, 'invalid reference format'],
  ])('refuses %s', async (query, status, message) => {
    expect(await build(query)).toEqual({ status, messages: [{ message }] });
    expect(api.engine.calls).toEqual([]);
  });

  test('tells a failure as the last message', async () => {
    const { status, messages } = await build('target=bad');
    expect([status, messages.at(-1)]).toEqual([
      200,
      { errorDetail: { message: 'no such stage' }, error: 'no such stage' },
    ]);
  });

  test('with events says what happens as objects', async () => {
    const { messages } = await build('progress=events&platform=linux/amd64,linux/arm64');
    expect(messages).toEqual([
      { aux: { ID: imageId, New: true, Platform: 'linux/amd64' } },
      { aux: { ID: imageId, New: true, Platform: 'linux/arm64' } },
    ]);
    api.engine.builder.openContext = async () => {
      throw new Error('no Dockerfile');
    };
    const { messages: refused } = await build('progress=events');
    expect(refused).toMatchObject([{ failure: { message: 'no Dockerfile' } }]);
  });

  test('with events says why there is no image', async () => {
    const failed = await build('progress=events&target=bad');
    const failure = { message: 'no such stage', code: 0, digest: '', lines: null, excerpt: '' };
    expect(failed).toEqual({ status: 200, messages: [{ failure }] });
  });
});

describe('contexts of builds', () => {
  test('are compared by the names of their listings', async () => {
    const names = 'a'.repeat(32) + 'b'.repeat(32);
    const { status, body } = await api.request('POST', '/build/contexts/compare?key=k', names, upload);
    expect([status, JSON.parse(body)]).toEqual([200, { ID: 'compared', Unknown: [0] }]);
    expect(api.engine.calls).toEqual([['compareContext', 'k', ['61'.repeat(32), '62'.repeat(32)], false]]);
    const torn = names.slice(1);
    expect((await api.request('POST', '/build/contexts/compare?key=k', torn, upload)).status).toBe(400);
  });

  test('are needed as far as their Dockerfile and the parameters say', async () => {
    const named = encodeURIComponent('{"i":"docker-image://busybox","t":"context:x"}');
    const target = `/build/contexts/paths?progress=events&contexts=${named}`;
    const ask = async (text: string): Promise<unknown> =>
      JSON.parse((await api.request('POST', target, text, upload)).body);
    expect(await ask('FROM part')).toEqual({ Paths: ['a'] });
    expect(await ask('FROM all')).toEqual({});
    expect(api.engine.calls[0]).toEqual([
      'contextPaths',
      'FROM part',
      { i: { image: 'busybox' }, t: undefined },
    ]);
  });

  test('are listed as they are, one listing a line', async () => {
    const lines = '["",null,0]\n["d",493,1,["f",33188,5,1,""]]';
    const { status, body } = await api.request('POST', '/build/contexts/list?context=c', lines, upload);
    expect([status, JSON.parse(body)]).toEqual([200, { Wanted: [1] }]);
    expect(api.engine.calls).toEqual([['listContext', 'c', lines.split('\n')]]);
    const long = '.'.repeat((4 << 20) + 1);
    expect((await api.request('POST', '/build/contexts/list?context=c', long, upload)).status).toBe(400);
  });

  test('are taken in by themselves', async () => {
    const { status, body } = await api.request('POST', '/build/contexts', 'tar', upload);
    expect([status, JSON.parse(body)]).toEqual([201, { ID: 'uploaded' }]);
  });
});

test('a build is cancelled by its ID', async () => {
  expect((await api.request('POST', '/build/cancel?id=me')).status).toBe(200);
  expect((await api.request('POST', '/build/cancel')).status).toBe(400);
  expect(api.engine.calls).toEqual([['cancel', 'me']]);
});

describe('POST /build/prune', () => {
  /** Whether the record of the fake engine is taken; see there what it is. */
  async function takes(filters: object): Promise<boolean> {
    api.engine.calls.length = 0;
    await api.request('POST', `/build/prune?filters=${encodeURIComponent(JSON.stringify(filters))}`);
    return api.engine.calls[0]?.[2] as boolean;
  }

  test.each<[filters: Record<string, string[]>, taken: boolean]>([
    [{}, true],
    [{ until: ['1h'] }, true],
    [{ until: ['2000-01-01T00:00:00Z'] }, false],
    [{ id: ['a1b'] }, true],
    [{ id: ['b1'] }, false],
    [{ id: ['b1', 'a1b2c3'] }, true],
    [{ parent: ['d4e5f6'] }, true],
    [{ parent: ['a1b2c3'] }, false],
    [{ type: ['regular'] }, true],
    [{ type: ['source.local'] }, false],
    [{ description: ['RUN make'] }, true],
    [{ description: ['COPY'] }, false],
    [{ inuse: ['true'] }, false],
    [{ inuse: ['false'] }, true],
    [{ shared: [''] }, true],
    [{ shared: ['0'] }, false],
    [{ private: ['1'] }, false],
  ])('understands the filters %j', async (filters, taken) => {
    expect(await takes(filters)).toBe(taken);
  });

  test('hands its limits on', async () => {
    await api.request('POST', '/build/prune?all=1&keep-storage=1&max-used-space=2&min-free-space=3');
    const wanted = { all: true, reservedSpace: 1, maxUsedSpace: 2, minFreeSpace: 3 };
    expect(api.engine.calls[0]?.[1] as CachePruneOptions).toMatchObject(wanted);
    await api.request('POST', '/build/prune?keep-storage=1&reserved-space=9');
    expect(api.engine.calls[1]?.[1] as CachePruneOptions).toMatchObject({ all: false, reservedSpace: 9 });
  });
});
