import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { emulateArm64, emulatesAnyway, foreignBusybox } from '../fixtures/emulator.ts';
import { OutputHome, skopeo } from '../fixtures/output-home.ts';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

/** Where builds go to, for one platform and for several. */

const ARM = 'linux/arm64';
const BOTH = 'linux/amd64,linux/arm64';

let daemon: TestDaemon;
let home: OutputHome;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  await daemon.importBusybox('busybox:arm64', { busybox: foreignBusybox, platform: ARM });
  daemon.sampan('tag', 'busybox', 'busybox:amd64');
});
afterAll(() => daemon[Symbol.asyncDispose]());
beforeEach(() => {
  home = new OutputHome(daemon);
});
afterEach(() => home[Symbol.dispose]());

const names = (): string[] =>
  daemon.sampan('images', '--format', '{{.Repository}}:{{.Tag}}').split('\n').sort();

describe('a build for several platforms', () => {
  const dockerfile = [
    'FROM --platform=$BUILDPLATFORM busybox:amd64 AS tools',
    'RUN /bin/echo once >> /tool',
    'FROM busybox:$TARGETARCH',
    'ARG TARGETARCH',
    'COPY --from=tools /tool /',
    'RUN /bin/uname -m > /machine && echo $TARGETARCH >> /machine',
    'CMD ["/bin/busybox", "cat", "/machine"]',
  ].join('\n');

  // A host that emulates anyway can run everything.
  if (!emulatesAnyway()) {
    test('says what a step needs that cannot run here', () => {
      home.write({ Dockerfile: dockerfile });
      const { status, stderr } = home.build(['--platform', BOTH, '-t', 'both']);
      expect(status).toBe(1);
      expect(stderr).toContain(
        'cannot run programs for linux/arm64 on this linux/amd64 host: exec format error',
      );
      expect(stderr).toContain('install qemu-user-static');
      expect(stderr).toContain('>>> RUN /bin/uname -m');
      {
        using _emulator = emulateArm64('');
        const { stderr: other } = home.build(['--platform', ARM]);
        expect(other).toContain('the image does not have the emulator /usr/bin/qemu-aarch64-static');
        expect(other).toContain('register it with the flag F');
      }
      expect(names()).not.toContain('both:latest');
    });
  }

  test('runs the steps of each, and pushes an index of all', async () => {
    using _emulator = emulateArm64('F');
    await using registry = await DockerRegistry.start();
    const name = `${registry.host}/team/both:1`;
    home.write({ Dockerfile: dockerfile });
    const flags = ['--iidfile', home.at('id'), '--metadata-file', home.at('metadata')];
    home.succeed(['--platform', BOTH, '-t', name, '--push', '--load', ...flags]);
    expect(daemon.sampan('run', '--rm', name)).toBe('x86_64\namd64');
    expect(daemon.sampan('run', '--rm', '--platform', ARM, name)).toBe('aarch64\narm64');
    const metadata = home.json('metadata');
    expect(readFileSync(home.at('id'), 'utf8')).toBe(metadata['containerimage.digest']);
    expect(metadata).toMatchObject({
      'image.name': name,
      'containerimage.descriptor': { mediaType: 'application/vnd.oci.image.index.v1+json' },
      'buildx.build.ref': expect.stringMatching(/^default\/default\/[0-9a-f]+$/),
    });
    expect(metadata['containerimage.config.digest']).toBeUndefined();
    const remote = `docker://${name}`;
    const index = skopeo('inspect', '--tls-verify=false', '--raw', remote);
    expect(index.manifests.map((entry: Json) => entry.platform)).toEqual([
      { architecture: 'amd64', os: 'linux' },
      { architecture: 'arm64', os: 'linux' },
    ]);
    expect(skopeo('inspect', '--tls-verify=false', remote).Digest).toBe(metadata['containerimage.digest']);
    const foreign = skopeo('inspect', '--tls-verify=false', '--config', '--override-arch', 'arm64', remote);
    expect(foreign.architecture).toBe('arm64');
  });

  test('gives each platform a folder of its own, unless it is not to', () => {
    home.write({
      Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /file\n',
      amd64: 'x86',
      arm64: 'arm',
    });
    home.succeed(['--platform', BOTH, '-o', home.at('split')]);
    expect(readdirSync(home.at('split')).sort()).toEqual(['linux_amd64', 'linux_arm64']);
    expect(readFileSync(home.at('split/linux_arm64/file'), 'utf8')).toBe('arm');
    home.succeed(['--platform', BOTH, '-o', `type=tar,dest=${home.at('both.tar')}`]);
    const { stdout } = spawnSync('tar', ['-tf', home.at('both.tar')], { encoding: 'utf8' });
    expect(stdout.trim().split('\n')).toEqual([
      ...['linux_amd64/', 'linux_amd64/file', 'linux_arm64/', 'linux_arm64/file'],
    ]);
    home.succeed(['--platform', ARM, '-o', `type=local,dest=${home.at('one')},platform-split=true`]);
    expect(readdirSync(home.at('one'))).toEqual(['linux_arm64']);
    home.succeed(['--platform', BOTH, '-o', `type=local,dest=${home.at('merged')},platform-split=false`]);
    expect(readFileSync(home.at('merged/file'), 'utf8')).toBe('arm');
  });
});

