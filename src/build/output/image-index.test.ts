import { describe, expect, test } from 'bun:test';
import { isCode } from '../../base/errors.ts';
import type { Platform } from '../../oci/image.ts';
import { formatPlatform, hostPlatform } from '../../oci/platform.ts';
import type { BuildResult } from '../contract.ts';
import { layerOf, PaperBuilder } from '../testing/paper-builder.ts';

const host = hostPlatform();
const other: Platform = { os: 'linux', architecture: host.architecture === 's390x' ? 'amd64' : 's390x' };
const both = [other, host];

/** The statements of the first image, by their predicates' types. */
function said(paper: PaperBuilder, { images }: BuildResult) {
  const statements = paper.statements.get(images[0]?.id ?? layerOf('')) ?? [];
  return new Map(
    statements.map(({ predicateType, bytes }) => [predicateType, JSON.parse(Buffer.from(bytes).toString())]),
  );
}

describe('a build for several platforms', () => {
  test('makes an index of the images, in the order asked for, which gets the names', async () => {
    const paper = new PaperBuilder();
    const text = 'ARG TARGETARCH\nFROM scratch\nARG TARGETARCH\nLABEL arch=$TARGETARCH';
    const { images, index } = await paper.build(text, { platforms: both, tags: ['mine'] });
    const configs = images.map(({ id }) => paper.images.get(id)?.config);
    expect(configs.map((config) => config?.config?.Labels)).toEqual(
      both.map(({ architecture: arch }) => ({ arch })),
    );
    expect(images.map(({ platform }) => platform)).toEqual(both);
    expect(images.map(({ manifest }) => manifest)).toEqual(
      images.map(({ id }) => layerOf(`manifest of ${id}`)),
    );
    expect(paper.created.flatMap(({ references }) => references)).toEqual([]);
    expect(paper.indexes.map(({ references }) => references)).toEqual([['mine']]);
    expect(index?.digest).toStartWith('sha256:');
  });

  test('that are named again and again is for each of them once', async () => {
    const paper = new PaperBuilder();
    const { images, index } = await paper.build('FROM scratch\nLABEL a=b', { platforms: [host, host, host] });
    expect([images.length, index]).toEqual([1, undefined]);
  });

  test('makes once what they have in common, and says for whom each step is', async () => {
    const paper = new PaperBuilder();
    paper.add('tools');
    const text =
      'FROM --platform=$BUILDPLATFORM tools AS make\nRUN compile\nFROM scratch\nARG TARGETARCH\nCOPY --from=make / /$TARGETARCH';
    const plans: string[][] = [];
    await paper.build(
      text,
      { platforms: both },
      { onPlan: (all) => plans.push(all.map(({ name }) => name)) },
    );
    expect(paper.ran).toEqual(['compile']);
    expect(plans.slice(1)).toEqual([['exporting manifests']]);
    expect(plans[0]?.filter((name) => name.includes('RUN'))).toEqual([
      `[${formatPlatform(host)} make 2/2] RUN compile`,
    ]);
    const copies = plans[0]?.filter((name) => name.includes('COPY')).map((name) => name.split(' ')[0]);
    expect(copies?.sort()).toEqual(both.map((each) => `[${formatPlatform(each)}`).sort());
  });

  test('makes the steps of all of them at the same time', async () => {
    const paper = new PaperBuilder();
    let running = 0;
    const together = Promise.withResolvers<void>();
    paper.run = async () => {
      if (++running === 2) together.resolve();
      await together.promise;
    };
    await paper.build('FROM scratch\nARG TARGETARCH\nRUN make $TARGETARCH', { platforms: both });
    expect(running).toBe(2);
  });

  test('that fails for one of them makes nothing for the others', async () => {
    const paper = new PaperBuilder();
    const text = `FROM scratch\nARG TARGETARCH\nRUN exit $(test "$TARGETARCH" = ${other.architecture})`;
    paper.run = async (_command, { operation }) => {
      const isOther = 'env' in operation && operation.env.includes(`TARGETARCH=${other.architecture}`);
      if (isOther) throw new Error('no such luck');
    };
    await expect(paper.build(text, { platforms: both, tags: ['mine'] })).rejects.toThrow('no such luck');
    expect(paper.indexes).toEqual([]);
    expect([...paper.images]).toEqual([]);
  });
});

