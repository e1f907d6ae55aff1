import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '../../src/oci/digest.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { Dockerd } from '../fixtures/dockerd.ts';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

/** The platform of this host, and another. */
const HOST = 'linux/amd64';
const FOREIGN = 'linux/arm64';

let work: string;
let daemon: TestDaemon;
let registry: DockerRegistry;
/** "host/multi:v1" in the registry: an index of an image for each platform, made by podman. */
let multi: string;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'sampan-indexes-'));
  writeFileSync(
    join(work, 'containers.conf'),
    `[engine]\ntmp_dir = "${work}/libpod"\nlock_type = "file"\nevents_logger = "none"\n`,
  );
  registry = await DockerRegistry.start();
  multi = `${registry.host}/multi:v1`;
  makeTheirIndex();
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  rmSync(work, { recursive: true });
});
afterEach(async () => {
  for (const { RepoTags } of (await daemon.request('GET', '/images/json')).body) {
    for (const name of RepoTags.filter((tag: string) => tag.startsWith(registry.host))) {
      await daemon.request('DELETE', `/images/${name}?force=1`);
    }
  }
});

/** Runs a tool, which must succeed; what it printed, as it came. */
function raw(program: string, ...args: string[]): string {
  const env = { ...process.env, CONTAINERS_CONF: join(work, 'containers.conf') };
  const { stdout, stderr, status } = spawnSync(program, args, { cwd: work, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} exited with ${status}: ${stderr}`);
  return stdout;
}

function podman(...args: string[]): string {
  const storage = [
    '--root',
    join(work, 'storage'),
    '--runroot',
    join(work, 'run'),
    '--storage-driver',
    'vfs',
  ];
  return raw('podman', ...storage, ...args).trim();
}

/** The unmodified docker command line, which must succeed; what it printed. */
function docker(...args: string[]): string {
  const { stdout, stderr, status } = daemon.run('docker', args);
  if (status !== 0) throw new Error(`docker ${args.join(' ')} exited with ${status}: ${stderr}`);
  return stdout;
}

function makeTheirIndex(): void {
  podman('manifest', 'create', 'multi');
  for (const architecture of ['amd64', 'arm64']) {
    mkdirSync(join(work, architecture));
    writeFileSync(join(work, architecture, 'architecture'), architecture);
    raw('tar', '-C', architecture, '-cf', `${architecture}.tar`, '.');
    const name = `localhost/${architecture}:1`;
    podman('import', '--quiet', '--arch', architecture, `${architecture}.tar`, name);
    const remote = `docker://${registry.host}/${architecture}:1`;
    podman('push', '--quiet', '--tls-verify=false', name, remote);
    podman('manifest', 'add', '--tls-verify=false', 'multi', remote);
  }
  podman('manifest', 'push', '--all', '--tls-verify=false', 'multi', `docker://${multi}`);
}

/** The digest of what a name or archive has, index or not. */
function rawDigest(image: string): string {
  const tls = image.startsWith('docker://') ? ['--tls-verify=false'] : [];
  return digestOf(raw('skopeo', 'inspect', '--raw', ...tls, image));
}

function pullBoth(): void {
  docker('pull', '--quiet', multi);
  docker('pull', '--quiet', '--platform', FOREIGN, multi);
}

async function inspect(name: string, query = ''): Promise<Json> {
  return (await daemon.request('GET', `/images/${name}/json${query}`)).body;
}

/** What a name finds for each platform. */
function architectures(name: string): string[] {
  return [HOST, FOREIGN].map((platform) =>
    docker('image', 'inspect', '--platform', platform, '--format', '{{.Architecture}}', name).trim(),
  );
}

