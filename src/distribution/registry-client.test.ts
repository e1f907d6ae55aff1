import { describe, expect, test } from 'bun:test';
import { digestOf } from '../oci/digest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { parseReference } from '../oci/reference.ts';
import {
  ClientBench,
  context,
  failureOf,
  patience,
  platform,
  read,
  someone,
} from './testing/client-bench.ts';
import { failure, RegistryDouble, selfSigned, startBreakingServer } from './testing/registry-double.ts';
import { Transport } from './transport.ts';

const bench = ClientBench.open();

describe('resolve', () => {
  test('finds an image by tag and by digest, and its configuration', async () => {
    const layer = bench.registry.addBlob('layer');
    const { digest } = bench.registry.addImage('team/app', '1', [layer]);
    for (const name of ['team/app:1', `team/app@${digest}`]) {
      const image = await bench.resolve(bench.here(name));
      expect([image.digest, image.manifestDigest]).toEqual([digest, digest]);
      expect(image.manifest.layers).toEqual([layer]);
      expect(digestOf(await image.config(context, 1_000))).toBe(image.manifest.config.digest);
      expect((await read(image, layer)).toString()).toBe('layer');
    }
  });

  test('chooses the platform through nested indexes', async () => {
    const of = (architecture: string) => ({
      ...bench.registry.addImage('app', undefined, [], [], { os: 'linux', architecture }),
      platform: { os: 'linux', architecture },
    });
    const wanted = of('amd64');
    const inner = bench.registry.addIndex('app', undefined, [of('arm64'), wanted]);
    const outer = bench.registry.addIndex('app', 'latest', [of('s390x'), inner]);
    const image = await bench.resolve(bench.here('app'));
    expect(image.digest).toBe(outer.digest);
    expect(image.manifestDigest).toBe(wanted.digest);
    expect(image.documents.map(({ digest }) => digest)).toEqual([outer.digest, inner.digest, wanted.digest]);
  });

  test('without a fitting platform fails', async () => {
    const other = {
      ...bench.registry.addImage('app', undefined, []),
      platform: { os: 'linux', architecture: 'mips' },
    };
    bench.registry.addIndex('app', 'latest', [other]);
    expect(await failureOf(bench.resolve(bench.here('app')))).toStartWith(
      'not-found: no matching manifest for linux/amd64 in the manifest list entries',
    );
  });

  test('does not follow indexes without end', async () => {
    let inner = bench.registry.addIndex('app', undefined, []);
    for (let depth = 0; depth < 9; depth++) inner = bench.registry.addIndex('app', `deep${depth}`, [inner]);
    expect(await failureOf(bench.resolve(bench.here('app:deep8')))).toBe(
      'invalid-argument: invalid index: nested too deeply',
    );
  });

  test('does not follow an index that claims to hold itself', async () => {
    const self = digestOf('anything');
    const index = bench.registry.addIndex('app', 'loop', [
      { mediaType: mediaTypes.ociIndex, digest: self, size: 5 },
    ]);
    bench.registry.intercept = (_, url) =>
      url.pathname.endsWith(self) ? new Response(JSON.stringify(index)) : undefined;
    expect(await failureOf(bench.resolve(bench.here('app:loop')))).toStartWith(
      `data-loss: the manifest ${self} `,
    );
    expect(bench.registry.requests).toHaveLength(2);
  });

  const layers: never[] = [];
  const config = { mediaType: mediaTypes.ociConfig, digest: digestOf('x'), size: 1 };
  test.each([
    [
      'schema version 1',
      { schemaVersion: 1, name: 'x' },
      'application/vnd.docker.distribution.manifest.v1+prettyjws',
      'schema 1 has been removed',
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
      'a digest of another algorithm',
      { schemaVersion: 2, config: { ...config, digest: `sha512:${'0'.repeat(128)}` }, layers },
      mediaTypes.ociManifest,
      'is not a sha256 digest',
    ],
    [
      'what is both, without a word of the sender',
      { schemaVersion: 2, mediaType: mediaTypes.ociIndex, config, layers, manifests: [] },
      'application/json',
      'neither clearly',
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
    bench.registry.addManifest('app', 'latest', document, type);
    const told = await failureOf(bench.resolve(bench.here('app')));
    expect(told).toStartWith('invalid-argument: ');
    expect(told).toContain(message);
  });

  test('refuses a manifest that is too large, without reading it all', async () => {
    bench.registry.intercept = () => new Response(new Uint8Array(8 << 20));
    expect(await failureOf(bench.resolve(bench.here('app')))).toStartWith('exhausted: ');
  });

  test('refuses another manifest than the digest names, or than the header says', async () => {
    const { digest } = bench.registry.addImage('app', '1', []);
    const other = bench.registry.addImage('app', '2', [bench.registry.addBlob('x')]);
    bench.registry.intercept = (request) =>
      bench.registry.serve(request, new URL(`${bench.registry.url}/v2/app/manifests/${other.digest}`));
    expect(await failureOf(bench.resolve(bench.here(`app@${digest}`)))).toBe(
      `data-loss: the registry sent ${other.digest} for ${digest}`,
    );
    bench.registry.intercept = (request, url) => {
      const answer = bench.registry.serve(request, url);
      answer.headers.set('docker-content-digest', digest);
      return answer;
    };
    expect(await failureOf(bench.resolve(bench.here('app:2')))).toStartWith('data-loss: ');
  });

  test("says in Docker's words what is not there", async () => {
    expect(await failureOf(bench.resolve(bench.here('app:1')))).toBe(
      `not-found: manifest for ${bench.here('app:1')} not found: manifest unknown: manifest unknown`,
    );
    bench.registry.intercept = () => failure(404, 'NAME_UNKNOWN', 'repository name not known to registry');
    expect(await failureOf(bench.resolve(bench.here('app')))).toBe(
      `not-found: repository ${bench.here('app')} not found: name unknown: repository name not known to registry`,
    );
    bench.registry.intercept = () => failure(403, 'DENIED', 'requested access to the resource is denied');
    expect(await failureOf(bench.resolve(bench.here('app')))).toBe(
      `not-found: pull access denied for ${bench.here('app')}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
    );
    bench.registry.intercept = () => new Response(null, { status: 401 });
    expect(await failureOf(bench.resolve(bench.here('app')))).toBe(
      'internal: unauthorized: authentication required',
    );
  });

  test('asks again for a manifest that broke off', async () => {
    const { digest } = bench.registry.addImage('app', 'latest', []);
    await using breaking = await startBreakingServer('Content-Length: 5000', Buffer.from('{"schemaVersion"'));
    let asked = 0;
    bench.registry.intercept = () => (asked++ === 0 ? Response.redirect(breaking.url, 307) : undefined);
    expect((await bench.resolve(bench.here('app'))).digest).toBe(digest);
    expect(asked).toBe(2);
  });

  test('tells no control characters of a registry to a terminal', async () => {
    bench.registry.intercept = () => failure(400, 'NAME\u0007_INVALID', 'red \u001b[31m\nalert');
    expect(await failureOf(bench.resolve(bench.here('app')))).toBe(
      'internal: name  invalid: red  [31m alert',
    );
  });

  test('says where nobody answers', async () => {
    const host = bench.registry.host;
    await bench.registry[Symbol.asyncDispose]();
    expect(await failureOf(bench.resolve(`${host}/app`))).toStartWith(
      `internal: Get "http://${host}/v2/app/manifests/latest": `,
    );
  });

  test('asks the mirrors of Docker Hub in turn, without credentials', async () => {
    await using empty = new RegistryDouble();
    const { digest } = bench.registry.addImage('library/app', 'latest', []);
    const image = await bench.resolve('app', someone, [empty.url, bench.registry.url]);
    expect(image.digest).toBe(digest);
    expect(empty.targets).toEqual(['/v2/library/app/manifests/latest']);
    bench.registry.intercept = () =>
      new Response(null, { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"' } });
    await using last = new RegistryDouble();
    last.addImage('library/app', 'latest', []);
    await bench.resolve('app', someone, [bench.registry.url, last.url]);
    expect(bench.registry.requests.every(({ authorization }) => authorization === null)).toBe(true);
  });

  test('gives up at once when its caller does', async () => {
    const stop = new AbortController();
    bench.registry.intercept = () => {
      stop.abort(new Error('enough'));
      return new Promise(() => {});
    };
    const client = bench.client();
    const options = { platform, credentials: undefined };
    const work = client.resolve(
      { ...context, signal: stop.signal },
      parseReference(bench.here('app')),
      options,
    );
    expect(await failureOf(work)).toBe('internal: enough');
  });
});

describe('tags', () => {
  test('come page by page', async () => {
    bench.registry.intercept = (_, url) => {
      const last = Number(url.searchParams.get('last') ?? 0);
      const link = last < 2 ? { Link: `</v2/app/tags/list?last=${last + 1}>; rel="next"` } : {};
      return Response.json({ name: 'app', tags: [`v${last}`] }, { headers: link as Record<string, string> });
    };
    const client = bench.client();
    expect(await client.tags(context, parseReference(bench.here('app')), undefined)).toEqual([
      'v0',
      'v1',
      'v2',
    ]);
  });
});

describe('TLS', () => {
  test('of a registry that may be insecure is not verified, and comes before plain HTTP', async () => {
    await using secure = new RegistryDouble(selfSigned());
    const { digest } = secure.addImage('app', 'latest', []);
    expect((await bench.resolve(`${secure.host}/app`)).digest).toBe(digest);
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
    expect(await failureOf(bench.resolve(`${secure.host}/app`))).toContain(
      'leads to registry.example without TLS',
    );
  });
});

describe('redirects', () => {
  test('without end are not followed', async () => {
    bench.registry.intercept = (request) => Response.redirect(request.url, 302);
    expect(await failureOf(bench.resolve(bench.here('app')))).toContain('redirects more than 10 times');
  });

  test.each(['file:///etc/passwd', 'ftp://x/', 'http://['])('to %s are refused', async (location) => {
    bench.registry.intercept = () => new Response(null, { status: 302, headers: { Location: location } });
    expect(await failureOf(bench.resolve(bench.here('app')))).toContain(
      'redirects to what is no http(s) URL',
    );
  });
});
