import { describe, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import { hostPlatform } from '../oci/platform.ts';
import type { BuildListener, TranscriptEvent } from './contract.ts';
import { BuildError } from './errors.ts';
import { imageOf, layerOf, PaperBuilder } from './testing/paper-builder.ts';

/** Events as short texts. */
function telling(texts: string[]): BuildListener {
  const textOf = (event: TranscriptEvent): string => {
    if (event.type === 'instruction') return `${event.number}/${event.total} ${event.text}`;
    if (event.type === 'step') return event.runs ? 'runs' : 'made';
    if (event.type === 'step-done') return event.cached ? 'cached' : 'done';
    if (event.type === 'triggers') return `triggers ${event.count}`;
    if (event.type === 'unused') return `unused ${event.args}`;
    if (event.type === 'note') return event.text;
    return event.type + (event.id === undefined ? ' none' : '');
  };
  return { onTranscript: (event) => texts.push(textOf(event)) };
}

describe('an image that is built', () => {
  test('has the layers, the history and the configuration that its Dockerfile says, as BuildKit writes it', async () => {
    const paper = new PaperBuilder();
    paper.add('base', { Env: ['PATH=/p'], WorkingDir: '/w', Labels: { b: '1' } });
    const text = [
      ...[
        'FROM base',
        'ARG V=1',
        'ENV E=$V',
        'RUN make',
        'RUN true',
        'COPY x /y',
        'USER u',
        'CMD run',
        'EXPOSE 80',
      ],
      ...['MAINTAINER me'],
    ].join('\n');
    const config = paper.configOf(await paper.build(text, { labels: { a: '2' }, tags: ['one', 'two:3'] }));
    const { architecture, os } = hostPlatform();
    const layers = [layerOf('base'), layerOf('run make 1'), layerOf(''), layerOf('copy "/y"')];
    const made = config.history?.find(({ created_by: line }) => line?.includes('make'))?.created ?? '';
    const entry = (created_by: string, isEmpty: boolean, created: string) => ({
      ...{ created, created_by, comment: 'buildkit.dockerfile.v0' },
      ...(isEmpty ? { empty_layer: true } : {}),
    });
    expect(config).toMatchObject({
      architecture,
      os,
      author: 'me',
      rootfs: { type: 'layers', diff_ids: layers },
    });
    expect(Object.keys(config)).toEqual([
      ...['architecture', 'author', 'config', 'created', 'history', 'os', 'rootfs'],
      ...(config.variant === undefined ? [] : ['variant']),
    ]);
    expect(JSON.stringify(config.config)).toBe(
      '{"User":"u","ExposedPorts":{"80/tcp":{}},"Env":["PATH=/p","E=1"],"Cmd":["/bin/sh","-c","run"],"WorkingDir":"/w","Labels":{"a":"2","b":"1"},"ArgsEscaped":true}',
    );
    expect(config.history?.slice(0, 4)).toEqual([
      { created: '2020-01-02T03:04:05Z', created_by: 'made base' },
      entry('ARG V=1', true, made),
      entry('ENV E=1', true, made),
      entry('RUN |1 V=1 /bin/sh -c make # buildkit', false, made),
    ]);
    expect(
      config.history?.slice(4).map(({ created_by: line, empty_layer: isEmpty }) => [line, isEmpty]),
    ).toEqual([
      ...[
        ['RUN |1 V=1 /bin/sh -c true # buildkit', undefined],
        ['COPY x /y # buildkit', undefined],
        ['USER u', true],
      ],
      ...[
        ['CMD ["/bin/sh" "-c" "run"]', true],
        ['EXPOSE [80/tcp]', true],
        ['MAINTAINER me', true],
      ],
    ]);
    expect(paper.created[0]).toMatchObject({ references: ['one', 'two:3'], parent: undefined });
  });

  test("has the classic builder's history where that is asked for, and its base as parent", async () => {
    const paper = new PaperBuilder();
    const base = paper.add('base');
    const text = [
      ...[
        'FROM base',
        'ARG V=1',
        'MAINTAINER me',
        'RUN make',
        'WORKDIR /w',
        'COPY --chown=1 x .',
        'SHELL ["bash","-c"]',
      ],
      ...['CMD a b', 'HEALTHCHECK --interval=90s --retries=3 CMD ["x"]', 'EXPOSE 80 81', 'VOLUME /a /b'],
    ].join('\n');
    const config = paper.configOf(await paper.build(text, { style: 'classic', labels: { b: '1', a: '2' } }));
    expect(config.config?.ArgsEscaped).toBeUndefined();
    expect(
      config.history?.slice(1).map(({ created_by: line }) => line?.replace(/[0-9a-f]{64}/, 'HASH')),
    ).toEqual([
      ...['/bin/sh -c #(nop)  ARG V=1', '/bin/sh -c #(nop)  MAINTAINER me', '|1 V=1 /bin/sh -c make'],
      ...['/bin/sh -c #(nop) WORKDIR /w', '/bin/sh -c #(nop) COPY --chown=1 file:HASH in . '],
      ...['bash -c #(nop)  SHELL [bash -c]', 'bash -c #(nop)  CMD ["bash" "-c" "a b"]'],
      `bash -c #(nop)  HEALTHCHECK &{[CMD x] 1m30s 0s 0s 0s 3}`,
      ...['bash -c #(nop)  EXPOSE 80 81', 'bash -c #(nop)  VOLUME [/a /b]'],
      ...['bash -c #(nop)  LABEL a=2', 'bash -c #(nop)  LABEL b=1'],
    ]);
    expect(config.history?.map(({ author }) => author)).toEqual([
      undefined,
      undefined,
      ...Array(11).fill('me'),
    ]);
    expect(paper.created[0]?.parent).toBe(base.id);
  });

  test('is the same image when everything was found in the cache', async () => {
    const paper = new PaperBuilder();
    paper.add('base');
    const text = 'FROM base AS a\nRUN one\nFROM base\nENV A=b\nRUN two\nCOPY --from=a /x /\nCMD c';
    const [first, second] = [await paper.build(text), await paper.build(text)];
    expect(second.images).toEqual(first.images);
    expect(paper.ran.sort()).toEqual(['one', 'two']);
  });

  test('says the time that stands for now', async () => {
    const paper = new PaperBuilder();
    paper.add('base');
    const config = paper.configOf(
      await paper.build('FROM base\nRUN one', { args: { SOURCE_DATE_EPOCH: '1000' } }),
    );
    expect([config.created, config.history?.[1]?.created]).toEqual([
      '1970-01-01T00:16:40Z',
      '1970-01-01T00:16:40Z',
    ]);
  });

  test('of FROM alone is the base itself to the classic builder', async () => {
    const paper = new PaperBuilder();
    const { id } = paper.add('base');
    expect((await paper.build('FROM base', { style: 'classic', tags: ['mine'] })).images[0]?.id).toBe(id);
    expect(paper.images.get(id)?.tags).toEqual(['base:latest', 'mine:latest']);
    await expect(paper.build('FROM scratch', { style: 'classic' })).rejects.toThrow('No image was generated');
  });
});

describe('base images', () => {
  test('are those that are here, but sought when that is asked for or they are missing', async () => {
    const paper = new PaperBuilder();
    paper.add('here');
    paper.remote.set('docker.io/library/away:1', imageOf('away'));
    paper.remote.set('docker.io/library/here:latest', imageOf('newer'));
    await paper.build('FROM here\nCOPY --from=away:1 / /\nCOPY --from=away:1 / /');
    expect(paper.pulled).toEqual([['docker.io/library/away:1', undefined]]);
    const user = { username: 'me', password: '', identityToken: '', registryToken: '' };
    const config = paper.configOf(
      await paper.build('FROM here\nENV A=b', { pull: true, credentials: () => user }),
    );
    expect(config.rootfs.diff_ids).toEqual([layerOf('newer')]);
    expect(paper.pulled[1]).toEqual(['docker.io/library/here:latest', 'me']);
  });

  test('of another platform are not what was asked for', async () => {
    const paper = new PaperBuilder();
    paper.add('here', {}, { os: 'linux', architecture: 's390x' });
    await expect(paper.build('FROM here')).rejects.toThrow(
      'pull access denied for docker.io/library/here:latest',
    );
  });

  test('are not waited for when another one cannot be had', async () => {
    const paper = new PaperBuilder();
    const building = paper.build('FROM slow AS a\nFROM nowhere\nCOPY --from=a / /\nCOPY --from=slow:2 / /');
    await expect(building).rejects.toThrow('pull access denied for docker.io/library/nowhere:latest');
    expect(paper.held).toEqual(new Set());
    const both = paper.build('FROM scratch\nCOPY --from=slow / /\nCOPY --from=nowhere / /');
    await expect(both).rejects.toThrow('pull access denied');
  });

  test('can be given by the build under other names', async () => {
    const paper = new PaperBuilder();
    paper.add('real');
    const config = paper.configOf(await paper.build('FROM x', { namedContexts: { x: { image: 'real' } } }));
    expect(config.rootfs.diff_ids).toEqual([layerOf('real')]);
  });
});

describe('a build tells', () => {
  test('its instructions one after the other, stages that are needed only', async () => {
    const paper = new PaperBuilder();
    paper.add('base', { OnBuild: ['RUN trigger', 'ENV T=1'] });
    const text =
      'ARG G=1\nFROM scratch AS a\nCOPY x /\nFROM scratch AS never\nRUN no\nFROM base\nCOPY --from=a /x /\nCMD c';
    const told: string[] = [];
    await paper.build(text, { style: 'classic', labels: { l: '1' }, args: { odd: '1' } }, telling(told));
    expect(told).toEqual([
      ...[
        '1/7 ARG G=1',
        '2/7 FROM scratch AS a',
        'image none',
        '3/7 COPY x /',
        'made',
        'done',
        'image',
        'stage',
      ],
      ...[
        '4/7 FROM base',
        'triggers 2',
        'runs',
        'done',
        'runs',
        'done',
        'image',
        '5/7 COPY --from=a /x /',
        'made',
        'done',
      ],
      ...[
        'image',
        '6/7 CMD c',
        'runs',
        'done',
        'image',
        '7/7 LABEL l=1',
        'runs',
        'done',
        'image',
        'stage',
        'unused odd',
      ],
    ]);
    const again: string[] = [];
    await paper.build(text, { style: 'classic', labels: { l: '1' } }, telling(again));
    expect(again.filter((each) => each === 'done')).toEqual([]);
    expect(again.filter((each) => each === 'cached')).toHaveLength(6);
    const anew: string[] = [];
    await paper.build(text, { style: 'classic', labels: { l: '1' }, noCache: true }, telling(anew));
    expect(anew.filter((each) => each === 'cached')).toEqual([]);
  });

  test('the first instruction before a base image is sought', async () => {
    const paper = new PaperBuilder();
    const told: string[] = [];
    await expect(paper.build('FROM nowhere\nRUN x', {}, telling(told))).rejects.toThrow('pull access denied');
    expect(told).toEqual(['1/2 FROM nowhere']);
  });

  test('its plan, and what becomes of it', async () => {
    const paper = new PaperBuilder();
    paper.add('base');
    const told: string[] = [];
    const names = new Map<string, string>();
    await paper.build(
      'FROM base\nRUN one',
      {},
      {
        onPlan: (vertices) => vertices.map(({ digest, name }) => names.set(digest, name)),
        onStart: (vertex) => told.push(`start ${names.get(vertex)}`),
        onMake: (vertex) => told.push(`make ${names.get(vertex)}`),
        onDone: (vertex) => told.push(`done ${names.get(vertex)}`),
      },
    );
    expect(told).toEqual([
      ...[
        'start [1/2] FROM docker.io/library/base:latest',
        'done [1/2] FROM docker.io/library/base:latest',
        'start [2/2] RUN one',
        'make [2/2] RUN one',
      ],
      'done [2/2] RUN one',
    ]);
  });
});

describe('a build that fails', () => {
  test('says where, and shows it', async () => {
    const paper = new PaperBuilder();
    paper.add('base');
    const error = await paper.build('FROM base\nRUN exit 3\n').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BuildError);
    expect(error).toMatchObject({
      ...{ exitCode: 3, command: ['/bin/sh', '-c', 'exit 3'], lines: { first: 2, last: 2 } },
      message: 'process "/bin/sh -c exit 3" did not complete successfully: exit code: 3',
      excerpt:
        'Dockerfile:2\n--------------------\n   1 |     FROM base\n   2 | >>> RUN exit 3\n   3 |     \n--------------------\n',
    });
    const wrong = await paper.build('FROM base\nFOO').catch((reason: unknown) => reason);
    expect(wrong).toMatchObject({
      exitCode: 0,
      lines: { first: 2 },
      message: expect.stringContaining('line 2: unknown'),
    });
    expect(paper.held).toEqual(new Set());
  });

  test('in another language says so, and builds nothing', async () => {
    const paper = new PaperBuilder();
    paper.add('base');
    for (const ours of [
      'docker/dockerfile',
      'docker.io/docker/dockerfile:1.7-labs',
      'docker/dockerfile@sha256:0',
    ]) {
      await paper.build(`# syntax=${ours}\nFROM base\nRUN one`);
    }
    const foreign = '# escape=\\\n# syntax = example.org/docker/dockerfile:1 --x\nFROM base\nRUN two';
    const error = await paper.build(foreign).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      lines: { first: 2, last: 2 },
      message: expect.stringContaining('the syntax "example.org/docker/dockerfile:1" is not supported'),
    });
    expect([...paper.cache.list()].map(({ description }) => description)).toEqual(['RUN one']);
  });

  test('keeps what it had made, and nothing of what failed', async () => {
    const paper = new PaperBuilder();
    paper.add('base');
    await expect(paper.build('FROM base\nRUN one\nRUN exit 1')).rejects.toThrow('exit code: 1');
    expect([...paper.cache.list()].map(({ description }) => description)).toEqual(['RUN one']);
  });

  test('ends at once when it is cancelled, by its ID or by who asked for it', async () => {
    const paper = new PaperBuilder();
    paper.add('base');
    const started = Promise.withResolvers<void>();
    paper.run = (_command, { context: { signal } }) => {
      started.resolve();
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const building = paper.build('FROM base\nRUN sleep', { id: 'mine' });
    await started.promise;
    expect((await paper.builder.cache()).map(({ inUse }) => inUse)).toEqual([]);
    paper.builder.cancel('other');
    paper.builder.cancel('mine');
    await expect(building).rejects.toThrow('context canceled');
    const left = new AbortController();
    const given = paper.build('FROM base\nRUN sleep', {}, {}, { ...background(), signal: left.signal });
    left.abort(new Error('gone'));
    await expect(given).rejects.toThrow('gone');
    expect([[...paper.cache.list()], paper.held]).toEqual([[], new Set()]);
  });
});

