import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import { codeOf } from '../base/errors.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import type { Descriptor } from '../oci/image.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { parseReference } from '../oci/reference.ts';
import type { Credentials, RemoteImage } from './contract.ts';
import { createRegistryClient } from './registry-client.ts';
import { failure, RegistryDouble, selfSigned, startBreakingServer } from './testing/registry-double.ts';
import { Transport } from './transport.ts';

const context = background();
const patience = { stall: 300, attempts: 3, firstDelay: 1, longestDelay: 4, longestWait: 2_000 };
const platform = { os: 'linux', architecture: 'amd64' };
const someone: Credentials = { username: 'user', password: 'secret', identityToken: '', registryToken: '' };

let registry: RegistryDouble;
beforeEach(() => {
  registry = new RegistryDouble();
});
afterEach(() => registry[Symbol.asyncDispose]());

function resolve(
  name: string,
  credentials?: Credentials,
  registryMirrors: string[] = [],
): Promise<RemoteImage> {
  const client = createRegistryClient(() => ({ registryMirrors, insecureRegistries: [] }), patience);
  return client.resolve(context, parseReference(name), { platform, credentials });
}

const here = (name: string): string => `${registry.host}/${name}`;

/** What a promise fails with: its code and message. */
async function failureOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => 'it did not fail',
    (error) => `${codeOf(error)}: ${error.message}`,
  );
}

async function read(image: RemoteImage, layer: Descriptor): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of image.layer(context, layer)) parts.push(part);
  return Buffer.concat(parts);
}

