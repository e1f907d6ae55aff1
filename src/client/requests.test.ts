import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, connect } from './client.ts';
import * as files from './container-files.ts';
import { containerPorts } from './containers.ts';
import { ProtocolError } from './errors.ts';
import * as contents from './image-contents.ts';
import * as images from './images.ts';
import { pruneNetworks } from './networks.ts';
import * as registries from './registries.ts';
import * as system from './system.ts';
import { pruneVolumes } from './volumes.ts';

const directory = mkdtempSync(join(tmpdir(), 'client-requests-'));
const socket = join(directory, 's');
const id = `sha256:${'a'.repeat(64)}`;
const stat = { name: 'ü', size: 1, mode: 2 ** 31, mtime: '1970-01-01T00:00:00Z', linkTarget: '' };

let asked: { request: string; headers: Headers; body: string }[] = [];
let answer: () => Response = () => Response.json({ Id: id });
let server: ReturnType<typeof Bun.serve>;
let client: Client;

beforeAll(() => {
  server = Bun.serve({
    unix: socket,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const target = decodeURIComponent(`${pathname}${search}`.replace('/v1.51', ''));
      asked.push({
        request: `${request.method} ${target}`,
        headers: request.headers,
        body: await request.text(),
      });
      return answer();
    },
  });
  client = connect({ host: `unix://${socket}`, version: '1.51' });
});

afterAll(async () => {
  client.close();
  await server.stop(true);
  rmSync(directory, { recursive: true });
});

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
  return text;
}

const filters = { label: { a: true } };
const filtered = 'filters={"label":{"a":true}}';
const platform = { os: 'linux', architecture: 'arm' };

const simple: [string, () => Promise<unknown>][] = [
  ['GET /images/json?shared-size=1', () => images.listImages(client, { sharedSize: true })],
  [`POST /images/prune?${filtered}`, () => images.pruneImages(client, filters)],
  ['POST /volumes/prune', () => pruneVolumes(client)],
  [`POST /networks/prune?${filtered}`, () => pruneNetworks(client, filters)],
  [
    'POST /build/prune?all=1&reserved-space=5',
    () => system.pruneBuildCache(client, { all: true, reservedSpace: 5 }),
  ],
  ['GET /system/df', () => system.diskUsage(client)],
  ['GET /system/df?type=image&type=volume', () => system.diskUsage(client, ['image', 'volume'])],
  [
    `GET /images/search?${filtered}&limit=3&term=host/a+b`,
    () => registries.searchImages(client, 'host/a b', { limit: 3, filters }),
  ],
  ['GET /distribution/host:5000/a/b:c/json', () => registries.inspectDistribution(client, 'host:5000/a/b:c')],
  ['GET /images/mounts', () => contents.listImageMounts(client)],
  ['POST /images/host:5000/a/mount', () => contents.mountImage(client, 'host:5000/a')],
  ['GET /images/a/b/layers', () => contents.imageLayers(client, 'a/b')],
  [
    'POST /commit?author=me&changes=CMD+a&container=web&pause=0&repo=mine&tag=1',
    () =>
      files.commitContainer(client, 'web', {
        ...{ repository: 'mine', tag: '1', author: 'me', changes: ['CMD a'], pause: false },
      }),
  ],
  ['GET /containers/web/changes', () => files.containerChanges(client, 'web')],
  ['GET /containers/web/ports', () => containerPorts(client, 'web')],
];

