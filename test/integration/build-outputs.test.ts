import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { emulateArm64, emulatesAnyway, foreignBusybox } from '../fixtures/emulator.ts';
import { type Json, type Outcome, TestDaemon } from '../fixtures/test-daemon.ts';

/** Where builds go to, what is said about them, and that they are the same each time. */

const ARM = 'linux/arm64';
const BOTH = 'linux/amd64,linux/arm64';

let daemon: TestDaemon;
let home: string;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  await daemon.importBusybox('busybox:arm64', { busybox: foreignBusybox, platform: ARM });
  daemon.sampan('tag', 'busybox', 'busybox:amd64');
});
afterAll(() => daemon[Symbol.asyncDispose]());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sampan-outputs-'));
});
afterEach(() => rmSync(home, { recursive: true }));

function write(files: Readonly<Record<string, string | Buffer>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(home, 'context', name)), { recursive: true });
    writeFileSync(join(home, 'context', name), content);
  }
}

function build(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
  on = daemon,
): Outcome {
  return on.run('sampan', ['build', ...args, join(home, 'context')], '', variables);
}

function succeed(
  args: readonly string[],
  variables?: Readonly<Record<string, string>>,
  on?: TestDaemon,
): string {
  const { status, stdout, stderr } = build(args, variables, on);
  if (status !== 0) throw new Error(`build ${args.join(' ')} failed: ${stderr}`);
  return stdout;
}

const at = (...names: string[]): string => join(home, ...names);

function json(...names: string[]): Json {
  return JSON.parse(readFileSync(at(...names), 'utf8'));
}

function skopeo(...args: string[]): Json {
  const { status, stdout, stderr } = spawnSync('skopeo', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`skopeo ${args.join(' ')} failed: ${stderr}`);
  return stdout === '' ? undefined : JSON.parse(stdout);
}

/** A document in a layout. */
function blob(layout: string, digest: string): Json {
  return json(layout, 'blobs', 'sha256', digest.replace('sha256:', ''));
}

/** What a layout's index says about its image of a platform, by the predicates' types. */
function statements(layout: string, architecture: string): Record<string, Json> {
  const index = blob(layout, json(layout, 'index.json').manifests[0].digest);
  const image = index.manifests.find((entry: Json) => entry.platform.architecture === architecture);
  const attestation = index.manifests.find(
    (entry: Json) => entry.annotations?.['vnd.docker.reference.digest'] === image.digest,
  );
  const { layers } = blob(layout, attestation.digest);
  return Object.fromEntries(
    layers.map((layer: Json) => [layer.annotations['in-toto.io/predicate-type'], blob(layout, layer.digest)]),
  );
}

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

  test.skipIf(emulatesAnyway())('says what a step needs that cannot run here', () => {
    write({ Dockerfile: dockerfile });
    const { status, stderr } = build(['--platform', BOTH, '-t', 'both']);
    expect(status).toBe(1);
    expect(stderr).toContain(
      'cannot run programs for linux/arm64 on this linux/amd64 host: exec format error',
    );
    expect(stderr).toContain('install qemu-user-static');
    expect(stderr).toContain('>>> RUN /bin/uname -m');
    {
      using _emulator = emulateArm64('');
      const { stderr: other } = build(['--platform', ARM]);
      expect(other).toContain('the image does not have the emulator /usr/bin/qemu-aarch64-static');
      expect(other).toContain('register it with the flag F');
    }
    expect(names()).not.toContain('both:latest');
  });

  test('runs the steps of each, and pushes an index of all', async () => {
    using _emulator = emulateArm64('F');
    await using registry = await DockerRegistry.start();
    const name = `${registry.host}/team/both:1`;
    write({ Dockerfile: dockerfile });
    const flags = ['--iidfile', at('id'), '--metadata-file', at('metadata')];
    succeed(['--platform', BOTH, '-t', name, '--push', '--load', ...flags]);
    expect(daemon.sampan('run', '--rm', name)).toBe('x86_64\namd64');
    expect(daemon.sampan('run', '--rm', '--platform', ARM, name)).toBe('aarch64\narm64');
    const metadata = json('metadata');
    expect(readFileSync(at('id'), 'utf8')).toBe(metadata['containerimage.digest']);
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
    write({
      Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /file\n',
      amd64: 'x86',
      arm64: 'arm',
    });
    succeed(['--platform', BOTH, '-o', at('split')]);
    expect(readdirSync(at('split')).sort()).toEqual(['linux_amd64', 'linux_arm64']);
    expect(readFileSync(at('split/linux_arm64/file'), 'utf8')).toBe('arm');
    succeed(['--platform', BOTH, '-o', `type=tar,dest=${at('both.tar')}`]);
    const { stdout } = spawnSync('tar', ['-tf', at('both.tar')], { encoding: 'utf8' });
    expect(stdout.trim().split('\n')).toEqual([
      ...['linux_amd64/', 'linux_amd64/file', 'linux_arm64/', 'linux_arm64/file'],
    ]);
    succeed(['--platform', ARM, '-o', `type=local,dest=${at('one')},platform-split=true`]);
    expect(readdirSync(at('one'))).toEqual(['linux_arm64']);
    succeed(['--platform', BOTH, '-o', `type=local,dest=${at('merged')},platform-split=false`]);
    expect(readFileSync(at('merged/file'), 'utf8')).toBe('arm');
  });
});