describe('annotations', () => {
  const text = 'FROM scratch\nLABEL a=b';

  test('go to manifests, descriptors and the index, for the platforms that they name', async () => {
    const paper = new PaperBuilder();
    const annotations = {
      'annotation.all': '1',
      'annotation-manifest.all.b': '2',
      [`annotation-manifest[${formatPlatform(host)}].own`]: '3',
      'annotation-index.whole': '4',
      [`annotation-manifest-descriptor[${formatPlatform(other)}].entry`]: '5',
    };
    await paper.build(text, { platforms: both, annotations });
    const [index] = paper.indexes;
    expect(index?.annotations).toEqual({ whole: '4' });
    expect(index?.members.map((member) => member.manifestAnnotations)).toEqual([
      { all: '1', 'all.b': '2' },
      { all: '1', 'all.b': '2', own: '3' },
    ]);
    expect(index?.members.map((member) => member.descriptorAnnotations)).toEqual([{ entry: '5' }, {}]);
  });

  test.each([
    ['annotation-nonsense.a', 'invalid annotation "annotation-nonsense.a"'],
    ['annotation.', 'invalid annotation "annotation."'],
    ['annotation-index.a', 'index annotations not supported for single platform export'],
    ['annotation-index[linux/amd64].a', 'an index is of all platforms'],
    ['annotation-index-descriptor.a', 'index descriptor annotations not supported for single platform'],
    ['annotation-index-descriptor[linux/amd64].a', 'an index is of all platforms'],
    ['annotation[linux/a b].a', 'is an invalid component of "linux/a b"'],
  ])('that cannot be are refused before anything is made: %s', async (key, message) => {
    const paper = new PaperBuilder();
    const building = paper.build(`${text}\nRUN x`, { annotations: { [key]: 'b' } });
    const error = await building.catch((reason: unknown) => reason);
    expect(isCode(error, 'invalid-argument')).toBe(true);
    expect(String(error)).toContain(message);
    expect(paper.ran).toEqual([]);
  });
});