describe('the cache', () => {
  test('is not asked for stages that are named', async () => {
    const paper = new PaperBuilder();
    paper.add('base');
    const text =
      'FROM base AS a\nRUN one\nFROM base AS b\nRUN two\nFROM scratch\nCOPY --from=a / /\nCOPY --from=b / /';
    await paper.build(text);
    await paper.build(text, { noCache: ['B'] });
    expect(paper.ran.sort()).toEqual(['one', 'two', 'two']);
  });

  test('gives way to images that are named for it: only what they are made of counts', async () => {
    const paper = new PaperBuilder();
    paper.add('base');
    const text = 'FROM base\nENV A=1\nRUN one\nRUN two';
    const first = await paper.build(text, { style: 'classic', tags: ['made'] });
    await paper.build(text, { style: 'classic', noCache: true });
    const again = await paper.build(text, { style: 'classic', cacheFrom: ['made'] });
    expect([again.images, paper.ran]).toEqual([first.images, ['one', 'two', 'one', 'two']]);
    await paper.build(text.replace('A=1', 'A=2'), { style: 'classic', cacheFrom: ['made'] });
    await paper.build(text, { style: 'classic', cacheFrom: ['nowhere'] });
    expect(paper.ran.slice(4)).toEqual(['one', 'two', 'one', 'two']);
  });
});

describe('checks', () => {
  test('come with a build, and alone', async () => {
    const paper = new PaperBuilder();
    paper.add('base', { Env: ['KNOWN=1'] });
    const text = 'FROM base\nCMD a\nUSER $KNOWN$OTHER';
    const { warnings } = await paper.build(text);
    expect(warnings.map(({ rule }) => rule)).toEqual(['JSONArgsRecommended', 'UndefinedVar']);
    expect(warnings[0]?.excerpt).toContain('   2 | >>> CMD a\n');
    const { json } = await paper.builder.inquire(background(), paper.request(text), 'lint');
    expect(json).toMatchObject({
      warnings: warnings.map(({ rule, detail }) => ({ ruleName: rule, detail })),
    });
    await expect(paper.builder.inquire(background(), paper.request('FOO'), 'targets')).rejects.toThrow(
      'line 1: unknown instruction',
    );
  });

  test('that are errors end a build before anything is made', async () => {
    const paper = new PaperBuilder();
    paper.add('base');
    const text = '# check=error=true\nFROM base\nRUN one\nCMD a';
    const building = paper.build(text);
    await expect(building).rejects.toThrow('lint violation found for rules: JSONArgsRecommended');
    expect(paper.ran).toEqual([]);
  });
});