describe('resolve', () => {
  test('finds an image by tag and by digest, and its configuration', async () => {
    const layer = registry.addBlob('layer');
    const { digest } = registry.addImage('team/app', '1', [layer]);
    for (const name of ['team/app:1', `team/app@${digest}`]) {
      const image = await resolve(here(name));
      expect([image.digest, image.manifestDigest]).toEqual([digest, digest]);
      expect(image.manifest.layers).toEqual([layer]);
      expect(digestOf(await image.config(context, 1_000))).toBe(image.manifest.config.digest);
      expect((await read(image, layer)).toString()).toBe('layer');
    }
  });

  test('chooses the platform through nested indexes', async () => {
    const of = (architecture: string) => ({
      ...registry.addImage('app', undefined, [], [], { os: 'linux', architecture }),
      platform: { os: 'linux', architecture },
    });
    const wanted = of('amd64');
    const inner = registry.addIndex('app', undefined, [of('arm64'), wanted]);
    const outer = registry.addIndex('app', 'latest', [of('s390x'), inner]);
    const image = await resolve(here('app'));
    expect(image.digest).toBe(outer.digest);
    expect(image.manifestDigest).toBe(wanted.digest);
    expect(image.documents.map(({ digest }) => digest)).toEqual([outer.digest, inner.digest, wanted.digest]);
  });

  test('without a fitting platform fails', async () => {
    const other = {
      ...registry.addImage('app', undefined, []),
      platform: { os: 'linux', architecture: 'mips' },
    };
    registry.addIndex('app', 'latest', [other]);
    expect(await failureOf(resolve(here('app')))).toStartWith(
      'not-found: no matching manifest for linux/amd64 in the manifest list entries',
    );
  });

  test('does not follow indexes without end', async () => {
    let inner = registry.addIndex('app', undefined, []);
    for (let depth = 0; depth < 9; depth++) inner = registry.addIndex('app', `deep${depth}`, [inner]);
    expect(await failureOf(resolve(here('app:deep8')))).toBe(
      'invalid-argument: invalid index: nested too deeply',
    );
  });

  test('does not follow an index that claims to hold itself', async () => {
    const self = digestOf('anything');
    const index = registry.addIndex('app', 'loop', [
      { mediaType: mediaTypes.ociIndex, digest: self, size: 5 },
    ]);
    registry.intercept = (_, url) =>
      url.pathname.endsWith(self) ? new Response(JSON.stringify(index)) : undefined;
    expect(await failureOf(resolve(here('app:loop')))).toStartWith(`data-loss: the manifest ${self} `);
    expect(registry.requests).toHaveLength(2);
  });

  const layers: never[] = [];
  const config = { mediaType: mediaTypes.ociConfig, digest: digestOf('x'), size: 1 };
  test.each([
    [
      'schema version 1',
      { schemaVersion: 1, name: 'x' },
      'application/vnd.docker.distribution.manifest.v1+prettyjws',
      'schema version 1, which is not supported',
    ],
    [
      'what is both',
      { schemaVersion: 2, config, layers, manifests: [] },
      mediaTypes.ociManifest,
      'neither clearly',
    ],
    ['what is neither', { schemaVersion: 2 }, mediaTypes.ociManifest, 'neither clearly'],
    [
      'an index sent as a manifest',
      { schemaVersion: 2, manifests: [] },
      mediaTypes.ociManifest,
      'not what its media type',
    ],
    [
      'two media types',
      { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] },
      mediaTypes.dockerManifestList,
      'its media type is',
    ],
    [
      'a chart',
      {
        schemaVersion: 2,
        config: { ...config, mediaType: 'application/vnd.cncf.helm.config.v1+json' },
        layers,
      },
      mediaTypes.ociManifest,
      'this is not a container image',
    ],
    [
      'a foreign digest',
      { schemaVersion: 2, config: { ...config, digest: 'sha256:12' }, layers },
      mediaTypes.ociManifest,
      'is not a sha256 digest',
    ],
    [
      'a negative size',
      { schemaVersion: 2, config: { ...config, size: -1 }, layers },
      mediaTypes.ociManifest,
      'not a number of bytes',
    ],
    [
      'a million layers',
      { schemaVersion: 2, config, layers: Array(5_000).fill(0) },
      mediaTypes.ociManifest,
      'at most 4096',
    ],
    ['no JSON', '<html>', mediaTypes.ociManifest, 'not a JSON object'],
  ])('refuses %s', async (_, document, type, message) => {
    registry.addManifest('app', 'latest', document, type);
    const told = await failureOf(resolve(here('app')));
    expect(told).toStartWith('invalid-argument: ');
    expect(told).toContain(message);
  });

  test('refuses a manifest that is too large, without reading it all', async () => {
    registry.intercept = () => new Response(new Uint8Array(64 << 20));
    expect(await failureOf(resolve(here('app')))).toStartWith('exhausted: ');
  });

  test('refuses another manifest than the digest names, or than the header says', async () => {
    const { digest } = registry.addImage('app', '1', []);
    const other = registry.addImage('app', '2', [registry.addBlob('x')]);
    registry.intercept = (request) =>
      registry.serve(request, new URL(`${registry.url}/v2/app/manifests/${other.digest}`));
    expect(await failureOf(resolve(here(`app@${digest}`)))).toBe(
      `data-loss: the registry sent ${other.digest} for ${digest}`,
    );
    registry.intercept = (request, url) => {
      const answer = registry.serve(request, url);
      answer.headers.set('docker-content-digest', digest);
      return answer;
    };
    expect(await failureOf(resolve(here('app:2')))).toStartWith('data-loss: ');
  });

  test("says in Docker's words what is not there", async () => {
    expect(await failureOf(resolve(here('app:1')))).toBe(
      `not-found: manifest for ${here('app:1')} not found: manifest unknown: manifest unknown`,
    );
    registry.intercept = () => failure(404, 'NAME_UNKNOWN', 'repository name not known to registry');
    expect(await failureOf(resolve(here('app')))).toBe(
      `not-found: repository ${here('app')} not found: name unknown: repository name not known to registry`,
    );
    registry.intercept = () => failure(403, 'DENIED', 'requested access to the resource is denied');
    expect(await failureOf(resolve(here('app')))).toBe(
      `not-found: pull access denied for ${here('app')}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
    );
    registry.intercept = () => new Response(null, { status: 401 });
    expect(await failureOf(resolve(here('app')))).toBe('internal: unauthorized: authentication required');
  });

  test('says where nobody answers', async () => {
    const host = registry.host;
    await registry[Symbol.asyncDispose]();
    expect(await failureOf(resolve(`${host}/app`))).toStartWith(
      `internal: Get "http://${host}/v2/app/manifests/latest": `,
    );
  });

  test('asks the mirrors of Docker Hub in turn, without credentials', async () => {
    await using empty = new RegistryDouble();
    const { digest } = registry.addImage('library/app', 'latest', []);
    const image = await resolve('app', someone, [empty.url, registry.url]);
    expect(image.digest).toBe(digest);
    expect(empty.targets).toEqual(['/v2/library/app/manifests/latest']);
    registry.intercept = () =>
      new Response(null, { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"' } });
    await using last = new RegistryDouble();
    last.addImage('library/app', 'latest', []);
    await resolve('app', someone, [registry.url, last.url]);
    expect(registry.requests.every(({ authorization }) => authorization === null)).toBe(true);
  });

  test('gives up at once when its caller does', async () => {
    const stop = new AbortController();
    registry.intercept = () => {
      stop.abort(new Error('enough'));
      return new Promise(() => {});
    };
    const client = createRegistryClient(() => ({ registryMirrors: [], insecureRegistries: [] }), patience);
    const options = { platform, credentials: undefined };
    const work = client.resolve({ ...context, signal: stop.signal }, parseReference(here('app')), options);
    expect(await failureOf(work)).toBe('internal: enough');
  });
});

describe('tags', () => {
  test('come page by page', async () => {
    registry.intercept = (_, url) => {
      const last = Number(url.searchParams.get('last') ?? 0);
      const link = last < 2 ? { Link: `</v2/app/tags/list?last=${last + 1}>; rel="next"` } : {};
      return Response.json({ name: 'app', tags: [`v${last}`] }, { headers: link as Record<string, string> });
    };
    const client = createRegistryClient(() => ({ registryMirrors: [], insecureRegistries: [] }), patience);
    expect(await client.tags(context, parseReference(here('app')), undefined)).toEqual(['v0', 'v1', 'v2']);
  });
});

describe('authentication', () => {
  /** Lets in who shows the header; others get the challenge. */
  function guard(expected: string, challenge: string): void {
    registry.intercept = (request, url) => {
      if (url.pathname === '/token') return undefined;
      if (request.headers.get('authorization') === expected) return undefined;
      return failure(401, 'UNAUTHORIZED', 'authentication required', { 'WWW-Authenticate': challenge });
    };
  }

  test('with name and password', async () => {
    registry.addImage('app', 'latest', []);
    guard(`Basic ${btoa('user:secret')}`, 'Basic realm="x"');
    await resolve(here('app'), someone);
    expect(await failureOf(resolve(here('app'), { ...someone, password: 'wrong' }))).toBe(
      'internal: unauthorized: authentication required',
    );
    expect(await failureOf(resolve(here('app')))).toBe('internal: unauthorized: authentication required');
  });

  test('with a token, which is fetched once for all layers', async () => {
    await using tokens = new RegistryDouble();
    tokens.intercept = () => Response.json({ token: 'abc', expires_in: 60 });
    const layers = ['a', 'b', 'c'].map((text) => registry.addBlob(text));
    registry.addImage('team/app', 'latest', layers);
    guard('Bearer abc', `Bearer realm="${tokens.url}/token?x=y",service="the service"`);
    const image = await resolve(here('team/app'), someone);
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
    const layer = registry.addBlob('layer');
    registry.addImage('app', 'latest', [layer]);
    guard('Bearer t1', `Bearer realm="${tokens.url}/token"`);
    const image = await resolve(here('app'));
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
    registry.addImage('app', 'latest', []);
    guard('Bearer abc', `Bearer realm="${tokens.url}/token",service=s`);
    await resolve(here('app'), { ...someone, identityToken: 'refresh' });
    expect(Object.fromEntries(new URLSearchParams(form))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'refresh',
      service: 's',
      scope: 'repository:app:pull',
      client_id: 'sampan',
    });
    await resolve(here('app'), { ...someone, registryToken: 'abc' });
    expect(tokens.requests).toHaveLength(1);
  });

  test('is told as denied where the scope does not suffice', async () => {
    await using tokens = new RegistryDouble();
    tokens.intercept = () => Response.json({ token: 'weak' });
    guard('Bearer strong', `Bearer realm="${tokens.url}/token",error="insufficient_scope"`);
    expect(await failureOf(resolve(here('app')))).toContain(
      "repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    );
  });

  test.each(['ftp://x/', 'http://registry.example/token', '', 'token'])(
    'does not take %p for a token server of a registry reached by TLS',
    async (realm) => {
      const { Authorizer } = await import('./authorization.ts');
      const settings = () => ({ registryMirrors: [], insecureRegistries: [] });
      const authorizer = new Authorizer({} as never, settings, someone, 'scope');
      const asked = authorizer.answer(
        context,
        new URL('https://registry.example'),
        `Bearer realm="${realm}"`,
        undefined,
      );
      expect(await failureOf(asked)).toContain('as its token server: not an https URL');
    },
  );

  test('a token that would split the header is not taken', async () => {
    await using tokens = new RegistryDouble();
    tokens.intercept = () => Response.json({ token: 'a\r\nX-Evil: 1' });
    guard('Bearer x', `Bearer realm="${tokens.url}/token"`);
    expect(await failureOf(resolve(here('app')))).toContain('did not give a token');
  });

  test('is never shown to another host that the registry redirects to', async () => {
    await using other = new RegistryDouble();
    const layer = other.addBlob('layer');
    registry.addBlob('layer');
    registry.addImage('app', 'latest', [layer]);
    registry.intercept = (request, url) => {
      if (request.headers.get('authorization') === null) {
        return new Response(null, { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"' } });
      }
      const target = `http://evil:word@${other.host}/v2/app/blobs/${layer.digest}`;
      return url.pathname.endsWith(layer.digest) ? Response.redirect(target, 307) : undefined;
    };
    const image = await resolve(here('app'), someone);
    expect((await read(image, layer)).toString()).toBe('layer');
    expect(registry.requests.at(-1)?.authorization).not.toBeNull();
    expect(other.requests.map(({ authorization }) => authorization)).toEqual([null]);
  });
});

