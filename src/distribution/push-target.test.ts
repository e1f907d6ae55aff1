import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { digestOf } from '../oci/digest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { parseReference } from '../oci/reference.ts';
import type { Credentials, PushTarget } from './contract.ts';
import { createRegistryClient } from './registry-client.ts';
import { context, failureOf, patience, someone } from './testing/client-bench.ts';
import { failure, RegistryDouble } from './testing/registry-double.ts';
import { UploadDouble } from './testing/upload-double.ts';

let registry: UploadDouble;
beforeEach(async () => {
  registry = await UploadDouble.start();
});
afterEach(() => registry[Symbol.asyncDispose]());

function target(credentials?: Credentials, onWarning?: (text: string) => void): Promise<PushTarget> {
  const client = createRegistryClient(() => ({ registryMirrors: [], insecureRegistries: [] }), patience);
  return client.target(context, parseReference(`${registry.host}/team/app`), credentials, onWarning);
}

const digest = digestOf('blob');

describe('target', () => {
  test('shows the credentials first, and says what is wrong with them', async () => {
    const basic = `Basic ${btoa('user:secret')}`;
    registry.intercept = ({ authorization }) =>
      authorization === basic
        ? undefined
        : { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"' } };
    await target(someone);
    expect(registry.requests.map(({ target: at }) => at)).toEqual(['/v2/', '/v2/']);
    expect(await failureOf(target())).toBe('internal: no basic auth credentials');
    expect(await failureOf(target({ ...someone, password: 'wrong' }))).toBe(
      'internal: unauthorized: authentication required',
    );
  });

  test('does not ask mirrors', async () => {
    await using mirror = new RegistryDouble();
    const settings = { registryMirrors: [mirror.url], insecureRegistries: [], proxies: dead };
    const client = createRegistryClient(() => settings, { ...patience, attempts: 1 });
    expect(await failureOf(client.target(context, parseReference('app'), someone))).toStartWith(
      'internal: Get "https://registry-1.docker.io/v2/": ',
    );
    expect(mirror.requests).toEqual([]);
  });

  test('tells each warning of the registry once', async () => {
    const warning = '299 - "the old registry goes away", 299 - "soon"';
    registry.intercept = ({ method }) =>
      method === 'HEAD' ? { status: 404, headers: { Warning: warning } } : undefined;
    const told: string[] = [];
    const to = await target(undefined, (text) => told.push(text));
    await to.stat(context, digest);
    await to.stat(context, digest);
    expect(told).toEqual(['the old registry goes away', 'soon']);
  });
});

/** Where nobody listens: the Internet is not to be asked by tests. */
const dead = { httpProxy: 'http://127.0.0.1:1', httpsProxy: 'http://127.0.0.1:1', noProxy: '' };

describe('stat', () => {
  test('knows the size of what is there', async () => {
    registry.blobs.set(digest, Buffer.from('blob'));
    const to = await target();
    expect(await to.stat(context, digest)).toBe(4);
    expect(await to.stat(context, digestOf('other'))).toBeUndefined();
  });

  test('is asked again of a registry in trouble', async () => {
    registry.blobs.set(digest, Buffer.from('blob'));
    registry.intercept = ({ method }, nth) => (method === 'HEAD' && nth < 3 ? { status: 503 } : undefined);
    expect(await (await target()).stat(context, digest)).toBe(4);
  });
});

describe('mount', () => {
  test('takes a blob from another repository, with the right to read that', async () => {
    await using tokens = new RegistryDouble();
    const scopes: string[][] = [];
    tokens.intercept = (_, url) => {
      scopes.push(url.searchParams.getAll('scope'));
      return Response.json({ token: `t${scopes.length}` });
    };
    registry.intercept = ({ method, authorization }) => {
      if (method === 'POST' && authorization === 'Bearer t2') return { status: 201 };
      const challenge = `Bearer realm="${tokens.url}/token"`;
      return method === 'GET' && authorization === 'Bearer t1'
        ? undefined
        : { status: 401, headers: { 'WWW-Authenticate': challenge } };
    };
    const to = await target(someone);
    expect(await to.mount(context, digest, 'library/base')).toBe(true);
    expect(await to.mount(context, digest, 'library/base')).toBe(true);
    expect(scopes).toEqual([
      ['repository:team/app:pull,push'],
      ['repository:team/app:pull,push', 'repository:library/base:pull'],
    ]);
    const query = new URLSearchParams({ mount: digest, from: 'library/base' });
    expect(registry.of('POST').at(-1)?.target).toBe(`/v2/team/app/blobs/uploads/?${query}`);
  });

  test('leaves the upload that a registry begins instead', async () => {
    expect(await (await target()).mount(context, digest, 'library/base')).toBe(false);
    expect(registry.methods).toEqual(['POST', 'DELETE']);
    expect(registry.uploads.size).toBe(0);
  });

  test.each([401, 403, 404, 405, 500])('is not possible where the registry answers %d', async (status) => {
    registry.intercept = ({ method }) => (method === 'POST' ? { status } : undefined);
    expect(await (await target()).mount(context, digest, 'library/base')).toBe(false);
  });
});

describe('putManifest', () => {
  const bytes = Buffer.from('{"schemaVersion": 2}');

  test('stores the bytes as they are under a tag or a digest', async () => {
    await using whole = new RegistryDouble();
    const bodies: string[] = [];
    whole.intercept = async (request) => {
      if (request.method === 'PUT') bodies.push(await request.text());
      return new Response(null, { status: request.method === 'PUT' ? 201 : 200 });
    };
    const client = createRegistryClient(() => ({ registryMirrors: [], insecureRegistries: [] }), patience);
    const to = await client.target(context, parseReference(`${whole.host}/app`), undefined);
    for (const name of ['1.0', digestOf(bytes)]) {
      expect(await to.putManifest(context, name, mediaTypes.ociManifest, bytes)).toBe(digestOf(bytes));
    }
    expect(bodies).toEqual([bytes.toString(), bytes.toString()]);
    expect(whole.targets.slice(1)).toEqual(['/v2/app/manifests/1.0', `/v2/app/manifests/${digestOf(bytes)}`]);
  });

  test('fails where the registry stored something else', async () => {
    registry.intercept = ({ method }) =>
      method === 'PUT' ? { status: 201, headers: { 'Docker-Content-Digest': digest } } : undefined;
    expect(await failureOf((await target()).putManifest(context, 'x', mediaTypes.ociManifest, bytes))).toBe(
      `data-loss: the registry stored ${digest} for ${digestOf(bytes)}`,
    );
  });

  test.each([
    [403, 'DENIED', 'permission-denied: denied: no'],
    [400, 'MANIFEST_BLOB_UNKNOWN', 'internal: manifest blob unknown: no'],
    [413, 'SIZE_INVALID', 'internal: size invalid: no'],
  ])('tells a refusal with %d %s', async (status, code, expected) => {
    const body = await failure(status, code, 'no').text();
    registry.intercept = ({ method }) => (method === 'PUT' ? { status, body } : undefined);
    const to = await target();
    expect(await failureOf(to.putManifest(context, 'x', mediaTypes.ociManifest, bytes))).toBe(expected);
  });

  test.each(['', '../x', 'a b', 'sha256:12'])('refuses the name %p', async (name) => {
    const to = await target();
    expect(await failureOf(to.putManifest(context, name, mediaTypes.ociManifest, bytes))).toBe(
      'invalid-argument: invalid reference format',
    );
  });
});
