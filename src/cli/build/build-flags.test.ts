import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentSockets } from './agents.ts';
import { annotationsOf } from './annotations.ts';
import { attestationsOf } from './attestations.ts';
import { cacheFlags, cacheImages } from './cache-flags.ts';
import { keepsImage, outputsOf } from './outputs.ts';
import { readSecrets } from './secrets.ts';

const home = mkdtempSync(join(tmpdir(), 'build-flags-'));
afterAll(() => rmSync(home, { recursive: true }));

describe('--secret', () => {
  writeFileSync(join(home, 'file'), Buffer.from([0, 255]));
  const environment = { TOKEN: 'from the environment', file: undefined };
  const read = (...values: string[]) =>
    Object.fromEntries([...readSecrets(values, environment)].map(([id, bytes]) => [id, [...bytes]]));
  const text = [...Buffer.from('from the environment')];

  test('takes files and variables', () => {
    expect(read(`id=a,src=${home}/file`, 'id=b,env=TOKEN', 'id=c,type=env,src=TOKEN', 'id=TOKEN')).toEqual({
      a: [0, 255],
      b: text,
      c: text,
      TOKEN: text,
    });
    expect(read(`src=${home}/file`)).toEqual({ [`${home}/file`]: [0, 255] });
  });

  test('refuses what names nothing', () => {
    expect(() => read('a')).toThrow("invalid field 'a' must be a key=value pair");
    expect(() => read('id=a,foo=b')).toThrow("unexpected key 'foo' in 'foo=b'");
    expect(() => read('id=a,type=x')).toThrow('unsupported secret type "x"');
    expect(() => read('id=a,src=/nowhere/a')).toThrow('open /nowhere/a: no such file or directory');
    writeFileSync(join(home, 'large'), Buffer.alloc((500 << 10) + 1));
    expect(() => read(`id=a,src=${home}/large`)).toThrow('has more than 512000 bytes');
  });
});

describe('--ssh', () => {
  const session = (host: string, SSH_AUTH_SOCK?: string) => ({
    address: { host, isDefault: false },
    io: { environment: { SSH_AUTH_SOCK } },
  });

  test('takes sockets of agents, for a daemon that can reach them', async () => {
    const socket = join(home, 'agent');
    const server = net.createServer().listen(socket);
    await new Promise((resolve) => server.once('listening', resolve));
    const here = session('unix:///s', socket);
    expect(agentSockets(['default', `id=${socket}`], here)).toEqual({ default: socket, id: socket });
    expect(() => agentSockets(['default'], session('tcp://h:1', socket))).toThrow('a daemon on this machine');
    expect(() => agentSockets([`id=${home}/file`], here)).toThrow("is not an agent's socket");
    expect(() => agentSockets(['default'], session('unix:///s'))).toThrow('invalid empty ssh agent socket');
    server.close();
  });
});

describe('--output', () => {
  const parse = (output: string[], push = false, load = false) => outputsOf({ output, push, load });

  test('is the store unless something else is said', () => {
    expect(parse([]).outputs).toEqual([{ type: 'store' }]);
    expect(parse(['type=docker'], true).outputs).toEqual([{ type: 'store' }, { type: 'push' }]);
    expect(parse(['out']).outputs).toEqual([{ type: 'files', directory: 'out', split: undefined }]);
    const tar = { type: 'tar', path: '-', split: undefined } as const;
    expect(parse(['-'], false, true).outputs).toEqual([tar, { type: 'store' }]);
    expect(parse(['type=oci,dest=x.tar', 'type=docker,dest=y', 'type=oci,dest=z,tar=false']).outputs).toEqual(
      [
        { type: 'archive', path: 'x.tar', format: 'oci' },
        { type: 'archive', path: 'y', format: 'docker' },
        { type: 'layout', directory: 'z' },
      ],
    );
    const image = '"type=image","name=a,b",push=true,compression=zstd,annotation-index.a=b,annotation.c=d';
    expect(parse([image])).toEqual({
      outputs: [{ type: 'push' }],
      names: ['a', 'b'],
      annotations: { 'annotation-index.a': 'b', 'annotation.c': 'd' },
      compression: 'zstd',
    });
    const digest = 'type=image,"name=a,b",push-by-digest=true,name-canonical=true,push=true';
    expect(parse([digest])).toMatchObject({
      outputs: [{ type: 'push-by-digest', names: ['a', 'b'] }],
      names: [],
    });
    const split = parse(['type=local,dest=d,platform-split=false', 'type=tar,dest=t,platform-split=1']);
    expect(split.outputs).toEqual([
      { type: 'files', directory: 'd', split: false },
      { type: 'tar', path: 't', split: true },
    ]);
  });

  test('keeps the image where it is wanted', () => {
    expect([['out'], ['type=tar,dest=x']].map((output) => keepsImage(parse(output)))).toEqual([false, false]);
    expect(keepsImage(parse(['out'], false, true))).toBe(true);
  });

  test('refuses what goes nowhere', () => {
    expect(() => parse(['type=local'])).toThrow('dest is required for local output');
    expect(() => parse(['type=foo,dest=x'])).toThrow('unknown output type "foo"');
    expect(() => parse(['dest=x'])).toThrow('type is required');
    expect(() => parse(['type=tar,dest=x,foo=y'])).toThrow("unexpected key 'foo'");
  });

  test.each([
    ['type=local,dest=x,annotation.a=b', "unexpected key 'annotation.a'"],
    ['type=local,dest=x,platform-split=maybe', 'invalid value "maybe" for platform-split'],
    ['type=oci', 'dest is required for oci output'],
    ['type=docker,dest=x,tar=false', 'docker output is an archive'],
    ['type=oci,dest=x,compression=lzma', 'unsupported layer compression type "lzma"'],
    ['type=oci,dest=x,compression-level=3', 'compression-level is not supported'],
    ['type=image,push=true,push-by-digest=true', 'name is required to push by digest'],
    ['type=image,name=a,name-canonical=true', 'name-canonical needs push=true'],
    ['type=image,name=a,oci-mediatypes=false', 'oci-mediatypes=false is not supported'],
    ['type=registry,name=a,push=false', 'registry output is pushed'],
  ])('refuses what cannot be had: %s', (value, message) => {
    expect(() => parse([value])).toThrow(message);
  });

  test('refuses layers of two kinds', () => {
    const both = ['type=oci,dest=x,compression=gzip', 'type=oci,dest=y,compression=zstd'];
    expect(() => parse(both)).toThrow('outputs cannot differ in compression: gzip, zstd');
  });
});

