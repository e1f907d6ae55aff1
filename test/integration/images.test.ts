import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '../../src/oci/digest.ts';
import { makeBusyboxRoot, tarOf } from '../fixtures/busybox-root.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

let registry: DockerRegistry;
let daemon: TestDaemon;
let base: Buffer;
let note: Buffer;

beforeAll(async () => {
  registry = await DockerRegistry.start();
  daemon = await TestDaemon.start();
  base = tarWith(makeBusyboxRoot);
  note = tarWith((directory) => writeFileSync(join(directory, 'note'), 'hello'));
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});
beforeEach(async () => {
  for (const { Id } of await get('/containers/json?all=1')) {
    await daemon.request('DELETE', `/containers/${Id}?force=1`);
  }
  for (const { Id, RepoTags } of await get('/images/json?all=1')) {
    const others = RepoTags.filter((name: string) => name !== 'busybox:latest');
    const names = RepoTags.length === 0 ? [Id] : others;
    for (const name of names) await daemon.request('DELETE', `/images/${name}?force=1`);
  }
});

function tarWith(fill: (directory: string) => void): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'sampan-images-'));
  try {
    fill(directory);
    return tarOf(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function get(path: string): Promise<Json> {
  return (await daemon.request('GET', path)).body;
}

async function save(...names: string[]): Promise<Buffer> {
  const query = names.map((name) => `names=${encodeURIComponent(name)}`).join('&');
  const answer = await fetch(`http://d/images/get?${query}`, { unix: daemon.socket });
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

/** The messages of a load through the API. */
async function load(archive: Uint8Array, query = ''): Promise<Json[]> {
  const answer = await fetch(`http://d/images/load?${query}`, {
    method: 'POST',
    unix: daemon.socket,
    body: archive,
  });
  const lines = (await answer.text()).trim().split('\r\n');
  return lines.map((line) => JSON.parse(line));
}

/** Pulls an image of two layers from the registry, and gives it further names. */
async function pulled(...names: string[]): Promise<string> {
  const image = await registry.push('pulled', 'v1', [base, note]);
  daemon.sampan('pull', `${registry.host}/pulled:v1`);
  for (const name of names) daemon.sampan('tag', `${registry.host}/pulled:v1`, name);
  return image.digest;
}

async function manifestIn(repository: string, tag: string): Promise<{ digest: string; body: Json }> {
  const answer = await fetch(`${registry.url}/v2/${repository}/manifests/${tag}`, {
    headers: { Accept: 'application/vnd.docker.distribution.manifest.v2+json' },
  });
  const text = await answer.text();
  return { digest: digestOf(text), body: JSON.parse(text) };
}

describe('push', () => {
  test.each(['docker', 'sampan'] as const)(
    'by %s brings an image that can be pulled and run',
    async (program) => {
      const name = `${registry.host}/by-${program}:v1`;
      daemon.sampan('tag', 'busybox', name);
      const { stdout, stderr, status } = daemon.run(program, ['push', name]);
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
      const { digest } = await manifestIn(`by-${program}`, 'v1');
      expect(stdout).toStartWith(`The push refers to repository [${registry.host}/by-${program}]\n`);
      expect(stdout).toMatch(/^[0-9a-f]{12}: (Pushed|Mounted from by-docker)$/m);
      expect(stdout).toMatch(new RegExp(`v1: digest: ${digest} size: \\d+\\n$`));
      const { RepoDigests } = await get(`/images/${name}/json`);
      expect(RepoDigests).toContain(`${registry.host}/by-${program}@${digest}`);
      daemon.sampan('rmi', name);
      expect(daemon.sampan('run', '--rm', name, 'echo', 'ran')).toBe('ran');
    },
  );

  test('of what was pulled gives the same digest, and takes its layers over', async () => {
    const digest = await pulled(`${registry.host}/again:v2`);
    const { stdout } = daemon.run('sampan', ['push', `${registry.host}/again:v2`]);
    expect(stdout.match(/: Mounted from pulled$/gm)).toHaveLength(2);
    expect((await manifestIn('again', 'v2')).digest).toBe(digest);
    const second = daemon.run('sampan', ['push', `${registry.host}/again:v2`]);
    expect(second.stdout.match(/: Layer already exists$/gm)).toHaveLength(2);
  });

  test('of all tags brings each', async () => {
    daemon.sampan('tag', 'busybox', `${registry.host}/many:one`);
    daemon.sampan('tag', 'busybox', `${registry.host}/many:two`);
    const { stdout } = daemon.run('docker', ['push', '--all-tags', `${registry.host}/many`]);
    expect(stdout.match(/^(one|two): digest: sha256:/gm)).toEqual([
      'one: digest: sha256:',
      'two: digest: sha256:',
    ]);
  });

  test('of nothing fails in the words of docker', () => {
    const { stderr, status } = daemon.run('docker', ['push', `${registry.host}/none`]);
    expect(status).toBe(1);
    expect(stderr).toContain(`An image does not exist locally with the tag: ${registry.host}/none`);
  });
});

describe('save and load', () => {
  test('give the same image, bytes and digest again', async () => {
    const digest = await pulled('mine:v1');
    const before = await get('/images/mine:v1/json');
    const archive = await save('mine:v1', 'busybox');
    expect((await save('mine:v1', 'busybox')).equals(archive)).toBe(true);
    daemon.sampan('rmi', 'mine:v1', `${registry.host}/pulled:v1`);
    const messages = await load(archive);
    expect(messages.map(({ stream }) => stream)).toEqual([
      'Loaded image: mine:v1\n',
      'Loaded image: busybox:latest\n',
    ]);
    const after = await get('/images/mine:v1/json');
    expect([after.Id, after.RootFS]).toEqual([before.Id, before.RootFS]);
    expect((await save('mine:v1', 'busybox')).equals(archive)).toBe(true);
    expect(daemon.sampan('run', '--rm', 'mine:v1', 'cat', '/note')).toBe('hello');
    daemon.sampan('tag', 'mine:v1', `${registry.host}/loaded:v1`);
    daemon.sampan('push', `${registry.host}/loaded:v1`);
    expect((await manifestIn('loaded', 'v1')).digest).toBe(digest);
  });

  test('work with the command line of docker', () => {
    const file = join(daemon.home, 'saved.tar');
    daemon.sampan('tag', 'busybox', 'copy:v1');
    expect(daemon.run('docker', ['save', '-o', file, 'copy:v1']).status).toBe(0);
    daemon.sampan('rmi', 'copy:v1');
    expect(daemon.run('docker', ['load', '-i', file]).stdout).toBe('Loaded image: copy:v1\n');
  });

  test('tell how the layers get on', async () => {
    await pulled('mine:v1');
    const archive = await save('mine:v1');
    daemon.sampan('rmi', 'mine:v1', `${registry.host}/pulled:v1`);
    const messages = await load(archive, 'quiet=0');
    const layers = messages.filter(({ status }) => status === 'Loading layer');
    expect(new Set(layers.map(({ id }) => id)).size).toBe(2);
  });

  test('of a broken archive tells why, and leaves no image', async () => {
    await pulled('mine:v1');
    const archive = await save('mine:v1');
    daemon.sampan('rmi', 'mine:v1', `${registry.host}/pulled:v1`);
    const before = await get('/images/json');
    const [message] = await load(archive.subarray(0, archive.length / 2));
    expect(message.error).toContain('unexpected EOF');
    expect(await get('/images/json')).toEqual(before);
  });

  test('of a name that is not there fails with a status', async () => {
    const { status, body } = await daemon.request('GET', '/images/get?names=busybox&names=none:v1');
    expect([status, body.message]).toEqual([404, 'reference does not exist']);
  });
});

describe('commit', () => {
  test('makes an image over its parent that runs and can be pushed', async () => {
    daemon.sampan('run', '--name', 'worker', 'busybox', 'sh', '-c', 'echo done > /result; rm /etc/group');
    const commit = ['commit', '-a', 'me', '-m', 'why', '-c', 'CMD ["cat", "/result"]', 'worker', 'made:v1'];
    const { stdout, status, stderr } = daemon.run('docker', commit);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect(daemon.sampan('run', '--rm', 'made:v1')).toBe('done');
    expect(daemon.run('sampan', ['run', '--rm', 'made:v1', 'ls', '/etc/group']).status).not.toBe(0);
    const image = await get('/images/made:v1/json');
    const parent = await get('/images/busybox/json');
    expect(image).toMatchObject({ Id: stdout.trim(), Author: 'me', Comment: 'why', Parent: parent.Id });
    expect(image.RootFS.Layers.slice(0, -1)).toEqual(parent.RootFS.Layers);
    const history = await get('/images/made:v1/history');
    expect(history.map(({ Id }: Json) => Id)).toEqual([image.Id, parent.Id]);
    daemon.sampan('tag', 'made:v1', `${registry.host}/made:v1`);
    daemon.sampan('push', `${registry.host}/made:v1`);
    expect((await manifestIn('made', 'v1')).body.layers).toHaveLength(image.RootFS.Layers.length);
  });
});

describe('layers', () => {
  test('tell what a commit added, removed and wasted', async () => {
    daemon.sampan('run', '--name', 'worker', 'busybox', 'sh', '-c', 'echo done > /result; rm /etc/group');
    const group = 'root:x:0:\naudio:x:29:www-data\nwww-data:x:33:\n';
    daemon.sampan('commit', 'worker', 'made:v1');
    const [, top] = await get('/images/made:v1/layers');
    expect(top).toMatchObject({
      Added: { Count: 1, Bytes: 5 },
      Removed: { Count: 1, Bytes: group.length },
      Wasted: group.length,
    });
    const answer = await fetch(`http://d/images/made:v1/layers/${top.DiffId}/changes`, {
      unix: daemon.socket,
    });
    const changes = (await answer.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(changes.filter(({ Kind }) => Kind !== 'changed')).toEqual([
      { Kind: 'removed', Path: '/etc/group', Size: group.length },
      { Kind: 'added', Path: '/result', Size: 5 },
    ]);
  });
});

describe('mount', () => {
  test('shows an image on the host, across a daemon that is killed, until it is unmounted', async () => {
    await pulled('mine:v1');
    daemon.sampan('rmi', `${registry.host}/pulled:v1`);
    const { body: mounted } = await daemon.request('POST', '/images/mine:v1/mount');
    try {
      expect(readFileSync(join(mounted.Path, 'note'), 'utf8')).toBe('hello');
      expect(() => writeFileSync(join(mounted.Path, 'new'), '')).toThrow('EROFS');
      await daemon.stopProcess('SIGKILL');
      await daemon.startProcess();
      expect(await get('/images/mounts')).toEqual([mounted]);
      expect((await daemon.request('POST', '/images/mine:v1/mount')).body).toEqual(mounted);
      const { status, body } = await daemon.request('DELETE', '/images/mine:v1?force=1');
      expect([status, body.message]).toEqual([409, expect.stringContaining('image is mounted at')]);
    } finally {
      expect((await daemon.request('DELETE', `/images/${mounted.Id}/mount`)).status).toBe(204);
    }
    expect(existsSync(mounted.Path)).toBe(false);
    expect((await daemon.request('DELETE', `/images/${mounted.Id}/mount`)).status).toBe(304);
    daemon.sampan('rmi', 'mine:v1');
  });
});

describe('prune', () => {
  test('removes what no container uses, and frees the disk', async () => {
    await pulled('mine:v1');
    daemon.sampan('tag', 'busybox', 'used:v1');
    daemon.sampan('create', '--name', 'holder', 'used:v1');
    const before = await get('/system/df?type=image');
    const filters = encodeURIComponent(JSON.stringify({ dangling: ['false'] }));
    const { body } = await daemon.request('POST', `/images/prune?filters=${filters}`);
    const tags = (await get('/images/json')).flatMap(({ RepoTags }: Json) => RepoTags);
    expect(tags.sort()).toEqual(['busybox:latest', 'used:v1']);
    expect(body.SpaceReclaimed).toBeGreaterThan(note.length);
    const after = await get('/system/df?type=image');
    expect(before.LayersSize - after.LayersSize).toBe(body.SpaceReclaimed);
  });
});
