import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RegistryDouble } from '../../src/distribution/testing/registry-double.ts';
import { digestOf, hexOf } from '../../src/oci/digest.ts';
import type { Descriptor } from '../../src/oci/image.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { makeBusyboxRoot, tarOf } from '../fixtures/busybox-root.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

let registry: DockerRegistry;
let daemon: TestDaemon;
let base: Buffer;
let image: Descriptor;

beforeAll(async () => {
  registry = await DockerRegistry.start();
  daemon = await TestDaemon.start(['--registry-mirror', registry.url]);
  base = busyboxTar();
  image = await registry.push('library/tools', 'latest', [base, tarWith('note', 'hello')], { Cmd: ['sh'] });
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});
beforeEach(async () => {
  const { body } = await daemon.request('GET', '/images/json');
  for (const { Id, RepoTags } of body) {
    if (!RepoTags.includes('busybox:latest')) await daemon.request('DELETE', `/images/${Id}?force=1`);
  }
});

function busyboxTar(): Buffer {
  return withDirectory((directory) => {
    makeBusyboxRoot(directory);
    return tarOf(directory);
  });
}

function tarWith(name: string, text: string): Buffer {
  return withDirectory((directory) => {
    writeFileSync(join(directory, name), text);
    return tarOf(directory);
  });
}