describe('outputs', () => {
  const dockerfile = 'FROM busybox\nCOPY a /a\nCMD ["cat", "/a"]\n';

  test('are several at once, of one build', () => {
    home.write({ Dockerfile: dockerfile, a: 'text\n' });
    const outputs = [
      home.at('files'),
      `type=tar,dest=${home.at('a.tar')}`,
      `type=oci,dest=${home.at('oci.tar')}`,
    ];
    const all = [...outputs, `type=docker,dest=${home.at('docker.tar')}`].flatMap((output) => ['-o', output]);
    const before = names();
    home.succeed([...all, '-t', 'several:1']);
    expect(readFileSync(home.at('files/a'), 'utf8')).toBe('text\n');
    expect(spawnSync('tar', ['-xOf', home.at('a.tar'), 'a'], { encoding: 'utf8' }).stdout).toBe('text\n');
    expect(skopeo('inspect', '--config', `oci-archive:${home.at('oci.tar')}:1`).config.Cmd).toEqual([
      'cat',
      '/a',
    ]);
    skopeo('inspect', `docker-archive:${home.at('docker.tar')}:several:1`);
    const { stdout } = spawnSync('tar', ['-xOf', home.at('docker.tar'), 'manifest.json'], {
      encoding: 'utf8',
    });
    expect(JSON.parse(stdout)[0].RepoTags).toEqual(['several:1']);
    const members = spawnSync('tar', ['-tf', home.at('oci.tar')], { encoding: 'utf8' }).stdout.split('\n');
    expect(members.filter((name) => !name.startsWith('blobs/')).sort()).toEqual([
      '',
      'index.json',
      'oci-layout',
    ]);
    // Nobody wanted it here.
    expect(names()).toEqual(before);
  });

  test('are a layout to which images are added', () => {
    const layout = `type=oci,tar=false,dest=${home.at('layout')}`;
    home.write({ Dockerfile: dockerfile, a: 'one' });
    home.succeed(['-o', layout, '-t', 'one:1']);
    home.write({ a: 'two' });
    home.succeed(['-o', layout, '-t', 'two:2']);
    home.write({ a: 'two again' });
    home.succeed(['-o', `${layout},compression=zstd`, '-t', 'two:2']);
    const tags = home
      .json('layout/index.json')
      .manifests.map((entry: Json) => entry.annotations['org.opencontainers.image.ref.name']);
    expect(tags).toEqual(['1', '2']);
    const types = ['1', '2'].map((tag) =>
      skopeo('inspect', '--raw', `oci:${home.at('layout')}:${tag}`).layers.map(
        (layer: Json) => layer.mediaType,
      ),
    );
    const tar = 'application/vnd.oci.image.layer.v1.tar';
    expect(types).toEqual([
      [tar, tar],
      [`${tar}+zstd`, `${tar}+zstd`],
    ]);
    for (const tag of ['1', '2']) {
      skopeo('copy', '-q', `oci:${home.at('layout')}:${tag}`, `dir:${home.at(`copy${tag}`)}`);
    }
  });

  test('annotate what they are told to', () => {
    home.write({ Dockerfile: dockerfile, a: 'text' });
    const output = `type=oci,tar=false,dest=${home.at('layout')},annotation.from=field`;
    home.succeed([
      '-o',
      output,
      '-t',
      'annotated',
      '--annotation',
      'a=b',
      '--annotation',
      'manifest-descriptor:c=d',
    ]);
    const [entry] = home.json('layout/index.json').manifests;
    expect(entry.annotations).toMatchObject({ c: 'd' });
    expect(home.blob('layout', entry.digest).annotations).toEqual({ a: 'b', from: 'field' });
    const { status, stderr } = home.build(['--annotation', 'index:a=b']);
    expect([status, stderr]).toEqual([1, expect.stringContaining('index annotations not supported')]);
    const index = [`type=oci,tar=false,dest=${home.at('index')}`, '--sbom=true', '--annotation', 'index:e=f'];
    home.succeed(['-o', ...index, '--annotation', 'index-descriptor:g=h', '-t', 'annotated']);
    const [top] = home.json('index/index.json').manifests;
    expect([top.annotations.g, home.blob('index', top.digest).annotations]).toEqual(['h', { e: 'f' }]);
  });

  test('go to a registry with the annotations of one image', async () => {
    await using registry = await DockerRegistry.start();
    const name = `${registry.host}/annotated:1`;
    home.write({ Dockerfile: dockerfile, a: 'text' });
    const metadata = ['--metadata-file', home.at('metadata')];
    home.succeed(['-o', `type=image,name=${name},push=true,annotation.a=b,compression=zstd`, ...metadata]);
    const manifest = skopeo('inspect', '--tls-verify=false', '--raw', `docker://${name}`);
    expect(manifest.annotations).toEqual({ a: 'b' });
    expect(manifest.layers[0].mediaType).toBe('application/vnd.oci.image.layer.v1.tar+zstd');
    const { Digest } = skopeo('inspect', '--tls-verify=false', `docker://${name}`);
    expect(home.json('metadata')).toMatchObject({
      ...{ 'containerimage.digest': Digest, 'image.name': name },
      'containerimage.descriptor': { digest: Digest, size: JSON.stringify(manifest).length },
      'containerimage.config.digest': manifest.config.digest,
    });
    daemon.sampan('rmi', name);
  });
});

test('a build is pushed by its digest alone', async () => {
  await using registry = await DockerRegistry.start();
  const repository = `${registry.host}/by/digest`;
  home.write({ Dockerfile: 'FROM busybox\nCOPY a /a\n', a: 'text' });
  const before = names();
  const output = `type=image,name=${repository},push-by-digest=true,name-canonical=true,push=true`;
  for (const more of [[], ['--provenance=true']]) {
    home.succeed(['-o', output, '--metadata-file', home.at('metadata'), ...more]);
    const digest = home.json('metadata')['containerimage.digest'];
    const remote = `docker://${repository}@${digest}`;
    expect(skopeo('inspect', '--no-tags', '--tls-verify=false', remote).Digest).toBe(digest);
    expect(daemon.sampan('run', '--rm', `${repository}@${digest}`, 'cat', '/a')).toBe('text');
    daemon.sampan('rmi', `${repository}@${digest}`);
  }
  const { status } = spawnSync('skopeo', ['list-tags', '--tls-verify=false', `docker://${repository}`]);
  expect(status).toBe(1);
  expect(names()).toEqual(before);
});
