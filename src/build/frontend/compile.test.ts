import { describe, expect, test } from 'bun:test';
import { background } from '../../base/context.ts';
import { readDockerfile } from '../../dockerfile/dockerfile.ts';
import { digestOf } from '../../oci/digest.ts';
import type { ImageConfig, ImageProcess } from '../../oci/image.ts';
import { makeVertex } from '../definition/vertex.ts';
import { type Compiled, type CompileOptions, compile } from './compile.ts';

const platform = { os: 'linux', architecture: 'amd64' };
const note = { name: 'context', ignoresCache: false };
const content = digestOf(Buffer.from('context'));

function imageOf(process: ImageProcess): ImageConfig {
  return { ...platform, config: process, rootfs: { type: 'layers', diff_ids: [] } };
}

const images: Readonly<Record<string, ImageConfig>> = {
  debian: imageOf({ Env: ['PATH=/bin', 'LANG=C'], Cmd: ['bash'], WorkingDir: '/base' }),
  triggers: imageOf({ OnBuild: ['COPY a /a', 'RUN make'] }),
};

function options(change: Partial<CompileOptions> = {}): CompileOptions {
  return {
    ...{ platform, host: platform, target: '', args: {}, noCache: false, network: '', extraHosts: [] },
    ...{ labels: {}, style: 'buildkit' },
    limits: {
      ...{ cgroupParent: '', memory: 0, memorySwap: 0, cpuShares: 0, cpuPeriod: 0, cpuQuota: 0 },
      ...{ cpusetCpus: '', cpusetMems: '', shmSize: 0, ulimits: [] },
    },
    contexts: { context: makeVertex({ kind: 'local', name: 'context', content }, [], note) },
    images: {
      async resolve(_context, reference) {
        const config = images[reference];
        if (config === undefined) throw new Error(`no image ${reference}`);
        return { reference, id: digestOf(Buffer.from(reference)), config };
      },
    },
    ...change,
  };
}

function compiled(text: string, change?: Partial<CompileOptions>): Promise<Compiled> {
  return compile(background(), readDockerfile(text), options(change));
}

describe('a definition', () => {
  test('has what the target needs, inputs first, and nothing else', async () => {
    const text = 'FROM debian AS a\nRUN one\nFROM debian AS b\nRUN two\nFROM scratch\nCOPY --from=a /x /y';
    const { vertices } = await compiled(text);
    expect(vertices.map(({ operation }) => operation.kind)).toEqual(['scratch', 'image', 'run', 'copy']);
    expect(vertices.map(({ note: { name } }) => name)).toEqual([
      ...['[internal] scratch', '[a 1/2] FROM debian', '[a 2/2] RUN one'],
      '[stage-2 1/1] COPY --from=a /x /y',
    ]);
    const other = await compiled(text, { target: 'B' });
    expect(other.vertices.map(({ operation }) => operation.kind)).toEqual(['image', 'run']);
    await expect(compiled(text, { target: 'c' })).rejects.toThrow('target stage "c" could not be found');
  });

  test('is the same for the same, whatever is built around it', async () => {
    const one = await compiled('FROM debian\nENV a=b\nRUN x');
    const two = await compiled('FROM debian as y\n\nENV a=b\nRUN    x\nRUN more');
    expect(one.vertices[1]?.digest).toBe(two.vertices[1]?.digest ?? content);
    const three = await compiled('FROM debian\nENV a=c\nRUN x');
    expect(three.vertices[1]?.digest).not.toBe(one.vertices[1]?.digest ?? content);
  });

  test('does not depend on the addresses of extra hosts', async () => {
    const [one, two] = await Promise.all(
      ['a:1.2.3.4', 'a:5.6.7.8'].map((host) => compiled('FROM debian\nRUN x', { extraHosts: [host] })),
    );
    expect(one?.stage.root.digest).toBe(two?.stage.root.digest ?? content);
  });

  test('refuses stages that come later and files that cannot be', async () => {
    await expect(
      compiled('FROM debian\nCOPY --from=b x y\nFROM debian AS b', { target: '0' }),
    ).rejects.toThrow('it needs to be defined before current stage');
    await expect(compiled('FROM debian\nCOPY --from=1 x y')).rejects.toThrow('invalid stage index 1');
    await expect(compiled('FROM $X')).rejects.toThrow('base name ($X) should not be blank');
  });
});

