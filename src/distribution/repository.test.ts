import { describe, expect, test } from 'bun:test';
import { digestOf } from '../oci/digest.ts';
import type { Descriptor } from '../oci/image.ts';
import { mediaTypes } from '../oci/media-types.ts';
import type { RemoteImage } from './contract.ts';
import { ClientBench, context, failureOf, hurry, read } from './testing/client-bench.ts';
import { failure, RegistryDouble, startBreakingServer } from './testing/registry-double.ts';

const bench = ClientBench.open();

describe('a layer', () => {
  const bytes = Buffer.alloc(200_000, 'sampan');

  async function image(layer: Descriptor): Promise<RemoteImage> {
    bench.registry.addImage('app', 'latest', [layer]);
    return bench.resolve(bench.here('app'));
  }

  test('is taken up again where its connection broke', async () => {
    const layer = bench.registry.addBlob(bytes);
    await using breaking = await startBreakingServer(
      `Content-Length: ${bytes.length}`,
      bytes.subarray(0, 150_000),
    );
    bench.registry.intercept = (request, url) =>
      url.pathname.endsWith(layer.digest) && request.headers.get('range') === null
        ? Response.redirect(breaking.url, 307)
        : undefined;
    expect(await read(await image(layer), layer)).toEqual(bytes);
    expect(bench.registry.requests.at(-1)?.range).toStartWith('bytes=');
  });

  test('is read from its beginning where the registry knows no ranges', async () => {
    const layer = bench.registry.addBlob(bytes);
    let asked = 0;
    bench.registry.intercept = (_, url) => {
      if (!url.pathname.endsWith(layer.digest)) return undefined;
      return new Response(stream(asked++ === 0 ? bytes.subarray(0, 1_000) : bytes));
    };
    expect(await read(await image(layer), layer)).toEqual(bytes);
    expect(asked).toBe(2);
  });

  test('that always ends too soon fails', async () => {
    const layer = { ...bench.registry.addBlob(bytes), size: bytes.length + 1 };
    const told = await failureOf(image(layer).then((it) => read(it, layer)));
    expect(told).toStartWith(`data-loss: ${layer.digest} ended after 200000 of 200001 bytes`);
  });

  test('of another digest fails', async () => {
    const layer = { ...bench.registry.addBlob(bytes), digest: digestOf('other') };
    bench.registry.intercept = (_, url) => (url.pathname.includes('blobs') ? new Response(bytes) : undefined);
    expect(await failureOf(image(layer).then((it) => read(it, layer)))).toBe(
      `data-loss: the registry sent ${digestOf(bytes)} for ${layer.digest}`,
    );
  });

  test('of one KB that comes as ten GB is refused before it is read', async () => {
    const layer = bench.registry.addBlob(bytes.subarray(0, 1_024));
    await using large = await startBreakingServer('Content-Length: 10000000000', bytes);
    bench.registry.intercept = (_, url) =>
      url.pathname.endsWith(layer.digest) ? Response.redirect(large.url, 307) : undefined;
    expect(await failureOf(image(layer).then((it) => read(it, layer)))).toBe(
      `data-loss: ${layer.digest} is announced with 10000000000 bytes instead of 1024`,
    );
  });

  test('that goes on after its size is cut off', async () => {
    const layer = bench.registry.addBlob(bytes.subarray(0, 1_024));
    bench.registry.intercept = (_, url) =>
      url.pathname.endsWith(layer.digest) ? new Response(stream(bytes)) : undefined;
    expect(await failureOf(image(layer).then((it) => read(it, layer)))).toBe(
      `data-loss: ${layer.digest} is longer than the 1024 bytes that it should have`,
    );
  });

  test('is sent from the byte that is asked for, without its digest being checked', async () => {
    const layer = bench.registry.addBlob(bytes);
    const remote = await image(layer);
    expect(await read(remote, layer, { offset: 150_000 })).toEqual(bytes.subarray(150_000));
    expect(bench.registry.requests.at(-1)?.range).toBe('bytes=150000-');
    expect(await read(remote, layer, { offset: bytes.length })).toHaveLength(0);
    const wrong = { ...layer, size: layer.size + 1 };
    expect(await failureOf(read(remote, wrong, { offset: 150_000 }))).toStartWith('data-loss: ');
  });

  test('that the registry lacks is sought where its descriptor says', async () => {
    await using elsewhere = new RegistryDouble();
    elsewhere.intercept = () => new Response(bytes);
    const urls = ['ftp://x/', 'not a URL', `${elsewhere.url}/layer.tar`];
    const layer = { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length, urls };
    const remote = await image(layer);
    expect(await read(remote, remote.manifest.layers[0] ?? layer)).toEqual(bytes);
    expect(elsewhere.targets).toEqual(['/layer.tar']);
    const [first] = elsewhere.requests;
    expect(first?.authorization).toBeNull();
  });

  test('that nobody has is told as the registry tells it', async () => {
    await using elsewhere = new RegistryDouble();
    const urls = [`${elsewhere.url}/layer.tar`];
    const layer = { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length, urls };
    bench.registry.intercept = (_, url) =>
      url.pathname.includes('/blobs/') ? failure(404, 'BLOB_UNKNOWN', 'not here') : undefined;
    const remote = await image(layer);
    expect(await failureOf(read(remote, layer))).toBe('internal: blob unknown: not here');
    expect(elsewhere.requests).toHaveLength(1);
  });

  test('tells each second of the wait for another try', async () => {
    const layer = bench.registry.addBlob(bytes);
    let asked = 0;
    bench.registry.intercept = (_, url) =>
      url.pathname.endsWith(layer.digest) && asked++ === 0
        ? failure(503, 'UNAVAILABLE', 'later', { 'Retry-After': '2' })
        : undefined;
    const waits: number[] = [];
    await read(await image(layer), layer, { onRetry: (seconds) => waits.push(seconds) });
    expect(waits).toEqual([2, 1]);
  });

  test('that trickles is asked for again', async () => {
    bench.patience = hurry;
    const layer = bench.registry.addBlob(bytes);
    let asked = 0;
    bench.registry.intercept = (_, url) => {
      if (!url.pathname.endsWith(layer.digest) || asked++ > 0) return undefined;
      let sent = 0;
      return new Response(
        new ReadableStream({
          async pull(controller) {
            controller.enqueue(bytes.subarray(sent, ++sent));
            await Bun.sleep(hurry.stall / 10);
          },
        }),
      );
    };
    expect(await read(await image(layer), layer)).toEqual(bytes);
    expect(asked).toBe(2);
  });

  test('that stalls is asked for again', async () => {
    bench.patience = hurry;
    const layer = bench.registry.addBlob(bytes);
    let asked = 0;
    bench.registry.intercept = (_, url) => {
      if (!url.pathname.endsWith(layer.digest) || asked++ > 0) return undefined;
      return new Promise(() => {});
    };
    expect(await read(await image(layer), layer)).toEqual(bytes);
  });
});

