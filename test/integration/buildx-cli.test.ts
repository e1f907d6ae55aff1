import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GitServer } from '../../src/build/sources/testing/git-server.ts';
import { type CommandOptions, DockerCli } from '../fixtures/docker-plugins.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { type Json, type Outcome, TestDaemon } from '../fixtures/test-daemon.ts';
import { writeFiles } from '../fixtures/write-files.ts';

/** `docker buildx build` as Debian has it today, unmodified, on the driver "docker". */

let daemon: TestDaemon;
let cli: DockerCli;
let home: string;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  cli = new DockerCli(daemon);
});
afterAll(() => daemon[Symbol.asyncDispose]());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'sampan-buildx-'));
});
afterEach(() => rmSync(home, { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  writeFiles(home, files);
}

function json(path: string): Json {
  return JSON.parse(readFileSync(join(home, path), 'utf8'));
}

/** A build in `home` that must succeed; what its steps and the client said. */
async function build(args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const outcome = await attempt(args, options);
  if (outcome.status !== 0) throw new Error(outcome.stderr);
  return outcome.stderr + outcome.stdout;
}

function attempt(args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  return cli.run(['buildx', 'build', '--progress=plain', ...args], { cwd: home, ...options });
}

function inspect(name: string): Promise<Json> {
  return cli.out(['image', 'inspect', name]).then((text) => JSON.parse(text)[0]);
}

/** The manifest or index that a name stands for in a registry. */
async function remote(registry: DockerRegistry, repository: string, reference: string): Promise<Json> {
  const accept = ['image.index.v1', 'image.manifest.v1'].map((type) => `application/vnd.oci.${type}+json`);
  const answer = await fetch(`${registry.url}/v2/${repository}/manifests/${reference}`, {
    headers: { Accept: [...accept, 'application/vnd.docker.distribution.manifest.v2+json'].join(',') },
  });
  expect(answer.status).toBe(200);
  const document: Json = await answer.json();
  return { digest: answer.headers.get('docker-content-digest'), ...document };
}

async function blob(registry: DockerRegistry, repository: string, digest: string): Promise<Json> {
  return (await fetch(`${registry.url}/v2/${repository}/blobs/${digest}`)).json();
}

describe('a builder', () => {
  test('of the driver "docker" does all that others do', async () => {
    expect(await cli.out(['buildx', 'ls'])).toMatch(/^default\* +docker/m);
    const inspected = await cli.out(['buildx', 'inspect', '--bootstrap']);
    expect(inspected).toMatch(/^Status: +running$/m);
    expect(inspected).toMatch(/worker\.snapshotter: +(erofs|overlay)$/m);
    expect(inspected).toMatch(/^Platforms: +linux\//m);
  });

  test('answers over standard input and output', async () => {
    const child = Bun.spawn(['docker', 'buildx', 'dial-stdio'], {
      env: { ...cli.environment },
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'ignore',
    });
    // What HTTP/2's client says first, with empty settings; the answer begins with settings too.
    child.stdin.write(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1'));
    child.stdin.flush();
    const { value } = await child.stdout.getReader().read();
    child.kill('SIGKILL');
    await child.exited;
    expect(value?.[3]).toBe(4);
  });
});

describe('an image', () => {
  test('is named, labelled and told of in files', async () => {
    write({ Dockerfile: 'FROM busybox\nARG A\nRUN echo "[$A]"\nCMD ["true"]\n' });
    const files = ['--metadata-file=m.json', '--iidfile=iid'];
    const tags = ['-t', 'told', '-t', 'told:2', '--label=l=m', '--build-arg=A=given'];
    expect(await build([...files, ...tags, '.'])).toContain('[given]');
    const { Id, Config } = await inspect('told:2');
    expect((await inspect('told')).Id).toBe(Id);
    expect(Config).toMatchObject({ Labels: { l: 'm' }, Cmd: ['true'] });
    expect(readFileSync(join(home, 'iid'), 'utf8')).toBe(Id);
    expect(json('m.json')).toMatchObject({
      'containerimage.config.digest': Id,
      'image.name': 'docker.io/library/told:latest,docker.io/library/told:2',
      'buildx.build.ref': expect.stringMatching(/^default\/default\/./),
    });
  });

  test('has what its steps were given: hosts, limits, secrets', async () => {
    const lines = [
      'FROM busybox',
      'RUN grep -q "1.2.3.4.*a.b" /etc/hosts && df -k /dev/shm | grep -q " 12288 "',
      'RUN [ "$(ulimit -n)" = 100 ] && grep -q group-of-mine /proc/self/cgroup',
      'RUN --mount=type=secret,id=s --mount=type=secret,id=e,env=E [ "$(cat /run/secrets/s) $E" = "one two" ]',
    ];
    write({ Dockerfile: lines.join('\n'), secret: 'one' });
    const limits = ['--add-host=a.b:1.2.3.4', '--shm-size=12m', '--ulimit=nofile=100:200'];
    const secrets = ['--secret=id=s,src=secret', '--secret=id=e,env=GIVEN'];
    const group = `${daemon.cgroupParent}/group-of-mine`;
    await build([...limits, ...secrets, `--cgroup-parent=${group}`, '.'], { variables: { GIVEN: 'two' } });
    const groups = ['', ...readdirSync('/sys/fs/cgroup')].map((name) => join('/sys/fs/cgroup', name, group));
    // As with containers, the group that was named stays.
    for (const one of groups.filter(existsSync)) rmdirSync(one);
    write({ Dockerfile: 'FROM busybox\nRUN ! grep -v "lo:" /proc/net/dev | grep :\n' });
    await build(['--network=none', '.']);
    write({ Dockerfile: 'FROM busybox\nRUN --security=insecure true\n' });
    const { stderr } = await attempt(['--allow=security.insecure', '.']);
    expect(stderr).toContain('security.insecure is not allowed');
  });

  test('is built with the agents of whoever builds', async () => {
    const lines = [
      'FROM busybox',
      'RUN --mount=type=ssh,id=own [ -S "$SSH_AUTH_SOCK" ]',
      'RUN [ -z "$SSH_AUTH_SOCK" ]',
    ];
    write({ Dockerfile: lines.join('\n') });
    const socket = join(home, 'agent');
    const agent = Bun.spawn(['ssh-agent', '-D', '-a', socket], { stdio: ['ignore', 'ignore', 'ignore'] });
    while (!existsSync(socket)) await Bun.sleep(10);
    await build([`--ssh=own=${socket}`, '.']);
    agent.kill();
    await agent.exited;
    expect((await attempt(['--no-cache', '.'])).status).toBe(1);
  });

  test('is made again only from the stage on that is to be', async () => {
    write({ Dockerfile: 'FROM busybox AS one\nRUN echo first\nFROM one AS two\nRUN echo second\n' });
    await build(['.']);
    const output = await build(['--no-cache-filter=two', '.']);
    expect(output).toMatch(/RUN echo first\n#\d+ CACHED/);
    expect(output).toMatch(/RUN echo second\n#\d+ [\d.]+ second/);
  });

  test('says what is wrong with its file, and what is in it', async () => {
    write({
      Dockerfile: 'FROM busybox AS first\nCMD true\nFROM first AS second\nARG A=1\nRUN echo $A\n',
    });
    const { status, stdout, stderr } = await attempt(['--check', '.']);
    expect(status).toBe(1);
    expect(stdout + stderr).toContain('JSONArgsRecommended');
    const targets = JSON.parse(await cli.out(['buildx', 'build', '--call=targets,format=json', home]));
    expect(targets.targets.map(({ name }: Json) => name)).toEqual(['first', 'second']);
    expect(await cli.out(['buildx', 'build', '--call=outline', home])).toMatch(/^A +1/m);
  });

  test('in another language is refused', async () => {
    write({ Dockerfile: '# syntax=example.org/other:1\nFROM busybox\n' });
    expect((await attempt(['.'])).stderr).toContain('the syntax "example.org/other:1" is not supported');
    write({ Dockerfile: '# syntax=docker/dockerfile:1\nFROM busybox\n' });
    await build(['.']);
    const other = await attempt(['--build-arg=BUILDKIT_SYNTAX=example.org/other', '.']);
    expect(other.stderr).toContain('the syntax "example.org/other" is not supported');
  });
});

describe('a context', () => {
  const dockerfile = 'FROM busybox\nCOPY f /f\nRUN echo "is $(cat /f)"\n';

  test('comes on standard input, as an archive or a Dockerfile alone', async () => {
    write({ Dockerfile: dockerfile, f: 'archived' });
    const { stdout } = spawnSync('tar', ['-c', 'Dockerfile', 'f'], { cwd: home });
    expect(await build(['-'], { input: stdout })).toContain('is archived');
    expect(await build(['-'], { input: 'FROM busybox\nRUN echo alone\n' })).toContain(' alone');
    expect(await build(['-f-', '.'], { input: dockerfile.replace('is', 'reads') })).toContain(
      'reads archived',
    );
  });

  test('is a Git repository, its directory or an archive on the web', async () => {
    using git = new GitServer();
    const script = `mkdir sub; printf '${dockerfile.replaceAll('\n', '\\n')}' >sub/Dockerfile; echo fetched >sub/f; git add .; git commit -qm 1`;
    const url = git.repository('repo.git', script);
    expect(await build([`${url}#main:sub`])).toContain('is fetched');
    write({ Dockerfile: dockerfile, f: 'downloaded' });
    const { stdout } = spawnSync('tar', ['-cz', 'Dockerfile', 'f'], { cwd: home });
    using server = served(new Uint8Array(stdout));
    expect(await build([`${server.url}context.tar.gz`])).toContain('is downloaded');
  });

  test('may have others beside it: directories, images, layouts', async () => {
    write({ 'other/f': 'beside', Dockerfile: 'FROM busybox\nRUN echo laid >/f\n' });
    await build(['-o', 'type=oci,dest=layout,tar=false,name=laid:out', '.']);
    const text =
      'FROM base\nRUN cat /f\nCOPY --from=dir f /f\nCOPY --from=named bin/busybox /b\nRUN cat /f\n';
    write({ Dockerfile: text });
    const images = await cli.out(['images', '-aq']);
    const names = ['base=oci-layout://layout:out', 'dir=other', 'named=docker-image://busybox'];
    const output = await build([
      ...names.map((name) => `--build-context=${name}`),
      '--output=type=cacheonly',
      '.',
    ]);
    expect(output).toContain(' laid');
    expect(output).toContain(' beside');
    expect(await cli.out(['images', '-aq'])).toBe(images);
  });
});

function served(bytes: Uint8Array): { readonly url: string } & Disposable {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response(bytes) });
  return { url: String(server.url), [Symbol.dispose]: () => void server.stop(true) };
}

describe('an output', () => {
  const dockerfile = 'FROM scratch\nARG TARGETARCH\nCOPY f /f-$TARGETARCH\nCOPY d /d\n';
  const platforms = '--platform=linux/amd64,linux/arm64';

  beforeEach(() => write({ Dockerfile: dockerfile, f: 'file', 'd/e': 'deep' }));

  test('is files or a tar of them, of several platforms side by side', async () => {
    await build(['-o', 'one', '--platform=linux/amd64', '.']);
    expect(readFileSync(join(home, 'one/d/e'), 'utf8')).toBe('deep');
    await build(['-o', 'several', platforms, '.']);
    expect(readdirSync(join(home, 'several'), { recursive: true }).sort()).toEqual([
      ...['linux_amd64', 'linux_amd64/d', 'linux_amd64/d/e', 'linux_amd64/f-amd64'],
      ...['linux_arm64', 'linux_arm64/d', 'linux_arm64/d/e', 'linux_arm64/f-arm64'],
    ]);
    await build(['-o', 'type=tar,dest=tar', platforms, '.']);
    const { stdout } = spawnSync('tar', ['-tf', 'tar'], { cwd: home, encoding: 'utf8' });
    expect(stdout.split('\n')).toContain('linux_arm64/f-arm64');
    expect((await attempt(['-o', 'type=local,dest=x,platform-split=false', platforms, '.'])).status).toBe(1);
  });

  test('says where files are from beside them', async () => {
    await build(['-o', 'out', '--provenance=mode=max', '--sbom=true', '--platform=linux/amd64', '.']);
    expect(readdirSync(join(home, 'out')).sort()).toEqual([
      'd',
      'f-amd64',
      'provenance.json',
      'sbom.spdx.json',
    ]);
    const { subject, predicateType } = json('out/provenance.json');
    expect(predicateType).toStartWith('https://slsa.dev/provenance/');
    expect(subject.map(({ name }: Json) => name)).toEqual(['d/e', 'f-amd64']);
    await build(['-o', 'bare', '--platform=linux/amd64', '.']);
    expect(readdirSync(join(home, 'bare')).sort()).toEqual(['d', 'f-amd64']);
  });

  test('is an archive that Docker loads, with names that it has only there', async () => {
    await build(['-o', 'type=docker,dest=a.tar', '-t', 'only:there', '.']);
    const { stdout } = spawnSync('tar', ['-xOf', 'a.tar', 'manifest.json'], { cwd: home, encoding: 'utf8' });
    expect(JSON.parse(stdout)[0].RepoTags).toEqual(['only:there']);
    expect((await cli.run(['image', 'inspect', 'only:there'])).status).toBe(1);
    await cli.out(['load', '-i', join(home, 'a.tar')]);
    await inspect('only:there');
  });

  test('is an OCI layout, as an archive or a directory', async () => {
    await build(['-o', 'type=oci,dest=o.tar,name=two:x', platforms, '.']);
    mkdirSync(join(home, 'o'));
    spawnSync('tar', ['-xf', '../o.tar'], { cwd: join(home, 'o') });
    const name = (layout: string) => ['--raw', `oci:${join(home, layout)}:x`];
    const skopeo = (layout: string) =>
      spawnSync('skopeo', ['inspect', ...name(layout)], { encoding: 'utf8' });
    const index = JSON.parse(skopeo('o').stdout);
    const found = index.manifests.map(({ platform }: Json) => platform.architecture);
    expect(found).toEqual(expect.arrayContaining(['amd64', 'arm64']));
    const single = 'type=oci,dest=z,tar=false,name=docker.io/library/one:x,compression=zstd';
    await build([
      '-o',
      single,
      '--platform=linux/amd64',
      '--provenance=false',
      '--metadata-file=m.json',
      '.',
    ]);
    const { layers } = JSON.parse(skopeo('z').stdout);
    expect(layers[0].mediaType).toEndWith('tar+zstd');
    const { manifests } = json('z/index.json');
    expect(json('m.json')['containerimage.digest']).toBe(manifests[0].digest);
  });

  test('is loaded with what is said about it', async () => {
    await build(['--load', platforms, '--sbom=true', '-t', 'loaded', '--metadata-file=m.json', '.']);
    const { manifests } = JSON.parse(
      await cli.out(['save', '-o', join(home, 's.tar'), 'loaded']).then(() => saved('s.tar')),
    );
    expect(manifests.filter(({ platform }: Json) => platform.os === 'unknown')).toHaveLength(2);
    expect(await cli.out(['run', '--rm', 'busybox', 'echo', 'runs'])).toBe('runs\n');
  });

  test('that only goes elsewhere leaves no image, and takes none away', async () => {
    write({ Dockerfile: `${dockerfile}LABEL only=elsewhere\n` });
    const images = () => cli.out(['images', '--all', '--quiet', '--no-trunc']);
    const before = await images();
    await build(['-o', 'out', '--platform=linux/amd64', '.']);
    await build(['-o', 'type=oci,dest=o.tar', '--sbom=true', '.']);
    expect(await images()).toBe(before);
    await build(['--platform=linux/amd64', '--iidfile=iid', '.']);
    await build(['-o', 'out', '--platform=linux/amd64', '.']);
    await build(['-o', 'type=oci,dest=o.tar', '--sbom=true', '--platform=linux/amd64', '.']);
    expect(await images()).toContain(readFileSync(join(home, 'iid'), 'utf8'));
  });

  test('goes to several places at once', async () => {
    await build(['-o', 'out', '-o', 'type=oci,dest=o.tar', '-o', 'type=image,name=kept', '.']);
    expect(existsSync(join(home, 'out/d/e')) && existsSync(join(home, 'o.tar'))).toBe(true);
    await inspect('kept');
    expect((await attempt(['-o', 'type=unheard,dest=x', '.'])).status).toBe(1);
  });
});

/** The index within the layout of an archive. */
function saved(archive: string): string {
  const read = (name: string) =>
    spawnSync('tar', ['-xOf', archive, name], { cwd: home, encoding: 'utf8' }).stdout;
  const [{ digest }] = JSON.parse(read('index.json')).manifests;
  return read(`blobs/${digest.replace(':', '/')}`);
}

describe('a registry', () => {
  let registry: DockerRegistry;

  beforeAll(async () => {
    registry = await DockerRegistry.start();
  });
  afterAll(() => registry[Symbol.asyncDispose]());

  test('gets an image with annotations and attestations in the same step', async () => {
    write({ Dockerfile: 'FROM busybox\nCOPY f /f\n', f: 'pushed' });
    const annotations = [
      '--annotation=a=b',
      '--annotation=index:c=d',
      '--annotation=manifest-descriptor:e=f',
    ];
    const said = ['--provenance=mode=max,version=v1', '--sbom=true', '--metadata-file=m.json'];
    await build([...annotations, ...said, '--push', '-t', `${registry.host}/said:1`, '.']);
    const index = await remote(registry, 'said', '1');
    expect(json('m.json')['containerimage.digest']).toBe(index.digest);
    expect(index.annotations).toMatchObject({ c: 'd' });
    expect(index.manifests[0].annotations).toMatchObject({ e: 'f' });
    const manifest = await remote(registry, 'said', index.manifests[0].digest);
    expect(manifest.annotations).toEqual({ a: 'b' });
    const { layers } = await remote(registry, 'said', index.manifests[1].digest);
    const statements = await Promise.all(layers.map(({ digest }: Json) => blob(registry, 'said', digest)));
    expect(statements.map(({ predicateType }) => predicateType).sort()).toEqual([
      'https://slsa.dev/provenance/v1',
      'https://spdx.dev/Document',
    ]);
    const format = '{{json .SBOM.SPDX.name}}{{json .Provenance.SLSA.buildDefinition.buildType}}';
    const named = ['buildx', 'imagetools', 'inspect', `${registry.host}/said:1`, '--format', format];
    expect(await cli.out(named)).toContain('buildkit');
  });

  test('gets an image of several platforms, and copies of what it has', async () => {
    write({ Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY f /$TARGETARCH\n', f: 'x' });
    const platforms = '--platform=linux/amd64,linux/arm64,linux/arm/v7';
    await build([
      platforms,
      '--output=type=registry',
      '--provenance=false',
      '-t',
      `${registry.host}/many:1`,
      '.',
    ]);
    const { manifests } = await remote(registry, 'many', '1');
    expect(manifests.map(({ platform }: Json) => [platform.architecture, platform.variant])).toEqual([
      ...[
        ['amd64', undefined],
        ['arm64', undefined],
      ],
      ['arm', 'v7'],
    ]);
    const source = `${registry.host}/many@${manifests[1].digest}`;
    await cli.out(['buildx', 'imagetools', 'create', '-t', `${registry.host}/many:arm`, source]);
    expect((await remote(registry, 'many', 'arm')).manifests).toHaveLength(1);
  });

  test('keeps a cache for builds elsewhere', async () => {
    const ref = `type=registry,ref=${registry.host}/cache:1`;
    write({ Dockerfile: 'FROM busybox\nRUN echo once >/cached\nRUN echo twice\n' });
    await build([`--cache-to=${ref},mode=max`, '.']);
    await cli.out(['buildx', 'prune', '--all', '--force']);
    const output = await build([`--cache-from=${ref}`, '--output=type=cacheonly', '.']);
    expect(output).toMatch(/RUN echo twice\n#\d+ CACHED/);
  });

  test('is no place to push to without a name, or by digest alone', async () => {
    write({ Dockerfile: 'FROM busybox\n' });
    expect((await attempt(['--push', '.'])).stderr).toContain('tag is needed');
    const byDigest = `type=image,push=true,push-by-digest=true,name=${registry.host}/x`;
    expect((await attempt(['-o', byDigest, '.'])).status).toBe(1);
  });
});