describe('variables', () => {
  test('of ARG: the build wins over the default, that over the global one', async () => {
    const text = 'ARG G=global\nFROM debian\nARG G\nARG D=default\nARG A=mine\nENV all=$G-$D-$A-$N';
    const { stage } = await compiled(text, { args: { A: 'given', N: 'undeclared' } });
    expect(stage.process.Env).toContain('all=global-default-given-');
  });

  test.each([
    ['classic', 'env'],
    ['buildkit', 'arg'],
  ] as const)('are those before the instruction: %s ones after ENV and ARG', async (style, value) => {
    const text = 'FROM debian\nENV v=env\nARG v=arg\nENV w=$v v=new x=$v\nRUN y';
    const { stage } = await compiled(text, { style });
    const env = ['PATH=/bin', 'LANG=C', 'v=new', `w=${value}`, `x=${value}`];
    expect(stage.process.Env).toEqual(env);
    expect(stage.root.operation).toMatchObject({ env });
  });

  test('of a stage are not those of its children for the classic builder', async () => {
    const text = 'FROM debian AS one\nARG v=1\nFROM one\nENV w=${v-unset}';
    expect((await compiled(text, { style: 'classic' })).stage.process.Env).toContain('w=unset');
    expect((await compiled(text, { style: 'buildkit' })).stage.process.Env).toContain('w=1');
  });

  test('for proxies are given in both cases', async () => {
    const { stage } = await compiled('FROM debian\nRUN y', { args: { http_proxy: 'p' } });
    expect(stage.root.operation).toMatchObject({ proxies: ['HTTP_PROXY=p', 'http_proxy=p'] });
  });

  test('of the platform are there for FROM, and for a stage that declares them', async () => {
    const text = 'FROM --platform=$BUILDPLATFORM debian\nARG TARGETARCH\nENV a=$TARGETARCH b=$TARGETOS';
    expect((await compiled(text)).stage.process.Env).toContain('a=amd64');
    expect((await compiled(text)).stage.process.Env).toContain('b=');
  });

  test('that a command sees are in its history', async () => {
    const { stage } = await compiled('FROM debian\nARG a=1\nARG b\nRUN x $a');
    expect(stage.history.at(-1)?.createdBy).toBe('RUN |2 a=1 b= /bin/sh -c x $a # buildkit');
    expect(stage.root.operation).toMatchObject({
      args: ['/bin/sh', '-c', 'x $a'],
      workingDirectory: '/base',
    });
  });
});

