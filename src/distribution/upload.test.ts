import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { type Digest, digestOf } from '../oci/digest.ts';
import { parseReference } from '../oci/reference.ts';
import type { Credentials, PushTarget } from './contract.ts';
import { createRegistryClient } from './registry-client.ts';
import { context, failureOf, hurry, patience, someone } from './testing/client-bench.ts';
import { RegistryDouble } from './testing/registry-double.ts';
import { UploadDouble } from './testing/upload-double.ts';

let registry: UploadDouble;
beforeEach(async () => {
  registry = await UploadDouble.start();
});
afterEach(() => registry[Symbol.asyncDispose]());

const MIB = 1 << 20;
const large = Buffer.alloc(3 * MIB, 'sampan goes up the river ');
const blob = { digest: digestOf(large), size: large.length };

function target(credentials?: Credentials): Promise<PushTarget> {
  const client = createRegistryClient(() => ({ registryMirrors: [], insecureRegistries: [] }), patience);
  return client.target(context, parseReference(`${registry.host}/team/app`), credentials);
}

/** The bytes in parts of 64 KiB from an offset, and the offsets that were asked for. */
function source(bytes: Uint8Array) {
  const offsets: number[] = [];
  const open = async function* (offset: number) {
    offsets.push(offset);
    for (let at = offset; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
  };
  return { offsets, open };
}

/** Makes the registry want a token, of which only the newest is good. */
function guard(tokens: RegistryDouble): { revoke(): void } {
  let issued = 0;
  let revoked = 0;
  tokens.intercept = () => Response.json({ token: `t${++issued}` });
  const challenge = { 'WWW-Authenticate': `Bearer realm="${tokens.url}/token",service="s"` };
  registry.intercept = ({ authorization }) =>
    issued > revoked && authorization === `Bearer t${issued}`
      ? undefined
      : { status: 401, headers: challenge };
  return {
    revoke: () => {
      revoked = issued;
    },
  };
}

describe('an upload', () => {
  test.each([0, 5, MIB])('of %d bytes takes two requests', async (size) => {
    const bytes = large.subarray(0, size);
    const digest = digestOf(bytes);
    await (await target()).upload(context, { digest, size }, source(bytes).open);
    expect(registry.methods).toEqual(['POST', 'PUT']);
    expect(registry.of('PUT')[0]?.length).toBe(String(size));
    expect(registry.blobs.get(digest)).toEqual(Buffer.from(bytes));
  });

  test('is one PATCH without a range where the registry wants nothing else, and tells its progress', async () => {
    const progress: number[] = [];
    await (await target()).upload(context, blob, source(large).open, (sent) => progress.push(sent));
    expect(registry.methods).toEqual(['POST', 'PATCH', 'PUT']);
    expect(registry.of('PATCH')[0]).toMatchObject({
      contentRange: undefined,
      length: String(large.length),
      contentType: 'application/octet-stream',
    });
    expect(registry.blobs.get(blob.digest)).toEqual(large);
    expect(progress.at(-1)).toBe(large.length);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
  });

  test.each([
    ['relative', (path: string) => path],
    ['absolute', (path: string) => `${registry.url}${path}`],
    ['relative to where it was asked', (path: string) => path.replace('/v2/team/app/blobs/uploads/', '')],
  ])('goes on at a location that is %s, whose query stays as it is', async (_, locate) => {
    registry.locate = locate;
    await (await target()).upload(context, blob, source(large).open);
    expect(registry.of('PATCH')[0]?.target).toEndWith('?state=a%2Fb~c');
    const digest = encodeURIComponent(blob.digest);
    expect(registry.of('PUT')[0]?.target).toEndWith(`?state=next&digest=${digest}`);
  });

  test('goes on at the byte that the registry has when its connection breaks', async () => {
    registry.cutAfter = (_, nth) => (nth === 1 ? 2 * MIB : undefined);
    const { open, offsets } = source(large);
    const waits: number[] = [];
    await (await target()).upload(context, blob, open, undefined, (seconds) => waits.push(seconds));
    expect(offsets.slice(0, 2)).toEqual([0, 2 * MIB]);
    expect(waits).toEqual([1]);
    expect(registry.methods).toEqual(['POST', 'PATCH', 'GET', 'PATCH', 'PUT']);
    expect(registry.blobs.get(blob.digest)).toEqual(large);
  });

  test('begins anew when the registry has forgotten it', async () => {
    registry.cutAfter = ({ method }, nth) => {
      if (method !== 'PATCH' || nth > 1) return undefined;
      queueMicrotask(() => registry.uploads.clear());
      return MIB;
    };
    const { open, offsets } = source(large);
    await (await target()).upload(context, blob, open);
    expect(offsets.slice(0, 2)).toEqual([0, 0]);
    expect(registry.of('POST')).toHaveLength(2);
    expect(registry.blobs.get(blob.digest)).toEqual(large);
  });

  test('asks for the offset where the registry expects another one', async () => {
    registry.cutAfter = ({ method }, nth) => (method === 'PATCH' && nth === 1 ? MIB : undefined);
    registry.intercept = ({ method }, nth) => (method === 'PATCH' && nth === 2 ? { status: 416 } : undefined);
    await (await target()).upload(context, blob, source(large).open);
    expect(registry.methods).toEqual(['POST', 'PATCH', 'GET', 'PATCH', 'GET', 'PATCH', 'PUT']);
    expect(registry.blobs.get(blob.digest)).toEqual(large);
  });

  test('comes in parts with ranges where the registry wants parts', async () => {
    registry.beginHeaders = { 'OCI-Chunk-Min-Length': '1' };
    const bytes = Buffer.alloc(40 * MIB, 'x');
    const digest = digestOf(bytes);
    await (await target()).upload(context, { digest, size: bytes.length }, source(bytes).open);
    expect(registry.of('PATCH').map(({ contentRange }) => contentRange)).toEqual([
      `0-${32 * MIB - 1}`,
      `${32 * MIB}-${40 * MIB - 1}`,
    ]);
    expect(registry.blobs.get(digest)?.length).toBe(bytes.length);
  });

  test('comes in smaller parts where something on the way refuses so many bytes', async () => {
    registry.intercept = ({ method, length }) =>
      method === 'PATCH' && Number(length) > 2.5 * MIB
        ? { status: 413, headers: { Connection: 'close' } }
        : undefined;
    await (await target()).upload(context, blob, source(large).open);
    const parts = registry.of('PATCH').map(({ contentRange, length }) => [contentRange, length]);
    expect(parts.at(-1)).toEqual([`${2 * MIB}-${3 * MIB - 1}`, String(MIB)]);
    expect(registry.blobs.get(blob.digest)).toEqual(large);
  });

  test('that is refused at any size fails', async () => {
    registry.intercept = ({ method }) =>
      method === 'PATCH' ? { status: 413, headers: { Connection: 'close' } } : undefined;
    expect(await failureOf((await target()).upload(context, blob, source(large).open))).toBe(
      'internal: received unexpected HTTP status: 413 Payload Too Large',
    );
  });

  test('is done when the blob is there although the last answer was lost', async () => {
    registry.cutAfter = ({ method }) => (method === 'PUT' ? 0 : undefined);
    const small = large.subarray(0, 100);
    const digest = digestOf(small);
    registry.blobs.set(digest, Buffer.from(small));
    await (await target()).upload(context, { digest, size: 100 }, source(small).open);
    expect(registry.methods).toEqual(['POST', 'PUT', 'HEAD']);
  });

  test('of other bytes than the digest says is not tried again', async () => {
    const wrong = { ...blob, digest: digestOf('other') };
    expect(await failureOf((await target()).upload(context, wrong, source(large).open))).toBe(
      'internal: digest invalid: not what was said',
    );
    expect(registry.of('POST')).toHaveLength(1);
    expect(registry.methods.at(-1)).toBe('DELETE');
  });

  test.each([-1, 1])('of a source with %d bytes too many fails and is cancelled', async (more) => {
    const wrong = { ...blob, size: blob.size - more };
    const told = await failureOf((await target()).upload(context, wrong, source(large).open));
    expect(told).toBe(
      `data-loss: ${blob.digest} does not have the ${wrong.size} bytes here that it should have`,
    );
    expect(registry.of('POST')).toHaveLength(1);
    expect(registry.methods.at(-1)).toBe('DELETE');
    expect(registry.blobs.size).toBe(0);
  });

  test('tells what its source fails with', async () => {
    const open = async function* () {
      yield large.subarray(0, MIB);
      throw new Error('the disk is gone');
    };
    expect(await failureOf((await target()).upload(context, blob, open))).toBe('internal: the disk is gone');
    expect(registry.of('POST')).toHaveLength(1);
    expect(registry.uploads.size).toBe(0);
  });

  test('that its caller gives up is cancelled', async () => {
    const stop = new AbortController();
    let isClosed = false;
    const open = async function* () {
      try {
        yield large.subarray(0, MIB);
        stop.abort(new Error('enough'));
        yield large.subarray(MIB);
      } finally {
        isClosed = true;
      }
    };
    const uploading = (await target()).upload({ ...context, signal: stop.signal }, blob, open);
    expect(await failureOf(uploading)).toBe('internal: enough');
    expect(registry.uploads.size).toBe(0);
    expect(isClosed).toBe(true);
  });

  test('that always breaks is not tried for ever', async () => {
    registry.cutAfter = () => 0;
    const { open } = source(large);
    expect(await failureOf((await target()).upload(context, blob, open))).toStartWith('internal: Patch ');
    expect(registry.of('PATCH')).toHaveLength(patience.attempts);
  });

  test('asks for a new token when the old one is refused meanwhile', async () => {
    await using tokens = new RegistryDouble();
    const { revoke } = guard(tokens);
    const to = await target(someone);
    const { open } = source(large);
    let opened = 0;
    await to.upload(context, blob, (offset) => {
      if (opened++ === 0) revoke();
      return open(offset);
    });
    expect(opened).toBe(3);
    expect(registry.blobs.get(blob.digest)).toEqual(large);
    expect(tokens.requests[0]?.target).toContain('scope=repository%3Ateam%2Fapp%3Apull%2Cpush');
  });

  test('follows a redirect with all of its bytes, and without its credentials', async () => {
    await using tokens = new RegistryDouble();
    guard(tokens);
    await using other = await UploadDouble.start();
    other.uploads.set('there', Buffer.alloc(0));
    const guarded = registry.intercept;
    registry.intercept = (request, nth) =>
      guarded(request, nth) ??
      (request.method === 'PATCH'
        ? { status: 307, headers: { Location: `${other.url}/v2/x/blobs/uploads/there` } }
        : undefined);
    other.locate = (path) => `${other.url}${path}`;
    await (await target(someone)).upload(context, blob, source(large).open);
    expect(other.blobs.get(blob.digest)).toEqual(large);
    expect(other.requests[0]).toMatchObject({ method: 'PATCH', length: String(large.length) });
    expect(other.requests.map(({ authorization }) => authorization)).not.toContainEqual(expect.anything());
    expect(registry.of('PATCH')[0]?.authorization).toStartWith('Bearer t');
  });

  test('shows no credentials where its location is another host', async () => {
    await using tokens = new RegistryDouble();
    guard(tokens);
    await using other = await UploadDouble.start();
    registry.locate = () => `${other.url}/v2/x/blobs/uploads/there`;
    other.uploads.set('there', Buffer.alloc(0));
    await (await target(someone)).upload(context, blob, source(large).open);
    expect(other.blobs.get(blob.digest)).toEqual(large);
    expect(other.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  test('does not follow a redirect that would drop its bytes', async () => {
    registry.intercept = ({ method }) =>
      method === 'PATCH' ? { status: 302, headers: { Location: '/elsewhere' } } : undefined;
    expect(await failureOf((await target()).upload(context, blob, source(large).open))).toContain(
      'answers a PATCH with a redirect that drops what was sent (status 302)',
    );
  });

  test.each(['0-99999999', '0-0', '5-9', 'nonsense', undefined])(
    'is not misled by a registry that shows the range %p',
    async (range) => {
      registry.showRange = () => range;
      await (await target()).upload(context, blob, source(large).open);
      expect(registry.methods).toEqual(['POST', 'PATCH', 'PUT']);
    },
  );

  test('sends the rest to a registry that took only some of it', async () => {
    registry.showRange = (size) => {
      if (registry.of('PATCH').length > 1) return `0-${size - 1}`;
      for (const [upload, bytes] of registry.uploads) registry.uploads.set(upload, bytes.subarray(0, MIB));
      return `bytes=0-${MIB - 1}`;
    };
    const { open, offsets } = source(large);
    await (await target()).upload(context, blob, open);
    expect(offsets.slice(0, 2)).toEqual([0, MIB]);
    expect(registry.blobs.get(blob.digest)).toEqual(large);
  });

  test('without a location fails', async () => {
    registry.intercept = ({ method }) => (method === 'POST' ? { status: 202 } : undefined);
    expect(await failureOf((await target()).upload(context, blob, source(large).open))).toBe(
      `data-loss: ${registry.host} does not say where an upload goes on`,
    );
  });
});

test('an upload does not hold in memory what a slow registry has not taken', async () => {
  const size = 64 * MIB;
  const part = Buffer.alloc(65_536, 'x');
  const hash = createHash('sha256');
  for (let at = 0; at < size; at += part.length) hash.update(part);
  const digest: Digest = `sha256:${hash.digest('hex')}`;
  await using slow = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      data: (socket, data) => {
        if (data.includes('POST ')) {
          socket.write('HTTP/1.1 202 Accepted\r\nLocation: /up\r\nContent-Length: 0\r\n\r\n');
        } else if (data.includes('GET /v2/ ')) {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        } else socket.pause();
      },
    },
  });
  let given = 0;
  const open = async function* () {
    for (; given < size; given += part.length) yield part;
  };
  const client = createRegistryClient(() => ({ registryMirrors: [], insecureRegistries: [] }), {
    ...hurry,
    attempts: 1,
  });
  const to = await client.target(context, parseReference(`127.0.0.1:${slow.port}/app`), undefined);
  expect(await failureOf(to.upload(context, { digest, size }, open))).toContain('stalled');
  expect(given).toBeLessThan(16 * MIB);
});
