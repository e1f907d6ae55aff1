import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { type AddressInfo, connect, createServer } from 'node:net';
import { background } from '../../src/base/context.ts';
import { codeOf } from '../../src/base/errors.ts';
import type { Credentials, PushTarget, RegistryClient } from '../../src/distribution/contract.ts';
import { createRegistryClient } from '../../src/distribution/registry-client.ts';
import { defaultPatience } from '../../src/distribution/retries.ts';
import { TestAuthority } from '../../src/distribution/testing/authority.ts';
import { digestOf } from '../../src/oci/digest.ts';
import type { Descriptor } from '../../src/oci/image.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { TokenServer } from '../fixtures/token-server.ts';

const context = background();
const platform = { os: 'linux', architecture: 'amd64' };
const patience = { ...defaultPatience, firstDelay: 10 };
const nobody: Credentials = { username: '', password: '', identityToken: '', registryToken: '' };

/** A registry of one form, a client that gets on with it, and who may write there. */
interface Form {
  readonly registry: DockerRegistry;
  readonly client: RegistryClient;
  readonly user: Credentials | undefined;
}

const authority = new TestAuthority();
const tokens = new TokenServer();
const forms = new Map<string, Form>();

beforeAll(async () => {
  const tls = authority.issue('registry', 'IP:0.0.0.0');
  const user = { ...nobody, username: tokens.username, password: tokens.password };
  const { realm, certificate } = tokens;
  const { service, issuer } = TokenServer;
  await open('plain', undefined, await DockerRegistry.start());
  await open('TLS', undefined, await DockerRegistry.start({}, { name: '0.0.0.0', tls }));
  await open('htpasswd', user, await DockerRegistry.start({ [user.username]: user.password }));
  await open(
    'tokens',
    user,
    await DockerRegistry.start({}, { tokens: { realm, service, issuer, certificate } }),
  );
});
afterAll(async () => {
  for (const { registry } of forms.values()) await registry[Symbol.asyncDispose]();
  await tokens[Symbol.asyncDispose]();
  authority[Symbol.dispose]();
});

async function open(name: string, user: Credentials | undefined, registry: DockerRegistry): Promise<void> {
  const directory = authority.directory('certs.d', { [`${registry.host}/ca.crt`]: authority.cert });
  const settings = {
    registryMirrors: [],
    insecureRegistries: [],
    certificateDirectories: [directory],
  };
  forms.set(name, { registry, user, client: createRegistryClient(() => settings, patience) });
}

function form(name: string): Form {
  const found = forms.get(name);
  if (found === undefined) throw new Error(`no registry of the form ${name}`);
  return found;
}

async function push(target: PushTarget, bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
  const digest = digestOf(bytes);
  await target.upload(context, { digest, size: bytes.length }, partsOf(bytes));
  return { mediaType, digest, size: bytes.length };
}

function partsOf(bytes: Uint8Array): (offset: number) => AsyncGenerator<Uint8Array> {
  return async function* (offset) {
    for (let at = offset; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
  };
}

async function pushImage(target: PushTarget, tag: string, layers: readonly Descriptor[]): Promise<string> {
  const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
  const config = Buffer.from(JSON.stringify({ ...platform, config: {}, rootfs }));
  const document = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: await push(target, config, mediaTypes.ociConfig),
    layers,
  };
  return target.putManifest(context, tag, mediaTypes.ociManifest, Buffer.from(JSON.stringify(document)));
}

async function read(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all);
}

function failureOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'it did not fail',
    (error) => `${codeOf(error)}: ${error.message}`,
  );
}