describe('TLS', () => {
  test('of a registry that may be insecure is not verified, and comes before plain HTTP', async () => {
    await using secure = new RegistryDouble(selfSigned());
    const { digest } = secure.addImage('app', 'latest', []);
    expect((await resolve(`${secure.host}/app`)).digest).toBe(digest);
  });

  test('of other registries is verified', async () => {
    await using secure = new RegistryDouble(selfSigned());
    const transport = new Transport(() => ({ registryMirrors: [], insecureRegistries: [] }), patience);
    const url = new URL(`https://0.0.0.0:${secure.host.split(':')[1]}/v2/`);
    expect(await failureOf(transport.exchange(context, { url }))).toContain('self signed certificate');
    expect(secure.requests).toEqual([]);
  });

  test('is not given up by a redirect', async () => {
    await using secure = new RegistryDouble(selfSigned());
    secure.intercept = () => Response.redirect('http://registry.example/', 307);
    expect(await failureOf(resolve(`${secure.host}/app`))).toContain(
      'redirects to registry.example without TLS',
    );
  });
});

describe('redirects', () => {
  test('without end are not followed', async () => {
    registry.intercept = (request) => Response.redirect(request.url, 302);
    expect(await failureOf(resolve(here('app')))).toContain('redirects more than 10 times');
  });

  test.each(['file:///etc/passwd', 'ftp://x/', 'http://['])('to %s are refused', async (location) => {
    registry.intercept = () => new Response(null, { status: 302, headers: { Location: location } });
    expect(await failureOf(resolve(here('app')))).toContain('redirects to what is no http(s) URL');
  });
});

