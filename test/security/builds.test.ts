import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outcome, TestDaemon } from '../fixtures/test-daemon.ts';
import { writeFiles } from '../fixtures/write-files.ts';

/** Dockerfiles that do all they can to reach the host, other builds, or what they were told in confidence. */

/** A directory of the host whose path exists in roots of builds too. */
const canary = mkdtempSync(join(tmpdir(), 'sampan-canary-'));
const OUTSIDE = 'a secret of the host';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  mkdirSync(join(canary, 'sub/empty'), { recursive: true });
  writeFileSync(join(canary, 'secret'), OUTSIDE);
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  rmSync(canary, { recursive: true });
});

interface Wishes {
  readonly files?: Readonly<Record<string, string>>;
  readonly options?: readonly string[];
}

/** The command line of a build, and its context's directory. */
function prepared(
  lines: readonly string[],
  { files = {}, options = [] }: Wishes,
): readonly [string[], string] {
  const directory = mkdtempSync(join(daemon.home, 'context-'));
  const all = { ...files, Dockerfile: `${['FROM busybox', ...lines].join('\n')}\n` };
  writeFiles(directory, all);
  const placed = options.map((option) => option.replace('<context>', directory));
  return [['build', '--progress', 'plain', ...placed, directory], directory];
}

function build(lines: readonly string[], wishes: Wishes = {}): Outcome {
  const [args, directory] = prepared(lines, wishes);
  const outcome = daemon.run('sampan', args);
  rmSync(directory, { recursive: true });
  return outcome;
}

/** What a build that must succeed leaves in a file of its image. */
function made(path: string, lines: readonly string[], wishes: Wishes = {}): string {
  const { status, stderr } = build(lines, { ...wishes, options: ['-t', 'made', ...(wishes.options ?? [])] });
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
  return daemon.sampan('run', '--rm', 'made', 'cat', path);
}

/** Several builds at the same time; all output. */
async function together(...all: readonly (readonly string[])[]): Promise<string[]> {
  const running = all.map(async (lines) => {
    const [args, directory] = prepared(lines, { options: ['--no-cache'] });
    const child = Bun.spawn([join(import.meta.dir, '../../sampan'), ...args], {
      env: { ...process.env, SAMPAN_HOST: `unix://${daemon.socket}` },
      stdout: 'ignore',
      stderr: 'pipe',
    });
    const text = await child.stderr.text();
    await child.exited;
    rmSync(directory, { recursive: true });
    return text;
  });
  return Promise.all(running);
}

function expectHostUnharmed(): void {
  expect(readFileSync(join(canary, 'secret'), 'utf8')).toBe(OUTSIDE);
  expect(readdirSync(canary, { recursive: true }).sort()).toEqual(['secret', 'sub', 'sub/empty']);
}

describe('sources of mounts', () => {
  test('are looked up inside of what they are from, links too', () => {
    const lines = [
      `RUN mkdir -p ${canary} && echo inside >${canary}/secret && ln -s ${canary} /abs && ln -s ../../../../../..${canary} /up`,
      'FROM busybox',
      'RUN --mount=from=0,source=/abs,target=/m cat /m/secret >/out',
      'RUN --mount=from=0,source=/up/secret,target=/m cat /m >>/out',
      `RUN --mount=from=0,source=../../../..${canary},target=/m cat /m/secret >>/out`,
    ];
    expect(made('/out', lines)).toBe('inside\ninside\ninside');
    expectHostUnharmed();
  });

  test('of the context do not leave it by links', () => {
    const [args, directory] = prepared(['RUN --mount=source=link,target=/m ls -a /m'], {});
    Bun.spawnSync(['ln', '-s', canary, join(directory, 'link')]);
    const { status, stderr } = daemon.run('sampan', args);
    expect(status).not.toBe(0);
    expect(stderr).toContain('not found');
    expect(stderr).not.toContain('secret');
  });

  test('of a cache are not moved by another build that swaps them for links (CVE-2024-23651)', async () => {
    const cache = '--mount=type=cache,id=swapped,target=/c';
    const swap = `cd /c; mkdir -p d; i=0; while [ $i -lt 300 ]; do rm -rf d; ln -s ${canary} d; rm -f d; mkdir -p d/sub; i=$((i+1)); done`;
    const look = (number: number): string =>
      `RUN ${cache} --mount=type=tmpfs,target=/c/d/sub/${number} cat /c/d/secret /c/d/sub/${number}/../../secret; touch /c/d/sub/${number}/x; echo`;
    const all = await together(
      [`RUN ${cache} ${swap}`],
      Array.from({ length: 20 }, (_, number) => look(number)),
    );
    for (const text of all) expect(text).not.toContain(OUTSIDE);
    expectHostUnharmed();
  });
});