describe.each(['plain', 'TLS', 'htpasswd', 'tokens'])('with a registry of the form "%s"', (name) => {
  const large = randomBytes(5 << 20);

  test('pushes an image, mounts its layers elsewhere, and reads everything back', async () => {
    const { registry, client, user } = form(name);
    const reference = parseReference(`${registry.host}/team/app:1`);
    const target = await client.target(context, reference, user);
    expect(await target.stat(context, digestOf(large))).toBeUndefined();
    const layers = [
      await push(target, large, mediaTypes.ociLayer),
      await push(target, Buffer.from('small'), mediaTypes.ociLayer),
      await push(target, Buffer.alloc(0), mediaTypes.ociLayer),
    ];
    expect(await target.stat(context, digestOf(large))).toBe(large.length);
    const digest = await pushImage(target, '1', layers);

    const other = await client.target(context, parseReference(`${registry.host}/team/other`), user);
    expect(await other.mount(context, digestOf(large), 'team/app')).toBe(true);
    expect(await other.mount(context, digestOf('nowhere'), 'team/app')).toBe(false);

    const image = await client.resolve(context, reference, { platform, credentials: user });
    expect(image.digest).toBe(digest as `sha256:${string}`);
    expect(image.documents[0]?.mediaType).toBe(mediaTypes.ociManifest);
    const [first, second, third] = image.manifest.layers as [Descriptor, Descriptor, Descriptor];
    expect((await read(image.layer(context, first))).equals(large)).toBe(true);
    const rest = await read(image.layer(context, first, { offset: 1_000_000 }));
    expect(rest.equals(large.subarray(1_000_000))).toBe(true);
    expect((await read(image.layer(context, second))).toString()).toBe('small');
    expect(await read(image.layer(context, third))).toHaveLength(0);
    expect(await client.tags(context, reference, user)).toEqual(['1']);
    const description = await client.describe(context, reference, user);
    expect([description.descriptor.digest, description.platforms]).toEqual([image.digest, [platform]]);
  });

  test('finds repositories in the catalogue', async () => {
    const { registry, client, user } = form(name);
    const found = await client.search(context, `${registry.host}/app`, { limit: 5, credentials: user });
    expect(found.map((result) => result.name)).toEqual(['team/app']);
  });

  test('knows right credentials', async () => {
    const { registry, client, user } = form(name);
    const { status, identityToken } = await client.authenticate(context, registry.host, user ?? nobody);
    expect(status).toBe('Login Succeeded');
    expect(identityToken !== '').toBe(name === 'tokens');
  });
});

describe('wrong credentials', () => {
  const wrong = { ...nobody, username: 'somebody', password: 'wrong' };

  test('of an htpasswd registry', async () => {
    const { registry, client } = form('htpasswd');
    expect(await failureOf(client.authenticate(context, registry.host, wrong))).toBe(
      `unauthenticated: login attempt to ${registry.url}/v2/ failed with status: 401 Unauthorized`,
    );
    const reference = parseReference(`${registry.host}/team/app:1`);
    const options = { platform, credentials: undefined };
    expect(await failureOf(client.resolve(context, reference, options))).toBe(
      `internal: Get "${registry.url}/v2/team/app/manifests/1": no basic auth credentials`,
    );
  });

  test('of a registry with a token server', async () => {
    const { registry, client } = form('tokens');
    expect(await failureOf(client.authenticate(context, registry.host, wrong))).toBe(
      `unauthenticated: Get "${registry.url}/v2/": unauthorized: incorrect username or password`,
    );
    const reference = parseReference(`${registry.host}/team/app:1`);
    const options = { platform, credentials: undefined };
    expect(await failureOf(client.resolve(context, reference, options))).toStartWith(
      `not-found: pull access denied for ${registry.host}/team/app, repository does not exist or may require 'docker login': denied: `,
    );
    const target = client.target(context, reference, undefined);
    const uploading = target.then((to) => push(to, Buffer.from('x'), ''));
    expect(await failureOf(uploading)).toBe(
      'permission-denied: denied: requested access to the resource is denied',
    );
  });
});