describe('a layer', () => {
  const bytes = Buffer.alloc(200_000, 'sampan');

  async function image(layer: Descriptor): Promise<RemoteImage> {
    registry.addImage('app', 'latest', [layer]);
    return resolve(here('app'));
  }

  test('is taken up again where its connection broke', async () => {
    const layer = registry.addBlob(bytes);
    await using breaking = await startBreakingServer(
      `Content-Length: ${bytes.length}`,
      bytes.subarray(0, 150_000),
    );
    registry.intercept = (request, url) =>
      url.pathname.endsWith(layer.digest) && request.headers.get('range') === null
        ? Response.redirect(breaking.url, 307)
        : undefined;
    expect(await read(await image(layer), layer)).toEqual(bytes);
    expect(registry.requests.at(-1)?.range).toStartWith('bytes=');
  });

  test('is read from its beginning where the registry knows no ranges', async () => {
    const layer = registry.addBlob(bytes);
    let asked = 0;
    registry.intercept = (_, url) => {
      if (!url.pathname.endsWith(layer.digest)) return undefined;
      return new Response(stream(asked++ === 0 ? bytes.subarray(0, 1_000) : bytes));
    };
    expect(await read(await image(layer), layer)).toEqual(bytes);
    expect(asked).toBe(2);
  });

  test('that always ends too soon fails', async () => {
    const layer = { ...registry.addBlob(bytes), size: bytes.length + 1 };
    const told = await failureOf(image(layer).then((it) => read(it, layer)));
    expect(told).toStartWith(`data-loss: ${layer.digest} ended after 200000 of 200001 bytes`);
  });

  test('of another digest fails', async () => {
    const layer = { ...registry.addBlob(bytes), digest: digestOf('other') as Digest };
    registry.intercept = (_, url) => (url.pathname.includes('blobs') ? new Response(bytes) : undefined);
    expect(await failureOf(image(layer).then((it) => read(it, layer)))).toBe(
      `data-loss: the registry sent ${digestOf(bytes)} for ${layer.digest}`,
    );
  });

  test('of one KB that comes as ten GB is refused before it is read', async () => {
    const layer = registry.addBlob(bytes.subarray(0, 1_024));
    await using large = await startBreakingServer('Content-Length: 10000000000', bytes);
    registry.intercept = (_, url) =>
      url.pathname.endsWith(layer.digest) ? Response.redirect(large.url, 307) : undefined;
    expect(await failureOf(image(layer).then((it) => read(it, layer)))).toBe(
      `data-loss: ${layer.digest} is announced with 10000000000 bytes instead of 1024`,
    );
  });

  test('that goes on after its size is cut off', async () => {
    const layer = registry.addBlob(bytes.subarray(0, 1_024));
    registry.intercept = (_, url) =>
      url.pathname.endsWith(layer.digest) ? new Response(stream(bytes)) : undefined;
    expect(await failureOf(image(layer).then((it) => read(it, layer)))).toBe(
      `data-loss: ${layer.digest} is longer than the 1024 bytes that it should have`,
    );
  });

  test('that stalls is asked for again', async () => {
    const layer = registry.addBlob(bytes);
    let asked = 0;
    registry.intercept = (_, url) => {
      if (!url.pathname.endsWith(layer.digest) || asked++ > 0) return undefined;
      return new Promise(() => {});
    };
    expect(await read(await image(layer), layer)).toEqual(bytes);
  });
});

