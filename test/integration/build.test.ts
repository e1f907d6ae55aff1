import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { BuildDirectory, dockerBuild, type Files, transcriptOf } from '../fixtures/build-context.ts';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
});

function build(files: Files, ...args: string[]): ReturnType<typeof dockerBuild> {
  return dockerBuild(daemon, files, ...args);
}

/** Builds, which must succeed, and returns what a container of the image prints. */
function built(files: Files, ...command: string[]): string {
  const { status, stderr } = build(files, '-t', 'built');
  expect([status, stderr.replace(/DEPRECATED.*\n.*\n.*\n/, '').trim()]).toEqual([0, '']);
  return daemon.sampan('run', '--rm', 'built', ...command);
}

async function inspect(name: string): Promise<Json> {
  return (await daemon.request('GET', `/images/${name}/json`)).body;
}

/** The messages of a build through the API. */
async function post(query: string, body: Uint8Array, headers: Record<string, string> = {}): Promise<Json[]> {
  const answer = await fetch(`http://d/build?${query}`, {
    method: 'POST',
    unix: daemon.socket,
    body,
    headers,
  });
  expect(answer.status).toBe(200);
  return (await answer.text())
    .trim()
    .split('\r\n')
    .map((line) => JSON.parse(line));
}

describe('a build', () => {
  test('makes an image of a Dockerfile, and says so like the classic builder', async () => {
    const files = {
      Dockerfile: [
        ...[
          'FROM busybox',
          'ARG WHO=world',
          'ENV A=b',
          'COPY hello.txt /hello/',
          'RUN echo hi $WHO | tee /greeting',
        ],
        ...['WORKDIR /hello', 'EXPOSE 80', 'CMD ["cat", "/greeting", "hello.txt"]'],
      ].join('\n'),
      'hello.txt': 'hello',
    };
    const outcome = build(files, '-t', 'one', '-t', 'two:3', '--build-arg', 'WHO=you');
    const ran = [' ---> Running in ID', ' ---> Removed intermediate container ID', ' ---> ID'];
    expect(transcriptOf(outcome)).toEqual([
      ...[
        'Step 1/8 : FROM busybox',
        ' ---> ID',
        'Step 2/8 : ARG WHO=world',
        ...ran,
        'Step 3/8 : ENV A=b',
        ...ran,
      ],
      ...['Step 4/8 : COPY hello.txt /hello/', ' ---> ID', 'Step 5/8 : RUN echo hi $WHO | tee /greeting'],
      ...[' ---> Running in ID', 'hi you', ' ---> Removed intermediate container ID', ' ---> ID'],
      ...['Step 6/8 : WORKDIR /hello', ...ran, 'Step 7/8 : EXPOSE 80', ...ran],
      ...['Step 8/8 : CMD ["cat", "/greeting", "hello.txt"]', ...ran],
      ...['Successfully built ID', 'Successfully tagged one:latest', 'Successfully tagged two:3'],
    ]);
    expect(daemon.sampan('run', '--rm', 'two:3')).toBe('hi you\nhello');
    const { Config, Parent, RootFS } = await inspect('one');
    expect(Config).toMatchObject({ Cmd: ['cat', '/greeting', 'hello.txt'], WorkingDir: '/hello' });
    expect(Config.Env).toContain('A=b');
    expect(Config.ExposedPorts).toEqual({ '80/tcp': {} });
    expect([Parent, RootFS.Layers.length]).toEqual([(await inspect('busybox')).Id, 3]);
    expect(await histories('one')).toEqual([
      ...['/bin/sh -c #(nop)  CMD ["cat" "/greeting" "hello.txt"]', '/bin/sh -c #(nop)  EXPOSE 80'],
      ...['/bin/sh -c #(nop) WORKDIR /hello', '|1 WHO=you /bin/sh -c echo hi $WHO | tee /greeting'],
      expect.stringMatching(/^\/bin\/sh -c #\(nop\) COPY file:[0-9a-f]{64} in \/hello\/ $/),
      ...['/bin/sh -c #(nop)  ENV A=b', '/bin/sh -c #(nop)  ARG WHO=world'],
    ]);
  });

  test('finds everything in the cache the second time, and is the same image', () => {
    const files = {
      Dockerfile: 'FROM busybox\nENV A=1\nRUN echo $A > /a\nCOPY x /\nLABEL l=m\nRUN cat /x >> /a\nCMD a',
      x: 'content',
    };
    const [first, second] = [build(files, '-t', 'cached'), build(files, '-t', 'cached2')];
    expect(second.stdout.match(/Using cache/g)).toHaveLength(6);
    const ids = (text: string): string[] => text.match(/---> [0-9a-f]{12}$|built [0-9a-f]{12}/gm) ?? [];
    expect(ids(second.stdout)).toEqual(ids(first.stdout));
    const changed = build({ ...files, x: 'other' });
    expect(changed.stdout.match(/Using cache/g)).toHaveLength(2);
    expect(build(files, '--no-cache').stdout).not.toContain('Using cache');
    expect(build(files, '--cache-from', 'cached').stdout.match(/Using cache/g)).toHaveLength(6);
    expect(build(files, '--cache-from', 'nowhere').stdout).not.toContain('Using cache');
  });

  test('runs independent stages at once, unneeded ones never', () => {
    const wait = (own: string, other: string): string =>
      `RUN --mount=type=cache,id=meet,target=/m touch /m/${own}; until [ -e /m/${other} ]; do sleep 0.01; done`;
    const text = [
      ...['FROM busybox AS one', wait('one', 'two'), 'RUN echo 1 > /1', 'FROM busybox AS never', 'RUN false'],
      ...['FROM busybox AS two', wait('two', 'one'), 'RUN echo 2 > /2'],
      ...['FROM busybox', 'COPY --from=one /1 /', 'COPY --from=two /2 /'],
    ].join('\n');
    expect(built({ Dockerfile: text }, 'cat', '/1', '/2')).toBe('1\n2');
  });

  test('stops at its target', () => {
    const { status, stdout } = build(
      { Dockerfile: 'FROM busybox AS a\nRUN true\nFROM a\nRUN false' },
      '--target',
      'a',
    );
    expect([status, transcriptOf({ stdout, stderr: '', status }).at(-1)]).toEqual([
      0,
      'Successfully built ID',
    ]);
  });

  test('does what its base image left it to do', () => {
    build({ Dockerfile: 'FROM busybox\nONBUILD COPY x /x\nONBUILD RUN cat /x > /y' }, '-t', 'parent');
    const { stdout } = build({ Dockerfile: 'FROM parent\nRUN cat /y', x: 'left' }, '-t', 'child');
    expect(stdout).toContain('Step 1/2 : FROM parent\n# Executing 2 build triggers\n');
    expect(daemon.sampan('run', '--rm', 'child', 'cat', '/y')).toBe('left');
  });

  test('does not see what .dockerignore names', () => {
    const files = {
      x: '',
      'sub/y': '',
      'sub/z': '',
      '.dockerignore': 'sub\n!sub/z\n.dockerignore\nDockerfile',
    };
    const Dockerfile = 'FROM busybox\nCOPY . /c';
    const found = built({ ...files, Dockerfile }, 'find', '/c', '-type', 'f')
      .split('\n')
      .sort();
    expect(found).toEqual(['/c/sub/z', '/c/x']);
  });

  test('adds labels, keeps proxies out of the image', async () => {
    const args = ['--label', 'b=2', '--label', 'a=1', '--build-arg', 'HTTP_PROXY=http://p'];
    const { stdout } = build({ Dockerfile: 'FROM busybox\nRUN echo $HTTP_PROXY' }, '-t', 'labelled', ...args);
    expect(stdout).toContain('http://p\n');
    expect(stdout).toContain('Step 4/4 : LABEL b=2\n');
    const { Config } = await inspect('labelled');
    expect(Config.Labels).toEqual({ a: '1', b: '2' });
    expect(JSON.stringify([Config, await histories('labelled')])).not.toContain('http://p');
  });

  test('knows documents, mounts and other images', () => {
    const text = [
      ...[
        'FROM busybox',
        'RUN <<E',
        'echo one > /one',
        'echo two > /two',
        'E',
        'COPY <<F /three',
        'three',
        'F',
      ],
      ...['COPY --from=busybox /bin/busybox /b', 'RUN --mount=type=bind,target=/c cp /c/x /four'],
      ...['RUN --mount=type=tmpfs,target=/t touch /t/no && ls /t'],
    ].join('\n');
    const paths = ['/one', '/two', '/three', '/four'];
    expect(built({ Dockerfile: text, x: 'four' }, 'cat', ...paths)).toBe('one\ntwo\nthree\nfour');
  });
});

async function histories(name: string): Promise<string[]> {
  const { body } = await daemon.request('GET', `/images/${name}/history`);
  return body.slice(0, -1).map(({ CreatedBy }: Json) => CreatedBy);
}

describe('a build that fails', () => {
  test.each([
    ['FROM busybox\nFOO', 1, 'dockerfile parse error on line 2: unknown instruction: FOO'],
    [
      'FROM busybox\nRUN echo no >&2; exit 3',
      3,
      "The command '/bin/sh -c echo no >&2; exit 3' returned a non-zero code: 3",
    ],
    [
      'FROM busybox\nCOPY nothing /',
      1,
      'COPY failed: file not found in build context or excluded by .dockerignore: stat nothing: file does not exist',
    ],
    ['', 1, 'the Dockerfile (Dockerfile) cannot be empty'],
    ['FROM busybox\nWORKDIR $X?\nRUN --mount=x y', 1, "invalid field 'x' must be a key=value pair"],
  ])('%j says why', (Dockerfile, status, message) => {
    const outcome = build({ Dockerfile }, '-t', 'failed');
    expect(outcome.stderr).toContain(message);
    expect(outcome.status).toBe(status);
    expect(daemon.run('docker', ['image', 'inspect', 'failed']).status).toBe(1);
  });

  test('tells its events, the lines of the Dockerfile last', async () => {
    using directory = new BuildDirectory({ Dockerfile: 'FROM busybox\n\nRUN exit 7\nCMD a\n' });
    const events = await post('progress=events', directory.tar);
    expect(events.at(-1).failure).toEqual({
      message: 'process "/bin/sh -c exit 7" did not complete successfully: exit code: 7',
      code: 7,
      digest:
        events.find(
          ({ started }) =>
            started &&
            events.some(({ vertex }) => vertex?.digest === started.digest && /RUN/.test(vertex.name)),
        )?.vertex?.digest ?? expect.any(String),
      lines: { first: 3, last: 3 },
      excerpt: [
        ...['Dockerfile:3', '--------------------', '   1 |     FROM busybox', '   2 |     '],
        ...['   3 | >>> RUN exit 7', '   4 |     CMD a', '   5 |     ', '--------------------', ''],
      ].join('\n'),
    });
    expect(events.find(({ warning }) => warning).warning).toMatchObject({
      rule: 'JSONArgsRecommended',
      lines: { first: 4, last: 4 },
    });
  });
});

test('a build that may not break rules fails before anything is made', async () => {
  using directory = new BuildDirectory({
    Dockerfile: '# check=error=true\nFROM busybox\nMAINTAINER me\nRUN x',
  });
  const events = await post('progress=events', directory.tar);
  expect(events.slice(-2).map((event) => Object.keys(event)[0])).toEqual(['warning', 'failure']);
  const steps = events.flatMap(({ vertex }) => vertex?.name ?? []);
  expect(steps.filter((name) => !name.startsWith('[internal] load '))).toEqual([]);
  expect(events.at(-1)?.failure.message).toBe('lint violation found for rules: MaintainerDeprecated');
});

describe('POST /build', () => {
  test('is quiet when asked', async () => {
    using directory = new BuildDirectory({ Dockerfile: 'FROM busybox\nRUN true' });
    expect(await post('q=1', directory.tar)).toEqual([
      { stream: expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/) },
    ]);
  });

  test('takes compressed contexts and Dockerfiles of other names', async () => {
    using directory = new BuildDirectory({ 'sub/My.file': 'FROM busybox\nCOPY sub/My.file /' });
    for (const tar of [gzipSync(directory.tar), zstdCompressSync(directory.tar)]) {
      const messages = await post('dockerfile=sub/My.file&t=named', tar);
      expect(messages.at(-1)).toEqual({ stream: 'Successfully tagged named:latest\n' });
      const { aux } = messages.find((message) => message.aux !== undefined) ?? {};
      expect(aux).toEqual({ ID: (await inspect('named')).Id });
    }
  });

  test('refuses what it cannot do before it takes anything in', async () => {
    using directory = new BuildDirectory({ Dockerfile: 'FROM busybox' });
    const cases = [
      ['squash=1', 400, 'squash'],
      ['version=3', 400, 'invalid version 3'],
      ['version=2&session=x', 501, 'send version=1'],
      ['t=A:B', 400, 'invalid reference format'],
      ['platform=foobar', 400, 'unknown operating system'],
      ['buildargs=x', 400, 'build args'],
      ['dockerfile=nothing', 400, 'Cannot locate specified Dockerfile: nothing'],
      ['remote=x', 400, 'could not be recognized as URL'],
      // Although no step is to be run.
      ['memory=-5', 400, 'Minimum memory limit allowed is 6MB'],
      ['memory=10000000&memswap=5', 400, 'Minimum memoryswap limit should be larger than memory limit'],
      ['shmsize=-1', 400, 'SHM size can not be less than 0'],
      ['cpusetcpus=zz', 400, 'Invalid value zz for cpuset cpus: invalid format: zz'],
      ['cpuperiod=1', 400, 'CPU cfs period can not be less than 1ms'],
    ] as const;
    for (const [query, status, message] of cases) {
      const url = `http://d/build?${query}`;
      const answer = await fetch(url, { method: 'POST', unix: daemon.socket, body: directory.tar });
      expect([query, answer.status]).toEqual([query, status]);
      expect(((await answer.json()) as Json).message).toContain(message);
    }
  });

  test('builds a Dockerfile or an archive from the web', async () => {
    using directory = new BuildDirectory({ Dockerfile: 'FROM busybox\nCOPY x /', x: 'web' });
    const tar = directory.tar;
    await using server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: ({ url }) =>
        new Response(url.endsWith('.tar') ? new Uint8Array(tar) : 'FROM busybox\nCMD ["echo", "web"]'),
    });
    await post(`t=web&remote=${encodeURIComponent(`${server.url}context.tar`)}`, new Uint8Array());
    expect(daemon.sampan('run', '--rm', 'web', 'cat', '/x')).toBe('web');
    await post(`t=web&remote=${encodeURIComponent(`${server.url}Dockerfile`)}`, new Uint8Array());
    expect(daemon.sampan('run', '--rm', 'web')).toBe('web');
    server.stop(true);
  });

  test('takes named contexts and secrets', async () => {
    using named = new BuildDirectory({ n: 'named' });
    const upload = await fetch('http://d/build/contexts', {
      method: 'POST',
      unix: daemon.socket,
      body: named.tar,
    });
    const { ID } = (await upload.json()) as Json;
    const text = [
      'FROM base',
      'COPY --from=more n /',
      'RUN --mount=type=secret,id=s cat /run/secrets/s | wc -c',
    ];
    using directory = new BuildDirectory({ Dockerfile: text.join('\n') });
    const contexts = encodeURIComponent(
      JSON.stringify({ more: `context:${ID}`, base: 'docker-image://busybox' }),
    );
    const Secrets = { s: Buffer.from('12345').toString('base64') };
    const kept = await daemon.request('POST', '/build/secrets', { Secrets });
    const messages = await post(`t=named&contexts=${contexts}&secrets=${kept.body.ID}`, directory.tar);
    expect(messages).toContainEqual({ stream: '5\n' });
    expect(daemon.sampan('run', '--rm', 'named', 'cat', '/n')).toBe('named');
  });
});