describe('provenance', () => {
  const url = 'https://me:word@example.org/a.git#main';
  const commit = '1'.repeat(40);
  const facts = {
    tags: ['example.org/team/mine:1'],
    args: { WHO: 'secret-name', HTTP_PROXY: 'http://u:proxy-word@p' },
    labels: { l: 'v' },
    contextSource: { url, checksum: { algorithm: 'sha1', hex: commit } },
  } as const;
  const text =
    'FROM base\nARG WHO\nARG HTTP_PROXY\nRUN --mount=type=secret,id=key --mount=type=ssh cat /run/secrets/key';

  async function provenance(fields: string, more: object = {}) {
    const paper = new PaperBuilder();
    const base = paper.add('base');
    const request = { ...facts, attestations: { provenance: fields }, ...more };
    const result = await paper.build(text, request);
    const [[type, statement] = ['', {}]] = said(paper, result);
    return { base, type, statement, whole: JSON.stringify(statement), result };
  }

  test('names what the image was made of and for, and nothing that may be confidential', async () => {
    const { base, type, statement, whole, result } = await provenance('');
    expect(type).toBe('https://slsa.dev/provenance/v0.2');
    const sha256 = result.images[0]?.manifest?.slice('sha256:'.length);
    const name = `pkg:docker/example.org/team/mine@1?platform=${encodeURIComponent(formatPlatform(host))}`;
    expect(statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v0.1',
      predicateType: type,
      subject: [{ name, digest: { sha256 } }],
      predicate: {
        builder: { id: expect.stringContaining('sampan') },
        materials: [
          { uri: 'https://example.org/a.git#main', digest: { sha1: commit } },
          {
            uri: `pkg:docker/base@latest?platform=${encodeURIComponent(formatPlatform(host))}`,
            digest: { sha256: base.id.slice('sha256:'.length) },
          },
        ],
        invocation: {
          configSource: {
            ...{ uri: 'https://example.org/a.git#main', digest: { sha1: commit } },
            entryPoint: 'Dockerfile',
          },
          parameters: { frontend: 'dockerfile.v0', args: { context: 'https://example.org/a.git#main' } },
        },
        metadata: { completeness: { parameters: false, environment: true, materials: false } },
      },
    });
    for (const secret of ['secret-name', 'word', 'key', 'buildConfig']) expect(whole).not.toContain(secret);
  });

  test('of mode max has arguments, the definition and the Dockerfile, but no proxies and no values of secrets', async () => {
    const secrets = async () => Buffer.from('value-of-secret');
    const { statement, whole } = await provenance('mode=max', { secrets });
    const { predicate } = statement;
    expect(predicate.invocation.parameters).toMatchObject({
      args: { 'build-arg:WHO': 'secret-name', 'label:l': 'v' },
      secrets: [{ id: 'key', optional: true }],
      ssh: [{ id: 'default', optional: true }],
    });
    const steps: { id: string; op: { Op: { exec?: object } }; inputs?: string[] }[] =
      predicate.buildConfig.llbDefinition;
    expect(steps.map(({ id, inputs }) => [id, inputs])).toEqual([
      ['step0', undefined],
      ['step1', ['step0:0']],
    ]);
    expect(steps[1]?.op.Op.exec).toMatchObject({ meta: { args: ['/bin/sh', '-c', 'cat /run/secrets/key'] } });
    const { source } = predicate.metadata['https://mobyproject.org/buildkit@v1#metadata'];
    expect(Buffer.from(source.infos[0].data, 'base64').toString()).toBe(text);
    expect(source.locations.step1.locations[0].ranges).toEqual([{ start: { line: 4 }, end: { line: 4 } }]);
    for (const secret of ['proxy-word', 'value-of-secret', 'me:word']) expect(whole).not.toContain(secret);
  });

  test('of version v1 says the same in its own words', async () => {
    const { type, statement } = await provenance('version=v1,mode=max,builder-id=https://builder.example');
    expect(type).toBe('https://slsa.dev/provenance/v1');
    expect(statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      predicate: {
        buildDefinition: {
          externalParameters: {
            configSource: { path: 'Dockerfile' },
            request: { frontend: 'dockerfile.v0' },
          },
          resolvedDependencies: [{ digest: { sha1: commit } }, {}],
        },
        runDetails: { builder: { id: 'https://builder.example' }, metadata: { buildkit_hermetic: false } },
      },
    });
  });

  test('is the same for the same build where a time stands for now, and else has times', async () => {
    const args = { SOURCE_DATE_EPOCH: '1' };
    const [one, other] = [await provenance('', { args }), await provenance('', { args })];
    expect(one.whole).toBe(other.whole);
    const { predicate } = (await provenance('')).statement;
    expect(Date.parse(predicate.metadata.buildStartedOn)).toBeLessThanOrEqual(
      Date.parse(predicate.metadata.buildFinishedOn),
    );
  });
});

test.each([
  [{ provenance: 'mode=much' }, 'invalid provenance mode "much"'],
  [{ provenance: 'version=v2' }, 'invalid provenance version "v2"'],
  [{ provenance: 'mode' }, 'invalid attestation field "mode"'],
  [{ provenance: 'colour=red' }, 'unknown field "colour" of provenance attestation'],
  [{ sbom: 'generator=someone/scanner' }, 'SBOM generator "someone/scanner" is not supported'],
  [{ nonsense: '' }, 'unknown attestation type "nonsense"'],
])('attestations that cannot be are refused before anything is made: %p', async (attestations, message) => {
  const paper = new PaperBuilder();
  await expect(paper.build('FROM scratch\nRUN x', { attestations })).rejects.toThrow(message);
  expect(paper.ran).toEqual([]);
});

test('attestations that are switched off leave one image as it is', async () => {
  const paper = new PaperBuilder();
  const attestations = { provenance: 'false', sbom: 'disabled=true' };
  const { index } = await paper.build('FROM scratch\nLABEL a=b', { attestations, tags: ['mine'] });
  expect(index).toBeUndefined();
  expect(paper.created.map(({ references }) => references)).toEqual([['mine']]);
});