describe('mount points', () => {
  test('that were made for a command go without following what it left in their place (CVE-2024-23652)', () => {
    const target = join('/x', canary, 'sub/empty');
    const lines = [
      // The mount itself cannot be moved; the directories above it can.
      `RUN --mount=type=tmpfs,target=${target} mv /x /moved && ln -s / /x && test -L /x`,
      `RUN --mount=type=tmpfs,target=/y/sub/empty mv /y /elsewhere && ln -s ${canary} /y`,
      `RUN --mount=type=tmpfs,target=/z/empty mv /z /away && mkdir /z && ln -s ${canary}/sub/empty /z/empty`,
    ];
    const { status, stderr } = build(lines);
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    expectHostUnharmed();
  });

  test('behind links of the root stay in the root', () => {
    const lines = [
      `RUN ln -s ../../../../../../..${canary} /link && ln -s ${canary}/new /dangling`,
      'RUN --mount=type=tmpfs,target=/link/t touch /link/t/x',
      'RUN --mount=type=tmpfs,target=/dangling touch /dangling/x || true',
      'RUN --mount=type=cache,target=/link/c,id=behind touch /link/c/x',
    ];
    build(lines);
    expectHostUnharmed();
  });

  test('at places that the runtime itself mounts are what it says', () => {
    for (const target of ['/proc', '/proc/self', '/sys', '/dev', '/dev/null', '/proc/sys/kernel']) {
      const { stderr } = build(
        [`RUN --mount=type=bind,source=f,target=${target},rw cat /proc/self/status /etc/shadow`],
        {
          files: { f: 'x' },
        },
      );
      expect(stderr).not.toMatch(/^root:[*!$]/m);
      expect(stderr).not.toMatch(/CapEff:\s+[0-9a-f]*ffffffff/);
    }
    expect(daemon.sampan('run', '--rm', 'busybox', 'echo', 'well')).toBe('well');
  });
});

describe('fields of mounts', () => {
  test('never become options of a mount', () => {
    const lines = [
      'RUN --mount=type=tmpfs,"target=/m,exec,suid,dev" mount | grep "/m,exec" >/out',
      'RUN --mount=type=cache,"id=a,b=c:d\\\\e",target=/c echo kept >/c/x',
      'RUN --mount=type=cache,"id=a,b=c:d\\\\e",target=/c cat /c/x >>/out',
      'RUN --mount=type=tmpfs,"target=/up:per,work\\\\dir=/x" ls -d "/up:per"* >>/out',
    ];
    const { status, stderr } = build([...lines, 'RUN cat /out']);
    if (status === 0) expect(stderr).toContain('kept');
    expect(stderr).not.toContain(OUTSIDE);
    for (const size of ['"1m,mode=777"', '1m\\,uid=5', '-1', '1e9', '99999999999999999999']) {
      expect(build([`RUN --mount=type=tmpfs,target=/m,size=${size} true`]).status).not.toBe(0);
    }
  });

  test('that name a cache stay names, whatever they look like', () => {
    const ids = [
      '../../../../escape',
      '/etc',
      '.',
      '..',
      'a/../../b',
      '-rf',
      'x'.repeat(5_000),
      '%2e%2e/',
      '☃',
      ' ',
    ];
    for (const id of ids) {
      const { status, stderr } = build([`RUN --mount=type=cache,"id=${id}",target=/c touch /c/x`]);
      expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    }
    expect(existsSync(join(daemon.home, 'escape'))).toBe(false);
    const caches = spawnSync('sh', ['-c', `find ${daemon.home}/data -name x -type f | grep -c /upper/`]);
    expect(String(caches.stdout).trim()).toBe('0');
  });

  test('that name an agent mean those that the client forwards alone', () => {
    for (const id of ['constructor', '__proto__', '/etc/passwd', '../agent']) {
      const { status, stderr } = build([`RUN --mount=type=ssh,id=${id},required true`]);
      expect(status).not.toBe(0);
      expect(stderr).toContain('unset ssh forward key');
    }
  });

  test('ask for no privileges (CVE-2024-23653)', () => {
    for (const flag of ['--security=insecure', '--network=host']) {
      const { status, stderr } = build([`RUN ${flag} true`]);
      expect(status).not.toBe(0);
      expect(stderr).toMatch(/not allowed|entitlement/);
    }
  });
});