describe('the build cache', () => {
  test('is listed, counted and pruned', async () => {
    await daemon.request('POST', '/build/prune?all=1');
    const files = {
      Dockerfile: 'FROM busybox\nRUN echo 1 > /1\nRUN --mount=type=cache,target=/c echo 2 > /c/2; touch /2',
    };
    build(files, '-t', 'kept');
    const { BuildCache } = (await daemon.request('GET', '/v1.51/system/df')).body;
    expect(BuildCache.map(({ Type, Shared }: Json) => [Type, Shared])).toEqual([
      ...[
        ['regular', true],
        ['regular', true],
        ['exec.cachemount', false],
      ],
    ]);
    expect(BuildCache[0].Description).toBe('RUN echo 1 > /1');
    expect(BuildCache[1].Parents).toEqual([BuildCache[0].ID]);
    const filters = encodeURIComponent(JSON.stringify({ type: ['exec.cachemount'] }));
    const mounts = (await daemon.request('POST', `/build/prune?filters=${filters}`)).body;
    expect(mounts.CachesDeleted).toEqual([BuildCache[2].ID]);
    expect((await daemon.request('POST', '/build/prune')).body.CachesDeleted).toBeNull();
    await daemon.request('DELETE', '/images/kept');
    const all = (await daemon.request('POST', '/build/prune')).body;
    expect(all.CachesDeleted).toHaveLength(2);
    expect(all.SpaceReclaimed).toBeGreaterThan(0);
    expect(build(files).stdout).not.toContain('RUN echo 1 > /1\n ---> Using cache');
  });
});