describe('a registry in trouble', () => {
  test.each([429, 500, 502, 503, 504])('that says %d is asked again', async (status) => {
    registry.addImage('app', 'latest', []);
    let asked = 0;
    registry.intercept = () => (asked++ < 2 ? new Response('busy', { status }) : undefined);
    await resolve(here('app'));
    expect(asked).toBe(3);
  });

  test('is waited for as long as it asks', async () => {
    registry.addImage('app', 'latest', []);
    const times: number[] = [];
    registry.intercept = () => {
      times.push(performance.now());
      return times.length === 1
        ? failure(429, 'TOOMANYREQUESTS', 'slow down', { 'Retry-After': '1' })
        : undefined;
    };
    await resolve(here('app'));
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(950);
  });

  test('is not waited for very long', async () => {
    registry.intercept = () => failure(429, 'TOOMANYREQUESTS', 'slow down', { 'Retry-After': '86400' });
    expect(await failureOf(resolve(here('app')))).toBe('internal: toomanyrequests: slow down');
    expect(registry.requests).toHaveLength(1);
  });

  test('is not asked for ever', async () => {
    registry.intercept = () => new Response(null, { status: 500 });
    expect(await failureOf(resolve(here('app')))).toBe('internal: unknown: unexpected status 500');
    expect(registry.requests).toHaveLength(3);
  });
});

/** Bytes of unannounced length. */
function stream(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}
