import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '../../src/oci/digest.ts';
import { makeBusyboxRoot } from '../fixtures/busybox-root.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { Dockerd } from '../fixtures/dockerd.ts';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

const ourImages = ['ours', 'kept', 'pulled', 'pushed'];

/** Where archives and the other tools' storage are. */
let work: string;
let daemon: TestDaemon;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'sampan-interchange-'));
  // All that podman keeps goes with the directory.
  writeFileSync(
    join(work, 'containers.conf'),
    `[engine]\ntmp_dir = "${work}/libpod"\nlock_type = "file"\nevents_logger = "none"\n`,
  );
  makeTheirImage();
  daemon = await TestDaemon.start();
  await makeOurImages();
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  rmSync(work, { recursive: true });
});
afterEach(async () => {
  for (const { RepoTags } of await get('/images/json')) {
    for (const name of RepoTags.filter((tag: string) => tag.startsWith('localhost/their'))) {
      await daemon.request('DELETE', `/images/${name}?force=1`);
    }
  }
});

/** Runs a tool, which must succeed; what it printed. */
function tool(program: string, ...args: string[]): string {
  const env = { ...process.env, CONTAINERS_CONF: join(work, 'containers.conf') };
  const { stdout, stderr, status } = spawnSync(program, args, { cwd: work, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} exited with ${status}: ${stderr}`);
  return stdout.trim();
}

function storage(): string[] {
  return ['--root', join(work, 'storage'), '--runroot', join(work, 'run'), '--storage-driver', 'vfs'];
}

function podman(...args: string[]): string {
  return tool('podman', ...storage(), ...args);
}

function buildah(...args: string[]): string {
  return tool('buildah', ...storage(), ...args);
}

async function get(path: string): Promise<Json> {
  return (await daemon.request('GET', path)).body;
}

/** "localhost/their:v1" in their storage: busybox under a layer with a file more and a file less. */
function makeTheirImage(): void {
  const root = join(work, 'root');
  mkdirSync(root);
  makeBusyboxRoot(root);
  tool('tar', '-C', root, '-cf', 'root.tar', '.');
  podman('import', 'root.tar', 'localhost/base:v1');
  const container = buildah('from', 'localhost/base:v1');
  const mounted = buildah('mount', container);
  writeFileSync(join(mounted, 'note'), 'hello');
  rmSync(join(mounted, 'etc/group'));
  buildah('config', '--cmd', 'cat /note', '--env', 'A=b', container);
  buildah('commit', '--quiet', container, 'localhost/their:v1');
  buildah('rm', container);
}

/**
 * "ours:v1" of plain tars, "kept:v1" as it came with an OCI manifest, "pulled:v1" with Docker's, "pushed:v1" with the layers and the manifest
 * that were made for a push; saved to files, and unpacked as layouts.
 */
async function makeOurImages(): Promise<void> {
  daemon.sampan('run', '--name', 'worker', 'busybox', 'sh', '-c', 'echo hello > /note; rm /etc/group');
  daemon.sampan('commit', 'worker', 'ours:v1');
  daemon.sampan('commit', '--message', 'to be pushed', 'worker', 'pushed:v1');
  daemon.sampan('rm', 'worker');
  podman('save', '--quiet', '--format', 'oci-archive', '-o', 'elsewhere.tar', 'localhost/their:v1');
  daemon.sampan('load', '-i', join(work, 'elsewhere.tar'));
  daemon.sampan('tag', 'localhost/their:v1', 'kept:v1');
  daemon.sampan('rmi', 'localhost/their:v1');
  await using registry = await DockerRegistry.start();
  await registry.push('pulled', 'v1', [readFileSync(join(work, 'root.tar'))]);
  daemon.sampan('pull', `${registry.host}/pulled:v1`);
  daemon.sampan('tag', `${registry.host}/pulled:v1`, 'pulled:v1');
  daemon.sampan('tag', 'pushed:v1', `${registry.host}/pushed:v1`);
  daemon.sampan('push', `${registry.host}/pushed:v1`);
  for (const name of ourImages) {
    daemon.sampan('save', '-o', join(work, `${name}.tar`), `${name}:v1`);
    mkdirSync(join(work, name));
    tool('tar', '-C', name, '-xf', `${name}.tar`);
  }
}

/** Loads a file here and runs what is in it. */
async function loadHere(file: string): Promise<{ id: string; name: string }> {
  const name = /^Loaded image: (\S+)$/m.exec(daemon.sampan('load', '-i', join(work, file)))?.[1] ?? '';
  expect(daemon.sampan('run', '--rm', name, 'cat', '/note')).toBe('hello');
  expect(daemon.run('sampan', ['run', '--rm', name, 'ls', '/etc/group']).status).not.toBe(0);
  return { id: (await get(`/images/${name}/json`)).Id, name };
}

/** The digest of the configuration that skopeo finds. */
function configDigest(image: string): string {
  return digestOf(spawnSync('skopeo', ['inspect', '--raw', '--config', image], { cwd: work }).stdout);
}

describe('images made by', () => {
  test('podman load here, as docker-archive', async () => {
    podman('save', '--quiet', '--format', 'docker-archive', '-o', 'podman.tar', 'localhost/their:v1');
    const { id, name } = await loadHere('podman.tar');
    expect([id, name]).toEqual([configDigest('docker-archive:podman.tar'), 'localhost/their:v1']);
  });

  test('podman load here, as OCI archive, and keep their digest', async () => {
    podman('save', '--quiet', '--format', 'oci-archive', '-o', 'podman-oci.tar', 'localhost/their:v1');
    const { id, name } = await loadHere('podman-oci.tar');
    expect([id, name]).toEqual([configDigest('oci-archive:podman-oci.tar'), 'localhost/their:v1']);
    daemon.sampan('save', '-o', join(work, 'again.tar'), name);
    expect(skopeoDigest('oci-archive:again.tar')).toBe(skopeoDigest('oci-archive:podman-oci.tar'));
  });

  test.each(['oci', 'docker'])('buildah load here, with a configuration of %s', async (format) => {
    const container = buildah('from', 'localhost/their:v1');
    const file = `${format}-archive:buildah-${format}.tar:localhost/their:built`;
    buildah('commit', '--quiet', '--format', format, container, file);
    buildah('rm', container);
    const { id, name } = await loadHere(`buildah-${format}.tar`);
    expect([id, name]).toEqual([
      configDigest(`${format}-archive:buildah-${format}.tar`),
      'localhost/their:built',
    ]);
  });

  test('skopeo load here, with zstd layers', async () => {
    podman('save', '--quiet', '--format', 'oci-archive', '-o', 'for-zstd.tar', 'localhost/their:v1');
    const zstd = ['--dest-compress-format', 'zstd', '--dest-compress'];
    tool('skopeo', 'copy', '--quiet', ...zstd, 'oci-archive:for-zstd.tar', 'oci:zstd:localhost/their:zstd');
    tool('tar', '-C', 'zstd', '-cf', 'zstd.tar', '.');
    const { id } = await loadHere('zstd.tar');
    expect(id).toBe(configDigest('oci:zstd:localhost/their:zstd'));
  });

  test('umoci load here', async () => {
    podman('save', '--quiet', '--format', 'oci-dir', '-o', 'umoci', 'localhost/their:v1');
    const reference = tool('umoci', 'list', '--layout', 'umoci');
    tool('umoci', 'unpack', '--image', `umoci:${reference}`, 'bundle');
    writeFileSync(join(work, 'bundle/rootfs/by-umoci'), 'yes');
    tool('umoci', 'repack', '--image', 'umoci:localhost/their:umoci', 'bundle');
    tool('umoci', 'rm', '--image', `umoci:${reference}`);
    tool('tar', '-C', 'umoci', '-cf', 'umoci.tar', '.');
    const { id, name } = await loadHere('umoci.tar');
    expect(id).toBe(configDigest('oci:umoci:localhost/their:umoci'));
    expect(daemon.sampan('run', '--rm', name, 'cat', '/by-umoci')).toBe('yes');
  });
});

function skopeoDigest(image: string): string {
  return tool('skopeo', 'inspect', '--no-tags', '--format', '{{.Digest}}', image);
}

/** The tree that a tool made of one of our images is the one that we show. */
async function expectSameTree(name: string, directory: string): Promise<void> {
  const { body } = await daemon.request('POST', `/images/${name}:v1/mount`);
  try {
    expect(tool('diff', '-r', '--no-dereference', body.Path, directory)).toBe('');
    const list = 'cd "$0" && find . -mindepth 1 -printf "%P %y %m %U %G %s %T@ %l\\n" | grep -v " d " | sort';
    expect(tool('sh', '-c', list, directory)).toBe(tool('sh', '-c', list, body.Path));
  } finally {
    await daemon.request('DELETE', `/images/${body.Id}/mount`);
  }
}

describe.each(ourImages)('the image "%s" saved here', (name) => {
  test('is loaded by podman, with the same files', async () => {
    expect(podman('load', '--quiet', '-i', `${name}.tar`)).toContain(`${name}:v1`);
    const { Id } = await get(`/images/${name}:v1/json`);
    expect(podman('image', 'inspect', '--format', '{{.Id}}', `${name}:v1`)).toBe(Id.slice(7));
    await expectSameTree(name, podman('image', 'mount', `${name}:v1`));
    podman('image', 'unmount', `${name}:v1`);
  });

  test('is loaded by buildah', async () => {
    const container = buildah('from', `docker-archive:${name}.tar`);
    await expectSameTree(name, buildah('mount', container));
    buildah('rm', container);
  });

  test('is copied by skopeo from both its readings', async () => {
    const { Id } = await get(`/images/${name}:v1/json`);
    for (const transport of ['docker-archive', 'oci-archive']) {
      tool('skopeo', 'copy', '--quiet', `${transport}:${name}.tar`, `dir:${transport}-${name}`);
      expect(configDigest(`dir:${transport}-${name}`)).toBe(Id);
    }
  });

  test('is unpacked by umoci, with the same files', async () => {
    tool('umoci', 'unpack', '--image', `${name}:v1`, `bundle-${name}`);
    await expectSameTree(name, join(work, `bundle-${name}/rootfs`));
  });
});

describe('docker', () => {
  test('loads what is saved here, and the other way round', async () => {
    await using dockerd = await Dockerd.start();
    for (const name of ourImages) {
      expect(dockerd.docker('load', '-q', '-i', join(work, `${name}.tar`))).toBe(`Loaded image: ${name}:v1`);
      const { Id, RootFS } = await get(`/images/${name}:v1/json`);
      const [image] = JSON.parse(dockerd.docker('image', 'inspect', `${name}:v1`));
      expect([image.Id, image.RootFS]).toEqual([Id, RootFS]);
    }
    dockerd.docker('tag', 'ours:v1', 'localhost/their:docker');
    dockerd.docker('save', '-o', join(work, 'docker.tar'), 'localhost/their:docker');
    const { id, name } = await loadHere('docker.tar');
    expect([id, name]).toEqual([(await get('/images/ours:v1/json')).Id, 'localhost/their:docker']);
  });
});