describe('a request', () => {
  test.each(simple)('%s', async (request, send) => {
    asked = [];
    await send();
    expect(asked.map((one) => one.request)).toEqual([request]);
  });

  test('to push shows the credentials, and has the platform in JSON', async () => {
    asked = [];
    answer = () => new Response('{"status":"x"}\r\n');
    const auth = registries.encodeAuth({ username: 'ü>', password: '??' });
    expect(await textOf(await images.pushImage(client, 'host/a', { tag: '1', platform, auth }))).toBe(
      '{"status":"x"}\r\n',
    );
    const [{ request, headers } = { request: '', headers: new Headers() }] = asked;
    expect(request).toBe(`POST /images/host/a/push?platform={"architecture":"arm","os":"linux"}&tag=1`);
    expect(headers.get('x-registry-auth')).toBe(auth);
    expect(auth).not.toMatch(/[+/]/);
    expect(JSON.parse(Buffer.from(auth, 'base64url').toString())).toEqual({ username: 'ü>', password: '??' });
  });

  test('to save names all images', async () => {
    asked = [];
    answer = () => new Response('tar');
    expect(await textOf(await images.saveImages(client, ['a', 'b'], [platform]))).toBe('tar');
    expect(asked[0]?.request).toBe(
      'GET /images/get?names=a&names=b&platform={"os":"linux","architecture":"arm"}',
    );
  });

  test('to log in has the credentials in its body', async () => {
    asked = [];
    answer = () => Response.json({ Status: 'Login Succeeded', IdentityToken: '' });
    const { Status } = await registries.authenticate(client, { username: 'u', serveraddress: 'host' });
    expect(Status).toBe('Login Succeeded');
    expect(asked[0]).toMatchObject({
      request: 'POST /auth',
      body: '{"username":"u","serveraddress":"host"}',
    });
  });

  test('to commit without a configuration has no body', async () => {
    asked = [];
    answer = () => Response.json({ Id: id });
    expect(await files.commitContainer(client, 'web')).toBe(id);
    expect(asked[0]).toMatchObject({ request: 'POST /commit?container=web', body: '' });
  });
});

describe('the archive of a container', () => {
  const header = { 'X-Docker-Container-Path-Stat': Buffer.from(JSON.stringify(stat)).toString('base64') };

  test('tells what is at a path', async () => {
    asked = [];
    answer = () => new Response(null, { headers: header });
    expect(await files.statContainerPath(client, 'web', '/a b')).toEqual(stat);
    expect(asked[0]?.request).toBe('HEAD /containers/web/archive?path=/a+b');
  });

  test('is read with what is at the path', async () => {
    answer = () => new Response('tar', { headers: header });
    const read = await files.readContainerPath(client, 'web', '/a');
    expect([read.stat, await textOf(read.tar)]).toEqual([stat, 'tar']);
  });

  test('without the header, or with one that cannot be read, is a broken answer', async () => {
    answer = () => new Response('tar');
    await expect(files.readContainerPath(client, 'web', '/a')).rejects.toBeInstanceOf(ProtocolError);
    answer = () => new Response('tar', { headers: { 'X-Docker-Container-Path-Stat': 'bm8=' } });
    await expect(files.readContainerPath(client, 'web', '/a')).rejects.toBeInstanceOf(ProtocolError);
  });

  test('takes a tar', async () => {
    asked = [];
    answer = () => new Response();
    await files.writeContainerPath(client, 'web', '/a', bytes('tar'), {
      noOverwriteDirNonDir: true,
      copyOwners: true,
    });
    expect(asked[0]).toMatchObject({
      request: 'PUT /containers/web/archive?copyUIDGID=true&noOverwriteDirNonDir=true&path=/a',
      body: 'tar',
    });
    expect(asked[0]?.headers.get('content-type')).toBe('application/x-tar');
  });

  test('is exported whole', async () => {
    answer = () => new Response('tar');
    expect(await textOf(await files.exportContainer(client, 'web'))).toBe('tar');
  });

  test('has no changes where the daemon says null', async () => {
    answer = () => Response.json(null);
    expect(await files.containerChanges(client, 'web')).toEqual([]);
  });
});

describe('the view of an image', () => {
  test.each([
    [204, true],
    [304, false],
  ])('is taken away by the whole ID: %d is %p', async (status, expected) => {
    asked = [];
    answer = () => (asked.length === 1 ? Response.json({ Id: id }) : new Response(null, { status }));
    expect(await contents.unmountImage(client, 'host:5000/a')).toBe(expected);
    expect(asked.map(({ request }) => request)).toEqual([
      'GET /images/host:5000/a/json',
      `DELETE /images/${id}/mount`,
    ]);
  });

  test('is told layer by layer', async () => {
    answer = () =>
      new Response('{"Kind":"added","Path":"/a","Size":1}\n{"Kind":"removed","Path":"/b","Size":0}\n');
    const changes = await Array.fromAsync(await contents.imageLayerChanges(client, 'a/b', id));
    expect(changes.map(({ Path }) => Path)).toEqual(['/a', '/b']);
    expect(asked.at(-1)?.request).toBe(`GET /images/a/b/layers/${id}/changes`);
  });
});