describe('an index of which both platforms were pulled', () => {
  test('is pushed as it came', async () => {
    pullBoth();
    const copy = `${registry.host}/copy:v2`;
    docker('tag', multi, copy);
    expect(docker('push', copy)).toContain(`v2: digest: ${rawDigest(`docker://${multi}`)} size:`);
    expect(rawDigest(`docker://${copy}`)).toBe(rawDigest(`docker://${multi}`));
    raw('skopeo', 'copy', '--quiet', '--all', '--src-tls-verify=false', `docker://${copy}`, 'dir:copied');
    expect((await inspect(copy)).RepoDigests).toContain(
      `${registry.host}/copy@${rawDigest(`docker://${copy}`)}`,
    );
  });

  test('is saved whole for skopeo and podman, and comes back from there', () => {
    pullBoth();
    const digest = rawDigest(`docker://${multi}`);
    docker('save', '-o', join(work, 'saved.tar'), multi);
    expect(rawDigest('oci-archive:saved.tar')).toBe(digest);
    const again = `docker://${registry.host}/again:v1`;
    raw('skopeo', 'copy', '--quiet', '--all', '--dest-tls-verify=false', 'oci-archive:saved.tar', again);
    expect(rawDigest(again)).toBe(digest);
    expect(podman('load', '--quiet', '-i', 'saved.tar')).toContain(multi);
    docker('rmi', multi);
    expect(docker('load', '-i', join(work, 'saved.tar'))).toBe(`Loaded image: ${multi}\n`);
    expect(architectures(multi)).toEqual(['amd64', 'arm64']);
    docker('push', multi);
    expect(rawDigest(`docker://${multi}`)).toBe(digest);
  });

  test('is loaded by dockerd as the image for its host', async () => {
    pullBoth();
    docker('save', '-o', join(work, 'for-docker.tar'), multi);
    const { Id } = await inspect(multi);
    await using dockerd = await Dockerd.start();
    expect(dockerd.docker('load', '-q', '-i', join(work, 'for-docker.tar'))).toBe(`Loaded image: ${multi}`);
    expect(dockerd.docker('image', 'inspect', '--format', '{{.Id}}', multi)).toBe(Id);
  });

  test('goes whole, and leaves nothing', async () => {
    const store = join(daemon.home, 'data/content/blobs/sha256');
    const before = readdirSync(store).sort();
    pullBoth();
    const [host, foreign] = [HOST, FOREIGN].map((platform) =>
      docker('image', 'inspect', '--platform', platform, '--format', '{{.Id}}', multi).trim(),
    );
    const lines = docker('rmi', multi).split('\n');
    expect(lines).toContain(`Deleted: ${host}`);
    expect(lines).toContain(`Deleted: ${foreign}`);
    expect(readdirSync(store).sort()).toEqual(before);
  });

  test('is whole after the daemon was killed', async () => {
    pullBoth();
    await daemon.stopProcess('SIGKILL');
    await daemon.startProcess();
    expect(architectures(multi)).toEqual(['amd64', 'arm64']);
  });
});

test('an index that skopeo copied into an archive is loaded whole', () => {
  const source = ['--src-tls-verify=false', `docker://${multi}`];
  const name = `${registry.host}/loaded:v1`;
  raw('skopeo', 'copy', '--quiet', '--all', ...source, `oci-archive:theirs.tar:${name}`);
  docker('load', '-i', join(work, 'theirs.tar'));
  expect(architectures(name)).toEqual(['amd64', 'arm64']);
  docker('push', name);
  expect(rawDigest(`docker://${name}`)).toBe(rawDigest(`docker://${multi}`));
});

describe('the docker command line', () => {
  test('shows the platforms of a name as a tree', () => {
    docker('pull', '--quiet', multi);
    // Escape sequences of colours are in it wherever it goes.
    const lines = daemon.run('docker', ['image', 'ls', '--tree', multi]).stdout.split('\n');
    const platforms = lines.filter((line) => line.includes('─ linux/')).map((line) => line.split(/\s+/));
    expect(platforms.map(([, platform, , usage]) => [platform, usage !== '0B'])).toEqual([
      [HOST, true],
      [FOREIGN, false],
    ]);
    const ours = daemon.sampan('image', 'ls', '--tree', multi).split('\n');
    expect(ours.map((line) => line.split(/ {2,}/)[0])).toEqual([
      'IMAGE',
      multi,
      `├─ ${HOST}`,
      `└─ ${FOREIGN}`,
    ]);
  });

  test('finds the manifests by API', async () => {
    docker('pull', '--quiet', multi);
    const { Descriptor, Manifests } = await inspect(multi, '?manifests=1');
    expect(Descriptor.digest).toBe(rawDigest(`docker://${multi}`));
    expect(Manifests.map(({ Available, Kind }: Json) => [Kind, Available])).toEqual([
      ['image', true],
      ['image', false],
    ]);
  });

  test('shows, makes containers of and removes one platform', () => {
    pullBoth();
    expect(docker('history', '--platform', FOREIGN, '--quiet', multi).trim()).toBe(
      docker('image', 'inspect', '--platform', FOREIGN, '--format', '{{.Id}}', multi).trim().slice(7, 19),
    );
    const container = docker('create', '--platform', FOREIGN, multi, '/true').trim();
    expect(docker('ps', '-a', '--filter', `ancestor=${multi}`, '--format', '{{.Image}}').trim()).toBe(multi);
    const refused = daemon.run('docker', ['rmi', multi]);
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringContaining('is using its referenced image'),
    ]);
    docker('rm', container);
    docker('rmi', '--platform', HOST, multi);
    expect(docker('image', 'inspect', '--format', '{{.Architecture}}', multi).trim()).toBe('arm64');
    const missing = daemon.run('docker', ['image', 'inspect', '--platform', HOST, multi]);
    expect(missing.stderr).toContain(`does not provide the specified platform (${HOST})`);
  });

  test('saves one platform', () => {
    pullBoth();
    docker('save', '--platform', FOREIGN, '-o', join(work, 'one.tar'), multi);
    expect(JSON.parse(raw('skopeo', 'inspect', '--config', 'oci-archive:one.tar')).architecture).toBe(
      'arm64',
    );
  });

  test('is told when it pushes one image of an index', () => {
    docker('pull', '--quiet', multi);
    const name = `${registry.host}/part:v1`;
    docker('tag', multi, name);
    expect(docker('push', name)).toContain('Not all multiplatform-content is present');
    expect(
      JSON.parse(raw('skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${name}`)).layers,
    ).toHaveLength(1);
    docker('pull', '--quiet', '--platform', FOREIGN, multi);
    const other = `${registry.host}/part:v2`;
    docker('tag', multi, other);
    docker('push', '--platform', FOREIGN, other);
    expect(
      JSON.parse(raw('skopeo', 'inspect', '--config', '--tls-verify=false', `docker://${other}`))
        .architecture,
    ).toBe('arm64');
  });
});