test('an identity token serves in place of the password', async () => {
  const { registry, client, user } = form('tokens');
  const { identityToken } = await client.authenticate(context, registry.host, user ?? nobody);
  const reference = parseReference(`${registry.host}/team/app:1`);
  const credentials = { ...nobody, identityToken };
  const target = await client.target(context, reference, credentials);
  await push(target, Buffer.from('by token'), '');
  expect(tokens.requests.at(-1)).toContain('grant_type=refresh_token');
  expect(await client.tags(context, reference, credentials)).toEqual(['1']);
});

test('a TLS registry whose authority is not known is not talked to', async () => {
  const { registry } = form('TLS');
  const settings = { registryMirrors: [], insecureRegistries: [], certificateDirectories: [] };
  const client = createRegistryClient(() => settings, patience);
  const told = await failureOf(client.target(context, parseReference(`${registry.host}/app`), undefined));
  expect(told).toStartWith(`internal: Get "${registry.url}/v2/": `);
  expect(told).toContain('certificate');
});

test('a mirror serves what Docker Hub is asked for', async () => {
  const { registry, client } = form('plain');
  const target = await client.target(context, parseReference(`${registry.host}/library/mirrored`), undefined);
  const bytes = randomBytes(100_000);
  const digest = await pushImage(target, 'latest', [await push(target, bytes, mediaTypes.ociLayer)]);
  await using mirror = await DockerRegistry.start({}, { mirrorOf: registry.url });
  const settings = { registryMirrors: [mirror.url], insecureRegistries: [] };
  const credentials = { ...nobody, username: 'somebody', password: 'secret' };
  const image = await createRegistryClient(() => settings, patience).resolve(
    context,
    parseReference('mirrored'),
    { platform, credentials },
  );
  expect(image.digest).toBe(digest as `sha256:${string}`);
  const [layer] = image.manifest.layers as [Descriptor];
  expect((await read(image.layer(context, layer))).equals(bytes)).toBe(true);
});

/** Leads to a registry, and breaks each of the first connections after some bytes in a direction. */
async function startBreakingRelay(host: string, direction: 'there' | 'back', breakAfter: number[]) {
  const port = Number(host.split(':')[1]);
  const left = [...breakAfter];
  let broken = 0;
  const server = createServer((socket) => {
    const onward = connect(port, '127.0.0.1');
    const end = (): void => {
      socket.destroy();
      onward.destroy();
    };
    for (const side of [socket, onward]) side.on('error', end).on('close', end);
    let bytes = 0;
    const watched = direction === 'there' ? socket : onward;
    watched.on('data', (data) => {
      bytes += data.length;
      const [limit] = left;
      if (limit === undefined || bytes < limit) return;
      left.shift();
      broken++;
      end();
    });
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    broken: () => broken,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

describe('over connections that break', () => {
  const bytes = randomBytes(16 << 20);

  test('an upload arrives', async () => {
    const { registry, client } = form('plain');
    await using relay = await startBreakingRelay(registry.host, 'there', [3 << 20, 9 << 20]);
    const target = await client.target(context, parseReference(`${relay.host}/broken/up`), undefined);
    const waits: number[] = [];
    const blob = { digest: digestOf(bytes), size: bytes.length };
    await target.upload(context, blob, partsOf(bytes), undefined, (seconds) => waits.push(seconds));
    expect(relay.broken()).toBe(2);
    expect(waits).toHaveLength(2);
    expect(await target.stat(context, blob.digest)).toBe(bytes.length);
  });

  test('a download goes on where it broke', async () => {
    const { registry, client } = form('plain');
    const target = await client.target(context, parseReference(`${registry.host}/broken/down`), undefined);
    const layer = await push(target, bytes, mediaTypes.ociLayer);
    await pushImage(target, 'latest', [layer]);
    await using relay = await startBreakingRelay(registry.host, 'back', [5 << 20, 5 << 20]);
    const reference = parseReference(`${relay.host}/broken/down`);
    const image = await client.resolve(context, reference, { platform, credentials: undefined });
    expect((await read(image.layer(context, layer))).equals(bytes)).toBe(true);
    expect(relay.broken()).toBe(2);
  });
});