describe('outputs', () => {
  const dockerfile = 'FROM busybox\nCOPY a /a\nCMD ["cat", "/a"]\n';

  test('are several at once, of one build', () => {
    write({ Dockerfile: dockerfile, a: 'text\n' });
    const outputs = [at('files'), `type=tar,dest=${at('a.tar')}`, `type=oci,dest=${at('oci.tar')}`];
    const all = [...outputs, `type=docker,dest=${at('docker.tar')}`].flatMap((output) => ['-o', output]);
    const before = names();
    succeed([...all, '-t', 'several:1']);
    expect(readFileSync(at('files/a'), 'utf8')).toBe('text\n');
    expect(spawnSync('tar', ['-xOf', at('a.tar'), 'a'], { encoding: 'utf8' }).stdout).toBe('text\n');
    expect(skopeo('inspect', '--config', `oci-archive:${at('oci.tar')}:1`).config.Cmd).toEqual(['cat', '/a']);
    skopeo('inspect', `docker-archive:${at('docker.tar')}:several:1`);
    const { stdout } = spawnSync('tar', ['-xOf', at('docker.tar'), 'manifest.json'], { encoding: 'utf8' });
    expect(JSON.parse(stdout)[0].RepoTags).toEqual(['several:1']);
    const members = spawnSync('tar', ['-tf', at('oci.tar')], { encoding: 'utf8' }).stdout.split('\n');
    expect(members.filter((name) => !name.startsWith('blobs/')).sort()).toEqual([
      '',
      'index.json',
      'oci-layout',
    ]);
    // Nobody wanted it here.
    expect(names()).toEqual(before);
  });

  test('are a layout to which images are added', () => {
    const layout = `type=oci,tar=false,dest=${at('layout')}`;
    write({ Dockerfile: dockerfile, a: 'one' });
    succeed(['-o', layout, '-t', 'one:1']);
    write({ a: 'two' });
    succeed(['-o', layout, '-t', 'two:2']);
    write({ a: 'two again' });
    succeed(['-o', `${layout},compression=zstd`, '-t', 'two:2']);
    const tags = json('layout/index.json').manifests.map(
      (entry: Json) => entry.annotations['org.opencontainers.image.ref.name'],
    );
    expect(tags).toEqual(['1', '2']);
    const types = ['1', '2'].map((tag) =>
      skopeo('inspect', '--raw', `oci:${at('layout')}:${tag}`).layers.map((layer: Json) => layer.mediaType),
    );
    const tar = 'application/vnd.oci.image.layer.v1.tar';
    expect(types).toEqual([
      [tar, tar],
      [`${tar}+zstd`, `${tar}+zstd`],
    ]);
    for (const tag of ['1', '2']) {
      skopeo('copy', '-q', `oci:${at('layout')}:${tag}`, `dir:${at(`copy${tag}`)}`);
    }
  });

  test('annotate what they are told to', () => {
    write({ Dockerfile: dockerfile, a: 'text' });
    const output = `type=oci,tar=false,dest=${at('layout')},annotation.from=field`;
    succeed([
      '-o',
      output,
      '-t',
      'annotated',
      '--annotation',
      'a=b',
      '--annotation',
      'manifest-descriptor:c=d',
    ]);
    const [entry] = json('layout/index.json').manifests;
    expect(entry.annotations).toMatchObject({ c: 'd' });
    expect(blob('layout', entry.digest).annotations).toEqual({ a: 'b', from: 'field' });
    const { status, stderr } = build(['--annotation', 'index:a=b']);
    expect([status, stderr]).toEqual([1, expect.stringContaining('index annotations not supported')]);
    const index = [`type=oci,tar=false,dest=${at('index')}`, '--sbom=true', '--annotation', 'index:e=f'];
    succeed(['-o', ...index, '--annotation', 'index-descriptor:g=h', '-t', 'annotated']);
    const [top] = json('index/index.json').manifests;
    expect([top.annotations.g, blob('index', top.digest).annotations]).toEqual(['h', { e: 'f' }]);
  });

  test('go to a registry with the annotations of one image', async () => {
    await using registry = await DockerRegistry.start();
    const name = `${registry.host}/annotated:1`;
    write({ Dockerfile: dockerfile, a: 'text' });
    const metadata = ['--metadata-file', at('metadata')];
    succeed(['-o', `type=image,name=${name},push=true,annotation.a=b,compression=zstd`, ...metadata]);
    const manifest = skopeo('inspect', '--tls-verify=false', '--raw', `docker://${name}`);
    expect(manifest.annotations).toEqual({ a: 'b' });
    expect(manifest.layers[0].mediaType).toBe('application/vnd.oci.image.layer.v1.tar+zstd');
    const { Digest } = skopeo('inspect', '--tls-verify=false', `docker://${name}`);
    expect(json('metadata')).toMatchObject({
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
  write({ Dockerfile: 'FROM busybox\nCOPY a /a\n', a: 'text' });
  const before = names();
  const output = `type=image,name=${repository},push-by-digest=true,name-canonical=true,push=true`;
  for (const more of [[], ['--provenance=true']]) {
    succeed(['-o', output, '--metadata-file', at('metadata'), ...more]);
    const digest = json('metadata')['containerimage.digest'];
    const remote = `docker://${repository}@${digest}`;
    expect(skopeo('inspect', '--no-tags', '--tls-verify=false', remote).Digest).toBe(digest);
    expect(daemon.sampan('run', '--rm', `${repository}@${digest}`, 'cat', '/a')).toBe('text');
    daemon.sampan('rmi', `${repository}@${digest}`);
  }
  const { status } = spawnSync('skopeo', ['list-tags', '--tls-verify=false', `docker://${repository}`]);
  expect(status).toBe(1);
  expect(names()).toEqual(before);
});

describe('attestations', () => {
  const secret = 'a-secret-that-nobody-tells';

  test('say how an image was made, and never what is secret', () => {
    write({
      Dockerfile: [
        'FROM busybox AS base',
        'ARG TOKEN',
        'RUN --mount=type=secret,id=key cp /run/secrets/key /dev/null',
        'COPY a /a',
      ].join('\n'),
      a: 'text',
    });
    const flags = [
      '--secret',
      'id=key,env=KEY',
      '--build-arg',
      'TOKEN=argument',
      '--build-arg',
      'HTTP_PROXY=http://u:pw@h',
    ];
    const variables = { KEY: secret };
    const layout = (name: string): string[] => [
      '-o',
      `type=oci,tar=false,dest=${at(name)}`,
      '-t',
      'proven:1',
    ];
    succeed([...layout('min'), '--provenance=true', ...flags], variables);
    const min = statements('min', 'amd64')['https://slsa.dev/provenance/v0.2'];
    expect(min.subject[0].name).toBe('pkg:docker/proven@1?platform=linux%2Famd64');
    expect(min.predicate.materials[0].uri).toBe('pkg:docker/busybox@latest?platform=linux%2Famd64');
    expect(JSON.stringify(min)).not.toContain('argument');
    succeed([...layout('max'), '--attest', 'type=provenance,mode=max,version=v1', ...flags], variables);
    const max = statements('max', 'amd64')['https://slsa.dev/provenance/v1'];
    expect(max.predicate.buildDefinition.externalParameters.request.args['build-arg:TOKEN']).toBe('argument');
    for (const said of [min, max]) {
      for (const word of [secret, 'u:pw']) expect(JSON.stringify(said)).not.toContain(word);
    }
  });

  test('list what is installed, without running anything of it', () => {
    const status =
      'Package: bash\nStatus: install ok installed\nVersion: 5.2-2\nArchitecture: amd64\nMaintainer: A <a@b>\n';
    write({
      Dockerfile: 'FROM scratch\nCOPY . /\n',
      'etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
      'var/lib/dpkg/status': status,
      'app/node_modules/@scope/thing/package.json':
        '{"name":"@scope/thing","version":"1.2.3","license":"MIT"}',
      'usr/lib/python3/dist-packages/Some_Pack-1.0.dist-info/METADATA':
        'Name: Some_Pack\nVersion: 1.0\n\nText\n',
    });
    cpSync('/usr/bin/skopeo', at('context/skopeo'));
    succeed(['-o', at('files'), '--sbom=true', '--provenance=false']);
    const { predicate } = json('files/sbom.spdx.json');
    expect(predicate.spdxVersion).toBe('SPDX-2.3');
    const urls = predicate.packages.flatMap((found: Json) =>
      (found.externalRefs ?? []).map((reference: Json) => reference.referenceLocator),
    );
    expect(urls).toEqual(
      expect.arrayContaining([
        'pkg:deb/debian/bash@5.2-2?arch=amd64&distro=debian-12',
        'pkg:npm/%40scope/thing@1.2.3',
        'pkg:pypi/some-pack@1.0',
        expect.stringMatching(/^pkg:golang\/stdlib@1\.\d+/),
      ]),
    );
    expect(existsSync(at('files/provenance.json'))).toBe(false);
  });

  test('of generators are refused', () => {
    write({ Dockerfile: 'FROM busybox\n' });
    const { status, stderr } = build(['--sbom', 'generator=example.org/scanner']);
    expect(status).toBe(1);
    expect(stderr).toContain('SBOM generator "example.org/scanner" is not supported');
  });
});

describe('a build at a given time', () => {
  const dockerfile = [
    'FROM busybox:saved',
    'WORKDIR /work/deep',
    'RUN mkdir -p /a/b && echo x > /a/b/c && ln /a/b/c /a/b/h && ln -s c /a/b/s && mkfifo /a/p && chmod 700 /a',
    "RUN touch -d '2001-01-01 00:00:00' /a/old && rm /etc/passwd && rm -rf /tmp && mkdir /tmp && echo y > /tmp/y",
    'RUN --mount=type=cache,target=/cache --mount=type=bind,source=d,target=/mnt/x cp /mnt/x/f /copied && echo >> /cache/z',
    'COPY d /d/',
    'COPY --chown=5:6 --chmod=640 d/f /new/dir/f',
  ].join('\n');
  const variables = { SOURCE_DATE_EPOCH: '1700000000' };
  const flags = ['--no-cache', '--provenance=mode=max', '--sbom=true', '-t', 'same:1'];
  const output = (name: string): string =>
    `type=oci,dest=${at(name)},rewrite-timestamp=true,compression=gzip`;

  test('is the same each time, whenever and whatever daemon makes it', async () => {
    write({ Dockerfile: dockerfile, 'd/f': 'file', 'd/g/h': 'other' });
    daemon.sampan('tag', 'busybox', 'busybox:saved');
    daemon.sampan('save', '-o', at('base.tar'), 'busybox:saved');
    succeed([...flags, '-o', output('one.tar')], variables);
    // Times of the context's files, and the time that it is.
    for (const name of ['d/f', 'd/g/h']) spawnSync('touch', ['-d', '2031-01-01', at('context', name)]);
    await using other = await TestDaemon.start();
    expect(other.run('sampan', ['load', '-i', at('base.tar')]).status).toBe(0);
    succeed([...flags, '-o', output('two.tar'), '--metadata-file', at('metadata')], variables, other);
    expect(readFileSync(at('two.tar')).equals(readFileSync(at('one.tar')))).toBe(true);
    expect(skopeo('inspect', `oci-archive:${at('one.tar')}:1`)).toMatchObject({
      ...{ Digest: json('metadata')['containerimage.digest'], Created: '2023-11-14T22:13:20Z' },
    });
  });

  test('has no file that is younger', () => {
    write({ Dockerfile: dockerfile.replace('busybox:saved', 'busybox'), 'd/f': 'file' });
    succeed(['-o', at('files'), '--no-cache'], variables);
    const times = ['a/b/c', 'a/b', 'a', 'copied', 'd/f', 'new/dir/f', 'new/dir', 'work/deep'].map((name) =>
      Math.floor(statSync(at('files', name)).mtimeMs / 1000),
    );
    expect(times).toEqual(times.map(() => 1_700_000_000));
    expect(statSync(at('files/a/old')).mtime.getUTCFullYear()).toBe(2001);
  });

  test('that is none is refused', () => {
    write({ Dockerfile: 'FROM busybox\n' });
    const { status, stderr } = build([], { SOURCE_DATE_EPOCH: 'yesterday' });
    expect([status, stderr]).toEqual([1, expect.stringContaining('invalid SOURCE_DATE_EPOCH: "yesterday"')]);
  });
});
