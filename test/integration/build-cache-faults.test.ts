import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { CacheExchange, ran } from '../fixtures/cache-exchange.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { RegistryProxy } from '../fixtures/registry-proxy.ts';
import type { Outcome, TestDaemon } from '../fixtures/test-daemon.ts';

/** Caches of builds that are slow to come, break off, or cannot be had. */

let exchange: CacheExchange;
let first: TestDaemon;
let second: TestDaemon;
let registry: DockerRegistry;

beforeAll(async () => {
  exchange = await CacheExchange.open();
  ({ first, second, registry } = exchange);
});
afterAll(() => exchange?.[Symbol.asyncDispose]());
beforeEach(() => exchange.forget());

describe('a cache behind a slow connection', () => {
  const LARGE = 4 << 20;
  /** A stage that leaves much of which the image has nothing, and a step that the image has much of. */
  const large = (): Readonly<Record<string, string>> => ({
    Dockerfile: [
      ...[
        'FROM busybox AS tools',
        `RUN echo ran-tool-${exchange.counter++} && head -c ${LARGE} /dev/urandom > /big && echo x > /tool`,
      ],
      ...[
        'FROM busybox',
        `RUN echo ran-main && head -c ${LARGE} /dev/urandom > /own`,
        'COPY --from=tools /tool /tool',
      ],
    ].join('\n'),
  });

  /** Forms of layers that are large, as the registry has them. */
  async function largeBlobs(name: string): Promise<string[]> {
    const [repository, tag] = name.slice(registry.host.length + 1).split(':');
    const accept = { Accept: 'application/vnd.oci.image.manifest.v1+json' };
    const answer = await fetch(`${registry.url}/v2/${repository}/manifests/${tag}`, { headers: accept });
    const { layers } = (await answer.json()) as { layers: { digest: string; size: number }[] };
    return layers.filter(({ size }) => size > LARGE / 2).map(({ digest }) => digest);
  }

  function begin(daemon: TestDaemon, content: Readonly<Record<string, string>>, from: string) {
    const program = join(import.meta.dir, '../../sampan');
    const command = [
      program,
      'build',
      '--progress=plain',
      '-t',
      'app',
      '--cache-from',
      from,
      exchange.contextOf(content),
    ];
    const child = Bun.spawn(command, {
      ...{ stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' },
      env: { ...process.env, SAMPAN_HOST: `unix://${daemon.socket}` },
    });
    const outcome = async (): Promise<Outcome> => {
      const stderr = await child.stderr.text();
      return { stdout: '', stderr, status: await child.exited };
    };
    return { child, outcome: outcome() };
  }

  test('gives only what is needed', async () => {
    await using proxy = new RegistryProxy(registry.url);
    const content = large();
    const name = `${registry.host}/team/app:large-${exchange.counter}`;
    exchange.build(first, content, '--cache-to', `type=registry,ref=${name},mode=max`);
    const blobs = await largeBlobs(name);
    expect(blobs).toHaveLength(2);
    const { outcome } = begin(second, content, name.replace(registry.host, proxy.host));
    expect(ran(await outcome)).toEqual([]);
    const served = blobs.map((digest) => proxy.served(digest)).sort((a, b) => a - b);
    expect([served[0], (served[1] ?? 0) > LARGE / 2]).toEqual([0, true]);
  });

  test('that is given up, or with a daemon that is killed, leaves nothing in the way of the next build', async () => {
    await using proxy = new RegistryProxy(registry.url);
    const content = large();
    const name = `${registry.host}/team/app:large-${exchange.counter}`;
    exchange.build(first, content, '--cache-to', `type=registry,ref=${name},mode=max`);
    const from = name.replace(registry.host, proxy.host);
    for (const end of ['client', 'daemon'] as const) {
      const stalled = Promise.withResolvers<void>();
      proxy.stallAfter = 1 << 20;
      proxy.onStall = () => stalled.resolve();
      const { child, outcome } = begin(second, content, from);
      await stalled.promise;
      if (end === 'client') child.kill('SIGINT');
      else await second.stopProcess('SIGKILL');
      expect((await outcome).status).not.toBe(0);
      if (end === 'daemon') await second.startProcess();
      expect(second.run('sampan', ['inspect', 'app']).status).toBe(1);
    }
    proxy.stallAfter = Number.POSITIVE_INFINITY;
    expect(ran(await begin(second, content, from).outcome)).toEqual([]);
    expect(second.sampan('run', '--rm', 'app', 'sha256sum', '/own')).toBe(
      first.sampan('run', '--rm', 'app', 'sha256sum', '/own'),
    );
  });
});

describe('a cache that cannot be had', () => {
  test('as its registry is away is told, and the build goes on', async () => {
    const gone = await DockerRegistry.start();
    const name = `${gone.host}/app:cache`;
    await gone[Symbol.asyncDispose]();
    const outcome = exchange.build(second, exchange.files(), '--cache-from', name);
    expect(ran(outcome)).toHaveLength(2);
    expect(outcome.stderr).toContain(`importing cache manifest from ${name}`);
    expect(outcome.stderr).toMatch(/ERROR: /);
  });

  test('as its registry is away cannot be written, which fails the build unless it shall not matter', async () => {
    const gone = await DockerRegistry.start();
    const name = `${gone.host}/app:cache`;
    await gone[Symbol.asyncDispose]();
    const content = exchange.files();
    expect(exchange.build(first, content, '--cache-to', name).status).toBe(1);
    expect(
      exchange.build(first, content, '--cache-to', `type=registry,ref=${name},ignore-error=true`).status,
    ).toBe(0);
  });

  test('as it is an image of somebody else is told', async () => {
    await registry.push('plain', '1', []);
    const outcome = exchange.build(second, exchange.files(), '--cache-from', `${registry.host}/plain:1`);
    expect(ran(outcome)).toHaveLength(2);
    expect(outcome.stderr).toContain('is an image without a cache in it');
  });

  test.each(['gha', 's3', 'azblob'])('as its type is %s is refused', (type) => {
    for (const flag of ['--cache-to', '--cache-from']) {
      const { status, stderr } = exchange.build(second, exchange.files(), flag, `type=${type}`);
      expect([status, stderr]).toEqual([1, expect.stringContaining(`of type "${type}" is not supported`)]);
    }
  });
});
