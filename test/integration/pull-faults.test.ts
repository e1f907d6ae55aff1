import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { hexOf } from '../../src/oci/digest.ts';
import type { Descriptor, Manifest } from '../../src/oci/image.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../../src/oci/tar/writer.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { RegistryProxy } from '../fixtures/registry-proxy.ts';
import { fill, smallDisk } from '../fixtures/small-disk.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';

/** Of one layer, bytes; random, so that compressed it has as many. */
const LAYER = 12_000_000;
const STALL = 8_000_000;
/** A writer, and a connection, may hold this much in memory, which is lost. */
const UNWRITTEN = 2 << 20;

let registry: DockerRegistry;
let proxy: RegistryProxy;
let layer: Descriptor;

beforeAll(async () => {
  registry = await DockerRegistry.start();
  const manifest = await registry.push('large', 'latest', [tarWith(randomBytes(LAYER))]);
  const answer = await fetch(`${registry.url}/v2/large/manifests/${manifest.digest}`, {
    headers: { Accept: manifest.mediaType },
  });
  const { layers } = (await answer.json()) as Manifest;
  if (layers[0] === undefined) throw new Error('the image has a layer');
  [layer] = layers as [Descriptor];
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
});
beforeEach(() => {
  proxy = new RegistryProxy(registry.url);
});

function tarWith(body: Uint8Array): Buffer {
  const header = formatTarHeader({ type: 'file', name: 'file', mode: 0o644, size: body.length });
  return Buffer.concat([header, body, tarPadding(body.length), tarEnd]);
}

/** What the stream of a pull says last; undefined when client or daemon left before. */
function pull(daemon: TestDaemon, signal?: AbortSignal): Promise<string | undefined> {
  const path = `/images/create?fromImage=${proxy.host}/large&tag=latest`;
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  // A connection of its own: one that the daemon is about to close would break it.
  const asked = request({ socketPath: daemon.socket, path, method: 'POST', agent: false }, async (answer) => {
    const text = await answer.toArray().then(
      (parts) => Buffer.concat(parts).toString(),
      () => undefined,
    );
    const last = text?.trim().split('\r\n').at(-1);
    if (last === undefined) return resolve(undefined);
    const { status, error, message } = JSON.parse(last);
    resolve(error ?? status ?? message);
  });
  asked.on('error', () => resolve(undefined));
  signal?.addEventListener('abort', () => {
    asked.destroy();
    resolve(undefined);
  });
  asked.end();
  return promise;
}

/** A pull that has had the first bytes, and waits for more. */
async function startStalled(
  daemon: TestDaemon,
  signal?: AbortSignal,
): Promise<{ readonly end: Promise<unknown> }> {
  const { promise: stalled, resolve } = Promise.withResolvers<void>();
  proxy.stallAfter = STALL;
  proxy.onStall = resolve;
  const end = pull(daemon, signal);
  await stalled;
  proxy.stallAfter = Number.POSITIVE_INFINITY;
  return { end };
}

const partialOf = (daemon: TestDaemon): string =>
  join(daemon.home, 'data/content/partials', hexOf(layer.digest));

async function untilPartialHas(daemon: TestDaemon, bytes: number): Promise<void> {
  const size = (): number => statSync(partialOf(daemon), { throwIfNoEntry: false })?.size ?? 0;
  for (let tries = 0; size() < bytes; tries++) {
    if (tries > 1_000) throw new Error(`the partial has only ${size()} bytes`);
    await Bun.sleep(5);
  }
}

async function imagesOf(daemon: TestDaemon): Promise<string[]> {
  const { body } = await daemon.request('GET', '/images/json');
  return body.flatMap(({ RepoTags }: { RepoTags: string[] }) => RepoTags).sort();
}

describe('a pull', () => {
  test('that its client left goes on where it was', async () => {
    await using daemon = await TestDaemon.start();
    await using _ = proxy;
    const stop = new AbortController();
    const { end } = await startStalled(daemon, stop.signal);
    await untilPartialHas(daemon, STALL - UNWRITTEN);
    stop.abort();
    await end;
    expect(await pull(daemon)).toStartWith('Status: Downloaded newer image');
    expect(proxy.served(layer.digest)).toBeLessThanOrEqual(layer.size + UNWRITTEN);
  });

  test('of a daemon that was killed goes on where the disk was', async () => {
    await using daemon = await TestDaemon.start();
    await using _ = proxy;
    const { end } = await startStalled(daemon);
    await untilPartialHas(daemon, STALL - UNWRITTEN);
    await daemon.stopProcess('SIGKILL');
    await end;
    await daemon.startProcess();
    expect(await imagesOf(daemon)).toEqual(['busybox:latest']);
    expect(await pull(daemon)).toStartWith('Status: Downloaded newer image');
    expect(proxy.served(layer.digest)).toBeLessThanOrEqual(layer.size + UNWRITTEN);
  });

  test('beside another of the same image gets each byte once', async () => {
    await using daemon = await TestDaemon.start();
    await using _ = proxy;
    const ends = await Promise.all([pull(daemon), pull(daemon), pull(daemon)]);
    for (const end of ends) expect(end).toStartWith('Status: ');
    expect(proxy.served(layer.digest)).toBe(layer.size);
  });

  test('onto a full disk says so, leaves nothing, and succeeds when there is room', async () => {
    await using _ = proxy;
    using disk = smallDisk(64);
    await using daemon = await TestDaemon.start(['--data-root', join(disk.path, 'data')]);
    const stored = (): string[] =>
      ['content', 'snapshots'].flatMap((name) =>
        readdirSync(join(disk.path, 'data', name), { recursive: true, encoding: 'utf8' }).sort(),
      );
    const before = stored();
    const ballast = join(disk.path, 'ballast');
    for (const room of [3_000_000, 11_000_000, 17_000_000]) {
      fill(ballast, room, disk.path);
      expect(await pull(daemon)).toContain('no space left on device');
      expect(stored()).toEqual(before);
      expect(await imagesOf(daemon)).toEqual(['busybox:latest']);
    }
    rmSync(ballast);
    expect(await pull(daemon)).toStartWith('Status: Downloaded newer image');
    daemon.sampan('rmi', `${proxy.host}/large`);
    expect(stored()).toEqual(before);
  });
});