describe('repositories', () => {
  const mark = join(canary, 'marked');

  test.each([
    `--upload-pack=touch ${mark}`,
    `ext::sh -c touch% ${mark}`,
    `git@-oProxyCommand=touch ${mark}:x.git`,
    `ssh://-oProxyCommand=touch ${mark}/x.git`,
    `git://127.0.0.1/x.git#--upload-pack=touch ${mark}`,
    'git://127.0.0.1:1/x.git#main:../../../../etc',
    'https://127.0.0.1:1/x.git#a..b',
    'file:///etc',
    'file:///etc/passwd.git',
    '/etc',
  ])('a context "%s" runs and reads nothing', async (remote) => {
    const answer = await fetch(`http://d/build?remote=${encodeURIComponent(remote)}`, {
      method: 'POST',
      unix: daemon.socket,
    });
    const text = await answer.text();
    expect(answer.status >= 400 || text.includes('"error"')).toBe(true);
    expect(text).not.toContain('root:');
    expectHostUnharmed();
  });

  test.each([
    `git://127.0.0.1:1/x.git#--upload-pack=touch\\ ${mark}`,
    `ssh://-oProxyCommand=touch%20${mark}/x.git`,
    `ext::sh\\ -c\\ touch%\\ ${mark}`,
    'git://127.0.0.1:1/x.git#main:../..',
    'file:///etc/passwd',
  ])('a source "%s" runs and reads nothing', (source) => {
    expect(build([`ADD ${source} /x`]).status).not.toBe(0);
    expectHostUnharmed();
  });
});