describe('steps', () => {
  test('run: the host network is for those to whom it is granted', async () => {
    const text = 'FROM debian\nRUN --network=host x';
    await expect(compiled(text)).rejects.toThrow('network.host is not allowed');
    for (const grant of [{ network: 'host' }, { entitlements: ['network.host'] }]) {
      expect((await compiled(text, grant)).stage.root.operation).toMatchObject({ network: 'host' });
    }
  });

  test('copy: sources, destination and documents', async () => {
    const { stage } = await compiled('FROM debian\nARG n=v\nCOPY a* ./$n/ <<E f\nx "$n" \\$n\nE');
    expect(stage.root.operation).toMatchObject({
      kind: 'copy',
      destination: '/base/f',
      sources: [
        { type: 'input', input: 1, path: '/a*', hasWildcards: true, required: false, unpack: false },
        { path: '/v', hasWildcards: false, required: true },
        { type: 'inline', name: 'E', content: 'x "v" $n\n' },
      ],
    });
    expect(stage.root.inputs).toHaveLength(2);
    const { stage: into } = await compiled('FROM debian\nCOPY ../../x .');
    expect(into.root.operation).toMatchObject({ destination: '/base/', sources: [{ path: '/x' }] });
  });

  test('add: archives, downloads and repositories', async () => {
    const url = 'https://x.example/a/b%20c.tar?q=1';
    const { stage } = await compiled(`FROM debian\nADD x.tar ${url} git@x.example:a/b.git#main:sub /d/`);
    expect(stage.root.operation).toMatchObject({ sources: [{ unpack: true }, { unpack: false }, {}] });
    expect(stage.root.inputs.map(({ operation }) => operation)).toMatchObject([
      ...[{ kind: 'image' }, { kind: 'local' }, { kind: 'http', url, filename: 'b c.tar' }],
      { kind: 'git', url: 'git@x.example:a/b.git', ref: 'main', subdirectory: 'sub' },
    ]);
    for (const bad of ['git@x.example:a.git#--upload-pack=x', 'git://x.example/a#m:../..']) {
      await expect(compiled(`FROM debian\nADD ${bad} /d/`)).rejects.toThrow('invalid Git');
    }
  });

  test('run: mounts', async () => {
    const mounts = [
      'type=cache,id=apt,target=/var/cache/apt,sharing=locked',
      'type=bind,from=debian,source=bin,target=/m,rw',
      'type=secret,id=token,env=TOKEN',
      'type=secret,id=key',
      'type=tmpfs,target=tmp,size=64m',
      'type=ssh',
    ];
    const { stage } = await compiled(
      `FROM debian\nRUN ${mounts.map((each) => `--mount=${each}`).join(' ')} x`,
    );
    expect(stage.root.operation).toMatchObject({
      mounts: [
        { type: 'cache', id: 'apt', target: '/var/cache/apt', sharing: 'locked', mode: 0o755 },
        { type: 'bind', input: 1, source: '/bin', target: '/m', readOnly: false },
        { type: 'secret', id: 'token', env: 'TOKEN', target: '' },
        { type: 'secret', target: '/run/secrets/key', mode: 0o400, required: false },
        { type: 'tmpfs', target: '/base/tmp', size: 64 << 20 },
        { type: 'ssh', id: 'default' },
      ],
    });
  });

  test.each([
    ['type=bind', 'invalid mount target "/"'],
    ['target=/', 'invalid mount target "/"'],
    ['type=x,target=/a', 'unsupported mount type "x"'],
    ['target', "invalid field 'target' must be a key=value pair"],
    ['tarket=/a', "unexpected key 'tarket' in 'tarket=/a' (did you mean target?)"],
    ['type=tmpfs,target=/a,mode=1', 'mode not allowed for "tmpfs" type mounts'],
    ['from=$x,target=/a', "'from' doesn't support variable expansion"],
    ['type=cache,target=/a,sharing=all', 'unsupported sharing value "all"'],
  ])('run: mount %s is refused', async (mount, message) => {
    await expect(compiled(`FROM debian\nRUN --mount=${mount} x`)).rejects.toThrow(message);
  });

  test('run: a document is the script', async () => {
    const { stage } = await compiled('FROM debian\nRUN <<E\na\nb\nE');
    expect(stage.root.operation).toMatchObject({ args: ['/bin/sh', '-c', 'a\nb\n'] });
    const { stage: program } = await compiled('FROM debian\nRUN <<E\n#!/usr/bin/env python\nx\nE');
    expect(program.root.operation).toMatchObject({ args: ['/dev/pipes/E'], files: [{ mode: 0o755 }] });
    const { stage: mixed } = await compiled('FROM debian\nRUN cat <<A > /x\nhi\nA');
    expect(mixed.root.operation).toMatchObject({ args: ['/bin/sh', '-c', 'cat <<A > /x\nhi\nA'] });
  });

  test('triggers of the base run first, and only once', async () => {
    const { stage, vertices } = await compiled('FROM triggers\nRUN own');
    expect(vertices.map(({ note: { name } }) => name).slice(2)).toEqual([
      ...['[2/4] COPY a /a', '[3/4] RUN make', '[4/4] RUN own'],
    ]);
    expect(stage.process.OnBuild).toBeUndefined();
  });

  test('of the configuration', async () => {
    const text = [
      ...[
        'FROM debian',
        'CMD ["a"]',
        'ENTRYPOINT b',
        'SHELL ["bash","-ec"]',
        'CMD c',
        'USER u:g',
        'VOLUME /v /w',
      ],
      ...[
        'EXPOSE 80 90-91/UDP',
        'STOPSIGNAL SIGINT',
        'LABEL a="b c"',
        'MAINTAINER me',
        'WORKDIR x',
        'WORKDIR /y',
      ],
      ...['HEALTHCHECK NONE', 'ONBUILD RUN z'],
    ].join('\n');
    const { stage } = await compiled(text);
    expect(stage.process).toMatchObject({
      ...{
        Cmd: ['bash', '-ec', 'c'],
        Entrypoint: ['/bin/sh', '-c', 'b'],
        Shell: ['bash', '-ec'],
        User: 'u:g',
      },
      ...{ Volumes: { '/v': {}, '/w': {} }, ExposedPorts: { '80/tcp': {}, '90/udp': {}, '91/udp': {} } },
      ...{ StopSignal: 'SIGINT', Labels: { a: 'b c' }, WorkingDir: '/y', OnBuild: ['RUN z'] },
      Healthcheck: { Test: ['NONE'] },
    });
    expect(stage.author).toBe('me');
    expect(stage.history.map(({ createdBy }) => createdBy)).toContain('EXPOSE [80/tcp 90/udp 91/udp]');
  });

  test('an entry point takes the command of the base away, and leaves the own', async () => {
    expect((await compiled('FROM debian\nENTRYPOINT ["x"]')).stage.process.Cmd).toBeNull();
    expect((await compiled('FROM debian\nCMD ["y"]\nENTRYPOINT ["x"]')).stage.process.Cmd).toEqual(['y']);
  });
});
