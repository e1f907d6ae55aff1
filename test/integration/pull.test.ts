import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** Names of all blobs in the daemon's store. */
function blobs(): string[] {
  const root = join(daemon.home, 'data/content');
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /[0-9a-f]{62,64}$/.test(path),
  );
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
    const before = blobs().sort();
    const broken = await registry.push('library/broken', '1', [
      base,
      Buffer.from('this is no tar'.repeat(100)),
    ]);
    const { status, messages } = await pull('fromImage=broken&tag=1');
    expect(status).toBe(200);
    expect(messages.at(-1).error).toBeString();
    expect((await daemon.request('GET', `/images/broken@${broken.digest}/json`)).status).toBe(404);
    expect(blobs().sort()).toEqual(before);
  });

  test('an image that is removed takes all of its blobs with it', async () => {
    const before = blobs().sort();
    daemon.sampan('pull', 'tools');
    expect(blobs().length).toBeGreaterThan(before.length);
    daemon.sampan('rmi', 'tools');
    expect(blobs().sort()).toEqual(before);
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