describe('the cache', () => {
  const tell = 'RUN exec >/tmp/out; echo "$a.$b"; id -u; pwd; cat /f 2>/dev/null; true';

  test('gives nobody what was made for other arguments, users, places, files or variables', () => {
    const seen = [
      made('/tmp/out', [tell]),
      made('/tmp/out', ['ENV a=1', tell]),
      made('/tmp/out', ['ENV a=2', tell]),
      made('/tmp/out', ['ARG a=1', 'ARG b=2', tell]),
      made('/tmp/out', ['ARG a', 'ARG b=2', tell], { options: ['--build-arg', 'a=3'] }),
      made('/tmp/out', ['ARG a', 'ARG b=2', tell], { options: ['--build-arg', 'a=4'] }),
      made('/tmp/out', ['USER 5', tell]),
      made('/tmp/out', ['USER 6', tell]),
      made('/tmp/out', ['WORKDIR /tmp', tell]),
      made('/tmp/out', ['COPY f /', tell], { files: { f: 'one' } }),
      made('/tmp/out', ['COPY f /', tell], { files: { f: 'two' } }),
    ];
    expect(seen[1]).toStartWith('1.');
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('is not led astray by values that look like others', () => {
    const show = 'RUN printf "%s|" "$a" "$b" "$c" >/out';
    const seen = [
      made('/out', ['ENV a="1 b=2"', show]),
      made('/out', ['ENV a=1 b=2', show]),
      made('/out', ['ENV a="1\\nb=2"', show]),
      made('/out', ['ENV a="1\\",\\"b=2"', show]),
      made('/out', ['ENV a=1 b="2|"', show]),
      made('/out', ['ENV a="" b="1" c=2', show]),
    ];
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('knows files by their names, kinds, modes and contents apart', () => {
    const list = [
      'COPY . /c/',
      'RUN cd /c && find . -type f | sort | while read -r f; do echo "$f: $(cat "$f")"; done >/out',
    ];
    const seen = [
      made('/out', list, { files: { a: 'bc', d: '' } }),
      made('/out', list, { files: { ab: 'c', d: '' } }),
      made('/out', list, { files: { a: 'b', cd: '' } }),
      made('/out', list, { files: { 'a/d': 'bc' } }),
      made('/out', list, { files: { a: '', d: 'bc' } }),
    ];
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('tells binds of different files and named contexts apart', () => {
    const bound = ['RUN --mount=source=f,target=/m cat /m >/out'];
    expect(made('/out', bound, { files: { f: 'one' } })).toBe('one');
    expect(made('/out', bound, { files: { f: 'two' } })).toBe('two');
    const named = ['COPY --from=other f /out'];
    const options = ['--build-context', 'other=<context>/other'];
    expect(made('/out', named, { files: { 'other/f': 'three' }, options })).toBe('three');
    expect(made('/out', named, { files: { 'other/f': 'four' }, options })).toBe('four');
  });

  test('tells networks, hosts, secrets by name and shells apart', () => {
    const show =
      'RUN ip link | grep -c ^[0-9] >/out; cat /run/secrets/* >>/out; grep -c mine /etc/hosts >>/out; echo $0 >>/out';
    const mounted = show.replace('RUN', 'RUN --mount=type=secret,id=one');
    const other = show.replace('RUN', 'RUN --mount=type=secret,id=two');
    const files = { one: 'first', two: 'second' };
    const options = ['--secret', 'id=one,src=<context>/one', '--secret', 'id=two,src=<context>/two'];
    const seen = [
      made('/out', [show]),
      made('/out', [show], { options: ['--network', 'none', '--add-host', 'mine:1.2.3.4'] }),
      made('/out', [mounted], { files, options }),
      made('/out', [other], { files, options }),
      made('/out', ['SHELL ["/bin/ash", "-c"]', show]),
    ];
    expect(seen[2]).toContain('first');
    expect(seen[3]).toContain('second');
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('is not filled by a command that failed', () => {
    const flaky = [
      'RUN --mount=type=cache,id=flaky,target=/c test -e /c/again && echo good >/out || { touch /c/again /out; exit 1; }',
    ];
    expect(build(flaky).status).toBe(1);
    expect(made('/out', flaky)).toBe('good');
  });
});

/** IDs of all images. */
async function images(): Promise<string[]> {
  return (await daemon.request('GET', '/images/json?all=1')).body.map(({ Id }: { Id: string }) => Id).sort();
}

describe('a result that goes to a folder', () => {
  test('is not written through links that an earlier one left there, nor kept as an image then', async () => {
    const target = mkdtempSync(join(daemon.home, 'result-'));
    const options = ['-o', `type=local,dest=${target}`];
    const link = ['RUN mkdir /r', `RUN ln -s ${canary} /r/sub && ln -s ${canary}/secret /r/file`];
    const onlyResult = ['FROM scratch', 'COPY --from=0 /r /'];
    expect(build([...link, ...onlyResult], { options }).status).toBe(0);
    const replaced = ['RUN mkdir -p /r && echo replaced >/r/file', ...onlyResult];
    expect(build(replaced, { options }).status).toBe(0);
    expect(readFileSync(join(target, 'file'), 'utf8')).toBe('replaced\n');
    const through = ['RUN mkdir -p /r/sub && echo through >/r/sub/secret', ...onlyResult];
    const before = await images();
    expect(build(through, { options }).status).not.toBe(0);
    expect(await images()).toEqual(before);
    expectHostUnharmed();
  });
});

describe('a build for several platforms or with attestations', () => {
  const own = process.arch === 'arm64' ? 'arm64' : 'amd64';

  test('that fails for one of them leaves no image of the others', async () => {
    const before = await images();
    const lines = ['RUN sleep 1; exit 7', 'FROM scratch AS other', 'COPY Dockerfile /x', 'FROM $CHOSEN'];
    const [args, directory] = prepared(lines, {
      options: ['--platform', `linux/${own},linux/s390x`, '-t', 'several'],
    });
    const text = readFileSync(join(directory, 'Dockerfile'), 'utf8');
    const begin = `ARG TARGETARCH\nARG CHOSEN=\${TARGETARCH%${own}}\nARG CHOSEN=\${CHOSEN:+other}\nARG CHOSEN=\${CHOSEN:-own}\n`;
    writeFileSync(
      join(directory, 'Dockerfile'),
      `${begin}${text.replace('FROM busybox', 'FROM busybox AS own')}`,
    );
    const { status, stderr } = daemon.run('sampan', args);
    rmSync(directory, { recursive: true });
    expect({ status, stderr: status === 7 ? '' : stderr }).toEqual({ status: 7, stderr: '' });
    expect(await images()).toEqual(before);
  });
});

describe('secrets', () => {
  const SECRET = `tell-nobody-${process.pid}-${'x'.repeat(20)}`;

  /** Files of the daemon that hold it. */
  function holders(): string {
    const { stdout } = spawnSync('sh', [
      '-c',
      `grep -rlaF -e '${SECRET}' '${daemon.home}' 2>/dev/null; true`,
    ]);
    return String(stdout);
  }

  test('are in no layer, history, cache, log or list once the build is over, not even when it fails', async () => {
    const events = fetch(`http://d/events?until=${Math.floor(Date.now() / 1000) + 8}`, {
      unix: daemon.socket,
    });
    const lines = [
      'RUN --mount=type=secret,id=s test -s /run/secrets/s && wc -c </run/secrets/s >/out',
      'RUN --mount=type=secret,id=s,target=/deep/down/s,mode=0444 test -s /deep/down/s',
      'RUN --mount=type=secret,id=s,env=S test -n "$S" && echo ${#S} >/length',
    ];
    const options = ['-t', 'confident', '--secret', 'id=s,env=SECRET_OF_TEST'];
    process.env['SECRET_OF_TEST'] = SECRET;
    const good = build(lines, { options });
    const bad = build([...lines, 'RUN --mount=type=secret,id=s,env=S exit 9'], { options });
    delete process.env['SECRET_OF_TEST'];
    expect([good.status, bad.status]).toEqual([0, 9]);
    expect(good.stderr + good.stdout + bad.stderr + bad.stdout).not.toContain(SECRET);
    expect(holders()).toBe('');
    const told = [
      daemon.sampan('history', '--no-trunc', 'confident'),
      daemon.sampan('inspect', 'confident'),
      daemon.sampan('builder', 'prune', '-af'),
      JSON.stringify((await daemon.request('GET', '/system/df')).body),
      await (await events).text(),
      daemon.log,
    ];
    for (const text of told) expect(text).not.toContain(SECRET);
  });

  test('and what cache mounts hold are in no cache that is exported, nor are proxies', () => {
    const target = mkdtempSync(join(daemon.home, 'exported-'));
    const lines = [
      'RUN --mount=type=secret,id=s,env=S --mount=type=cache,target=/c test -n "$S" && echo of-the-mount >/c/x',
      'RUN --mount=type=secret,id=s --mount=type=cache,target=/c cat /run/secrets/s /c/x "$0" | wc -c; echo "$HTTP_PROXY" | wc -c >/out',
      'FROM busybox',
      'COPY --from=0 /out /out',
    ];
    process.env['SECRET_OF_TEST'] = SECRET;
    const { status } = build(lines, {
      options: [
        ...[
          '--secret',
          'id=s,env=SECRET_OF_TEST',
          '--build-arg',
          `HTTP_PROXY=http://u:of-the-proxy@127.0.0.1:1`,
        ],
        ...['--cache-to', 'type=inline', '--cache-to'],
        `type=local,dest=${target},mode=max,compression=uncompressed`,
      ],
    });
    delete process.env['SECRET_OF_TEST'];
    expect(status).toBe(0);
    const words = `-e '${SECRET}' -e of-the-mount -e of-the-proxy`;
    const { stdout } = spawnSync('sh', [
      '-c',
      `grep -rlaF ${words} '${target}'; find '${target}' -type f | wc -l`,
    ]);
    expect(Number(stdout)).toBeGreaterThan(4);
  });

  test('are on no disk while they are used', async () => {
    const [args, directory] = prepared(['RUN --mount=type=secret,id=s sleep 2'], {
      options: ['--secret', 'id=s,env=SECRET_OF_TEST'],
    });
    const child = Bun.spawn([join(import.meta.dir, '../../sampan'), ...args], {
      env: { ...process.env, SAMPAN_HOST: `unix://${daemon.socket}`, SECRET_OF_TEST: SECRET },
      stdout: 'ignore',
      stderr: 'ignore',
    });
    await Bun.sleep(1_000);
    expect(holders()).toBe('');
    expect(await child.exited).toBe(0);
    rmSync(directory, { recursive: true });
  });
});
