import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, statSync } from 'node:fs';
import { OutputHome, skopeo } from '../fixtures/output-home.ts';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

/** What is said about builds, and that they are the same each time. */

let daemon: TestDaemon;
let home: OutputHome;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());
beforeEach(() => {
  home = new OutputHome(daemon);
});
afterEach(() => home[Symbol.dispose]());

describe('attestations', () => {
  const secret = 'a-secret-that-nobody-tells';

  test('say how an image was made, and never what is secret', () => {
    home.write({
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
      `type=oci,tar=false,dest=${home.at(name)}`,
      '-t',
      'proven:1',
    ];
    home.succeed([...layout('min'), '--provenance=true', ...flags], variables);
    const min = statements('min', 'amd64')['https://slsa.dev/provenance/v0.2'];
    expect(min.subject[0].name).toBe('pkg:docker/proven@1?platform=linux%2Famd64');
    expect(min.predicate.materials[0].uri).toBe('pkg:docker/busybox@latest?platform=linux%2Famd64');
    expect(JSON.stringify(min)).not.toContain('argument');
    home.succeed([...layout('max'), '--attest', 'type=provenance,mode=max,version=v1', ...flags], variables);
    const max = statements('max', 'amd64')['https://slsa.dev/provenance/v1'];
    expect(max.predicate.buildDefinition.externalParameters.request.args['build-arg:TOKEN']).toBe('argument');
    for (const said of [min, max]) {
      for (const word of [secret, 'u:pw']) expect(JSON.stringify(said)).not.toContain(word);
    }
  });

  test('list what is installed, without running anything of it', () => {
    const status =
      'Package: bash\nStatus: install ok installed\nVersion: 5.2-2\nArchitecture: amd64\nMaintainer: A <a@b>\n';
    home.write({
      Dockerfile: 'FROM scratch\nCOPY . /\n',
      'etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
      'var/lib/dpkg/status': status,
      'app/node_modules/@scope/thing/package.json':
        '{"name":"@scope/thing","version":"1.2.3","license":"MIT"}',
      'usr/lib/python3/dist-packages/Some_Pack-1.0.dist-info/METADATA':
        'Name: Some_Pack\nVersion: 1.0\n\nText\n',
    });
    cpSync('/usr/bin/skopeo', home.at('context/skopeo'));
    home.succeed(['-o', home.at('files'), '--sbom=true', '--provenance=false']);
    const { predicate } = home.json('files/sbom.spdx.json');
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
    expect(existsSync(home.at('files/provenance.json'))).toBe(false);
  });

  test('of generators are refused', () => {
    home.write({ Dockerfile: 'FROM busybox\n' });
    const { status, stderr } = home.build(['--sbom', 'generator=example.org/scanner']);
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
    `type=oci,dest=${home.at(name)},rewrite-timestamp=true,compression=gzip`;

  test('is the same each time, whenever and whatever daemon makes it', async () => {
    home.write({ Dockerfile: dockerfile, 'd/f': 'file', 'd/g/h': 'other' });
    daemon.sampan('tag', 'busybox', 'busybox:saved');
    daemon.sampan('save', '-o', home.at('base.tar'), 'busybox:saved');
    home.succeed([...flags, '-o', output('one.tar')], variables);
    // Times of the context's files, and the time that it is.
    for (const name of ['d/f', 'd/g/h']) spawnSync('touch', ['-d', '2031-01-01', home.at('context', name)]);
    await using other = await TestDaemon.start();
    expect(other.run('sampan', ['load', '-i', home.at('base.tar')]).status).toBe(0);
    home.succeed(
      [...flags, '-o', output('two.tar'), '--metadata-file', home.at('metadata')],
      variables,
      other,
    );
    expect(readFileSync(home.at('two.tar')).equals(readFileSync(home.at('one.tar')))).toBe(true);
    expect(skopeo('inspect', `oci-archive:${home.at('one.tar')}:1`)).toMatchObject({
      ...{ Digest: home.json('metadata')['containerimage.digest'], Created: '2023-11-14T22:13:20Z' },
    });
  });

  test('has no file that is younger', () => {
    home.write({ Dockerfile: dockerfile.replace('busybox:saved', 'busybox'), 'd/f': 'file' });
    home.succeed(['-o', home.at('files'), '--no-cache'], variables);
    const times = ['a/b/c', 'a/b', 'a', 'copied', 'd/f', 'new/dir/f', 'new/dir', 'work/deep'].map((name) =>
      Math.floor(statSync(home.at('files', name)).mtimeMs / 1000),
    );
    expect(times).toEqual(times.map(() => 1_700_000_000));
    expect(statSync(home.at('files/a/old')).mtime.getUTCFullYear()).toBe(2001);
  });

  test('that is none is refused', () => {
    home.write({ Dockerfile: 'FROM busybox\n' });
    const { status, stderr } = home.build([], { SOURCE_DATE_EPOCH: 'yesterday' });
    expect([status, stderr]).toEqual([1, expect.stringContaining('invalid SOURCE_DATE_EPOCH: "yesterday"')]);
  });
});

/** What a layout's index says about its image of a platform, by the predicates' types. */
function statements(layout: string, architecture: string): Record<string, Json> {
  const index = home.blob(layout, home.json(layout, 'index.json').manifests[0].digest);
  const image = index.manifests.find((entry: Json) => entry.platform.architecture === architecture);
  const attestation = index.manifests.find(
    (entry: Json) => entry.annotations?.['vnd.docker.reference.digest'] === image.digest,
  );
  const { layers } = home.blob(layout, attestation.digest);
  return Object.fromEntries(
    layers.map((layer: Json) => [
      layer.annotations['in-toto.io/predicate-type'],
      home.blob(layout, layer.digest),
    ]),
  );
}