describe('--annotation', () => {
  test('says where an annotation goes', () => {
    expect(annotationsOf(['a=b', 'index,manifest[linux/arm64]:c:d=e=f', ''])).toEqual({
      'annotation-manifest.a': 'b',
      'annotation-index.c:d': 'e=f',
      'annotation-manifest[linux/arm64].c:d': 'e=f',
    });
  });

  test.each([
    ['a', 'invalid annotation "a", expected key=value'],
    ['nowhere:a=b', 'unknown annotation type "nowhere"'],
    ['manifest[:a=b', 'invalid annotation type "manifest["'],
  ])('refuses %s', (value, message) => {
    expect(() => annotationsOf([value])).toThrow(message);
  });
});

describe('attestations', () => {
  const parse = (attest: string[], provenance = '', sbom = '') =>
    attestationsOf({ attest, provenance, sbom });

  test('are asked for in full or in short', () => {
    expect(parse(['type=provenance,mode=max,version=v1', 'type=sbom'])).toEqual({
      provenance: 'mode=max,version=v1',
      sbom: '',
    });
    expect(parse([], 'max', 'true')).toEqual({ provenance: 'mode=max', sbom: '' });
    expect(parse([], 'false', 'generator=x')).toEqual({ provenance: 'disabled=true', sbom: 'generator=x' });
    expect(parse([])).toEqual({});
  });

  test('that nobody can mean are refused', () => {
    expect(() => parse(['mode=max'])).toThrow('attestation type not specified: mode=max');
    expect(() => parse(['type=sbom', 'type=sbom'])).toThrow('duplicate attestation field sbom');
    expect(() => parse([], 'much')).toThrow('invalid attestation "much"');
  });
});

describe('--cache-from and --cache-to', () => {
  const parse = (from: string[], to: string[] = []) => cacheFlags({ 'cache-from': from, 'cache-to': to });

  test('are caches by type, or names of images', () => {
    expect(parse(['a,b', '', 'type=registry,ref=c:1', 'type=local,src=x,tag=t']).imports).toEqual([
      ...['a', 'b', 'c:1'].map((ref) => ({ type: 'registry', attributes: { ref } })),
      { type: 'local', attributes: { src: 'x', tag: 't' } },
    ]);
    expect(parse([], ['inline', 'a/b', 'type=local,dest=x,mode=max,compression=zstd']).exports).toEqual([
      { type: 'inline', attributes: {} },
      { type: 'registry', attributes: { ref: 'a/b' } },
      { type: 'local', attributes: { dest: 'x', mode: 'max', compression: 'zstd' } },
    ]);
  });

  test('are refused where nothing could come of them', () => {
    expect(() => parse(['type=registry'])).toThrow('registry cache importer requires ref');
    expect(() => parse(['type=inline'])).toThrow('cache import of type "inline" is not supported');
    expect(() => parse([], ['type=local'])).toThrow('local cache exporter requires dest');
    expect(() => parse([], ['dest=x'])).toThrow('type required');
    expect(() => parse([], ['type=local,dest=x,compression-level=3'])).toThrow(
      "unexpected key 'compression-level'",
    );
    for (const type of ['gha', 's3', 'azblob']) {
      expect(() => parse([], [`type=${type}`])).toThrow(
        `cache export of type "${type}" is not supported: use type=registry, type=local, type=inline`,
      );
    }
  });

  test('of the classic builder are images alone', () => {
    expect(cacheImages(['a,b', '', 'type=registry,ref=c:1'])).toEqual(['a', 'b', 'c:1']);
    expect(() => cacheImages(['type=local,src=x'])).toThrow('cache import of type "local" is not supported');
  });
});