describe('a mirror of Docker Hub', () => {
  const bytes = Buffer.alloc(200_000, 'sampan');

  /** An image at both mirrors. */
  async function atBoth(second: RegistryDouble, layers: readonly Descriptor[]): Promise<RemoteImage> {
    for (const registry of [bench.registry, second]) {
      registry.addImage('library/app', 'latest', layers);
    }
    return bench.resolve('app', undefined, [bench.registry.url, second.url]);
  }

  test('that lacks a layer is followed by the next', async () => {
    await using second = new RegistryDouble();
    const layer = second.addBlob(bytes);
    expect(await read(await atBoth(second, [layer]), layer)).toEqual(bytes);
    expect(bench.registry.targets).toContain(`/v2/library/app/blobs/${layer.digest}`);
  });

  test('that breaks off is followed by the next, where it broke off', async () => {
    await using second = new RegistryDouble();
    const layer = second.addBlob(bytes);
    let asked = 0;
    bench.registry.intercept = (_, url) => {
      if (!url.pathname.endsWith(layer.digest)) return undefined;
      return asked++ === 0
        ? new Response(stream(bytes.subarray(0, 1_000)))
        : new Response(null, { status: 500 });
    };
    expect(await read(await atBoth(second, [layer]), layer)).toEqual(bytes);
    expect(second.requests.at(-1)?.range).toBe('bytes=1000-');
  });

  test('that sends other bytes is not asked again', async () => {
    await using second = new RegistryDouble();
    const layer = second.addBlob(bytes);
    bench.registry.intercept = (_, url) =>
      url.pathname.endsWith(layer.digest) ? new Response(Buffer.alloc(bytes.length)) : undefined;
    const image = await atBoth(second, [layer]);
    expect(await failureOf(read(image, layer))).toStartWith('data-loss: the registry sent ');
    expect(await read(image, layer)).toEqual(bytes);
  });

  test('that lacks the configuration is followed by the next', async () => {
    await using second = new RegistryDouble();
    const image = await atBoth(second, []);
    bench.registry.intercept = (_, url) =>
      url.pathname.includes('/blobs/') ? new Response(null, { status: 404 }) : undefined;
    expect(digestOf(await image.config(context, 10_000))).toBe(image.manifest.config.digest);
  });
});

describe('a registry in trouble', () => {
  test.each([429, 500, 502, 503, 504])('that says %d is asked again', async (status) => {
    bench.registry.addImage('app', 'latest', []);
    let asked = 0;
    bench.registry.intercept = () => (asked++ < 2 ? new Response('busy', { status }) : undefined);
    await bench.resolve(bench.here('app'));
    expect(asked).toBe(3);
  });

  test('is waited for as long as it asks', async () => {
    bench.registry.addImage('app', 'latest', []);
    const times: number[] = [];
    bench.registry.intercept = () => {
      times.push(performance.now());
      return times.length === 1
        ? failure(429, 'TOOMANYREQUESTS', 'slow down', { 'Retry-After': '1' })
        : undefined;
    };
    await bench.resolve(bench.here('app'));
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(950);
  });

  test('is not waited for very long', async () => {
    bench.registry.intercept = () => failure(429, 'TOOMANYREQUESTS', 'slow down', { 'Retry-After': '86400' });
    expect(await failureOf(bench.resolve(bench.here('app')))).toBe('internal: toomanyrequests: slow down');
    expect(bench.registry.requests).toHaveLength(1);
  });

  test('is not asked for ever', async () => {
    bench.registry.intercept = () => new Response(null, { status: 500 });
    expect(await failureOf(bench.resolve(bench.here('app')))).toBe(
      'internal: received unexpected HTTP status: 500 Internal Server Error',
    );
    expect(bench.registry.requests).toHaveLength(3);
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