function withDirectory<T>(work: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'sampan-pull-'));
  try {
    return work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** All messages of a pull through the API. */
async function pull(query: string): Promise<{ status: number; messages: Json[] }> {
  const answer = await fetch(`http://d/images/create?${query}`, { method: 'POST', unix: daemon.socket });
  const text = await answer.text();
  return {
    status: answer.status,
    messages: text
      .trim()
      .split('\r\n')
      .map((line) => JSON.parse(line)),
  };
}

/** Everything that the daemon stores of images, but what waits for the next try of a pull. */
function stored(): string[] {
  const root = join(daemon.home, 'data');
  return ['content', 'snapshots']
    .flatMap((name) => readdirSync(join(root, name), { recursive: true, encoding: 'utf8' }))
    .filter((name) => !name.startsWith('partials/'))
    .sort();
}

/** A registry whose image has a layer that never ends; resolves `stuck` when the layer is being read. */
function stuckRegistry(): { double: RegistryDouble; stuck: Promise<void> } {
  const double = new RegistryDouble();
  const layer = double.addBlob(base);
  double.addImage('stuck', 'latest', [layer]);
  const { promise: stuck, resolve } = Promise.withResolvers<void>();
  double.intercept = (_, url) => {
    if (!url.pathname.endsWith(layer.digest)) return undefined;
    const start = (controller: ReadableStreamDefaultController): void => {
      controller.enqueue(base.subarray(0, 100_000));
      setTimeout(resolve, 100);
    };
    return new Response(new ReadableStream({ start }));
  };
  return { double, stuck };
}

describe('pull', () => {
  test('brings an image that runs, and tells how in the words of docker', async () => {
    const { stdout, stderr, status } = daemon.run('sampan', ['pull', 'tools']);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    const lines = stdout.trim().split('\n');
    expect(lines.slice(0, 2)).toEqual(['Using default tag: latest', 'latest: Pulling from library/tools']);
    expect(lines.slice(-3)).toEqual([
      `Digest: ${image.digest}`,
      'Status: Downloaded newer image for tools:latest',
      'docker.io/library/tools:latest',
    ]);
    expect(lines.filter((line) => line.endsWith(': Pull complete'))).toHaveLength(2);
    expect(daemon.sampan('run', '--rm', 'tools', 'cat', '/note')).toBe('hello');
    const { body } = await daemon.request('GET', '/images/tools/json');
    expect(body.RepoDigests).toEqual([`tools@${image.digest}`]);
  });

  test('of what is here says so', async () => {
    daemon.sampan('pull', 'tools');
    const { messages } = await pull('fromImage=tools&tag=latest');
    expect(messages.map(({ status }) => status)).toEqual([
      'Pulling from library/tools',
      'Already exists',
      'Already exists',
      `Digest: ${image.digest}`,
      'Status: Image is up to date for tools:latest',
    ]);
  });

  test('fetches only the layers that are not here', async () => {
    daemon.sampan('pull', 'tools');
    await registry.push('library/other', '1', [base, tarWith('other', 'x')]);
    const { messages } = await pull('fromImage=other&tag=1');
    const statuses = messages.map(({ status }) => status);
    expect(statuses.filter((status) => status === 'Already exists')).toHaveLength(1);
    expect(statuses.filter((status) => status === 'Pull complete')).toHaveLength(1);
  });

  test('by digest gives no tag', async () => {
    const name = `tools@${image.digest}`;
    expect(daemon.sampan('pull', name)).toContain(`Status: Downloaded newer image for ${name}`);
    const { body } = await daemon.request('GET', `/images/${name}/json`);
    expect([body.RepoTags, body.RepoDigests]).toEqual([[], [name]]);
    expect(daemon.sampan('run', '--rm', name, 'echo', 'ran')).toBe('ran');
  });

  test('chooses the platform of an index, whose digest names the image', async () => {
    const index = await registry.manifest('library/tools', 'multi', mediaTypes.ociIndex, {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [{ ...image, platform: { os: 'linux', architecture: 'amd64' } }],
    });
    expect(daemon.sampan('pull', '--platform', 'linux/amd64', 'tools:multi')).toContain(
      `Digest: ${index.digest}`,
    );
    const { status, messages } = await pull('fromImage=tools&tag=multi&platform=linux/s390x');
    expect(status).toBe(404);
    expect(messages[0].message).toContain('no matching manifest for linux/s390x');
  });

  test('of all tags brings each', async () => {
    await registry.push('library/many', 'one', [base]);
    await registry.push('library/many', 'two', [base]);
    daemon.sampan('pull', '--all-tags', 'many');
    const { body } = await daemon.request('GET', '/images/many:one/json');
    expect(body.RepoTags.sort()).toEqual(['many:one', 'many:two']);
  });

  test('of a name that is not there fails before the first message', async () => {
    const { status, messages } = await pull(`fromImage=${registry.host}/nothing&tag=1`);
    expect(status).toBe(404);
    expect(messages[0].message).toStartWith(
      `manifest for ${registry.host}/nothing:1 not found: manifest unknown`,
    );
  });

  test('is told as an event', async () => {
    const since = String(Math.floor(Date.now() / 1_000) - 1);
    daemon.sampan('pull', 'tools');
    const events = daemon.sampan(
      'events',
      '--since',
      since,
      '--until',
      String(Math.ceil(Date.now() / 1_000)),
      '--filter',
      'event=pull',
      '--format',
      '{{json .}}',
    );
    const last = JSON.parse(events.split('\n').at(-1) ?? '');
    expect([last.Type, last.Action, last.Actor.ID, last.Actor.Attributes.name]).toEqual([
      'image',
      'pull',
      'tools:latest',
      'tools',
    ]);
  });

  test('that fails leaves nothing behind', async () => {
    const before = stored();
    const broken = await registry.push('library/broken', '1', [
      base,
      Buffer.from('this is no tar'.repeat(100)),
    ]);
    const { status, messages } = await pull('fromImage=broken&tag=1');
    expect(status).toBe(200);
    expect(messages.at(-1).error).toBeString();
    expect((await daemon.request('GET', `/images/broken@${broken.digest}/json`)).status).toBe(404);
    expect(stored()).toEqual(before);
  });

  test('ends with its client, and leaves nothing behind but what came', async () => {
    const before = stored();
    const { double, stuck } = stuckRegistry();
    await using _ = double;
    const stop = new AbortController();
    const pulling = fetch(`http://d/images/create?fromImage=${double.host}/stuck&tag=latest`, {
      method: 'POST',
      unix: daemon.socket,
      signal: stop.signal,
    });
    pulling.catch(() => {});
    await stuck;
    stop.abort();
    const partial = join(daemon.home, 'data/content/partials', hexOf(digestOf(base)));
    for (let tries = 0; tries < 200 && statSync(partial).size === 0; tries++) await Bun.sleep(10);
    expect(stored()).toEqual(before);
    double.intercept = () => undefined;
    await pull(`fromImage=${double.host}/stuck&tag=latest`);
    expect(double.requests.at(-1)?.range).toBe('bytes=100000-');
    expect(existsSync(partial)).toBe(false);
  });

  test('of a daemon that is killed leaves nothing for the next one', async () => {
    const before = stored();
    const { double, stuck } = stuckRegistry();
    await using _ = double;
    const pulling = pull(`fromImage=${double.host}/stuck&tag=latest`).catch(() => undefined);
    await stuck;
    await daemon.stopProcess('SIGKILL');
    await pulling;
    await daemon.startProcess();
    expect(stored()).toEqual(before);
    double.intercept = () => undefined;
    expect((await pull(`fromImage=${double.host}/stuck&tag=latest`)).messages.at(-1).status).toStartWith(
      'Status: Downloaded newer image',
    );
  });

  test('an image that is removed takes all that was stored of it with it', async () => {
    const before = stored();
    daemon.sampan('pull', 'tools');
    expect(stored().length).toBeGreaterThan(before.length);
    daemon.sampan('rmi', 'tools');
    expect(stored()).toEqual(before);
  });
});

describe('run', () => {
  test('of an image that is not here pulls it', () => {
    const { stdout, stderr, status } = daemon.run('sampan', ['run', '--rm', 'tools', 'echo', 'ran']);
    expect([stdout, status]).toEqual(['ran\n', 0]);
    expect(stderr).toStartWith(
      "Unable to find image 'tools:latest' locally\nlatest: Pulling from library/tools\n",
    );
    expect(stderr).toContain('Status: Downloaded newer image for tools:latest\n');
  });

  test('with --pull always asks the registry each time', () => {
    daemon.sampan('pull', 'tools');
    const { stderr } = daemon.run('sampan', ['run', '--rm', '--pull', 'always', 'tools', 'true']);
    expect(stderr).toContain('Status: Image is up to date for tools:latest\n');
  });
});
