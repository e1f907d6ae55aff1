import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../../base/context.ts';
import type { GitOperation } from '../definition/vertex.ts';
import type { PackedTree } from '../files/packed-tree.ts';
import { readFile } from '../files/read-file.ts';
import { type CheckoutOptions, Checkouts } from './checkout.ts';
import { GitServer } from './testing/git-server.ts';
import { SourceBench } from './testing/source-bench.ts';

const context = background();
let server: GitServer;
let directory: string;
let bench: SourceBench;
beforeAll(() => {
  server = new GitServer();
});
afterAll(() => server[Symbol.dispose]());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sampan-checkouts-'));
  bench = new SourceBench();
});
afterEach(() => {
  bench[Symbol.dispose]();
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true });
});

async function get(
  url: string,
  more: Partial<GitOperation> = {},
  options: Partial<CheckoutOptions> = {},
): Promise<PackedTree> {
  const operation: GitOperation = {
    kind: 'git',
    url,
    ref: '',
    subdirectory: '',
    checksum: '',
    keepGitDirectory: false,
    ...more,
  };
  const agreed = { directory, agent: undefined, token: undefined, ...options };
  return (await new Checkouts(bench.kept).get(context, operation, agreed)).tree;
}

async function names(tree: PackedTree): Promise<string[]> {
  return (await Array.fromAsync(tree.list(context, '/')))
    .map(({ header }) => header.name)
    .filter((name) => name !== '.');
}

const text = async (tree: PackedTree, path: string): Promise<string> =>
  String(await readFile(context, tree, path, 1000));

const commits = `
  printf one > f; printf '#!/bin/sh' > run; chmod 755 run; mkdir -p d/e; printf deep > d/e/g; ln -s d/e inside; ln -s /etc outside
  git add .; git commit -qm 1; git tag -a v1 -m v1
  printf two > f; git commit -qam 2; git checkout -qb other; printf three > f; git commit -qam 3; git checkout -q main`;

describe('a checkout', () => {
  test('has the files of a branch, tag or commit, of its time, executable or not', async () => {
    const url = server.repository('refs', commits);
    const first = server.ask('refs', 'rev-parse', 'v1^{commit}');
    const at = async (ref: string): Promise<string> => text(await get(url, { ref }), '/f');
    expect([
      await at(''),
      await at('main'),
      await at('refs/heads/other'),
      await at('v1'),
      await at(first),
      await at(first.slice(0, 9)),
    ]).toEqual([...['two', 'two', 'three', 'one', 'one', 'one']]);
    const tree = await get(url);
    expect(await names(tree)).toEqual(['d', 'd/e', 'd/e/g', 'f', 'inside', 'outside', 'run']);
    expect((await tree.stat(context, '/run'))?.header).toMatchObject({
      mode: 0o755,
      uid: 0,
      seconds: 1_000_000_000,
    });
    expect((await tree.stat(context, '/f'))?.header.mode).toBe(0o644);
    expect((await get(url)).digest).toBe(tree.digest);
  });

  test('of what is not there, or is another commit than its checksum, fails', async () => {
    const url = server.repository('missing', commits);
    await expect(get(url, { ref: 'nothing' })).rejects.toThrow('repository does not contain ref nothing');
    await expect(get(`${server.url}/none/.git`)).rejects.toThrow('git ls-remote failed');
    await expect(get(url, { checksum: '00000000' })).rejects.toThrow(
      /^expected checksum to match 00000000, got [0-9a-f]{40}$/,
    );
    const commit = server.ask('missing', 'rev-parse', 'HEAD');
    expect(await text(await get(url, { checksum: commit.slice(0, 10) }), '/f')).toBe('two');
  });

  test('keeps its repository where that is asked for, without the password', async () => {
    const url = server.repository('keep', commits).replace('//', '//user:secret@');
    const tree = await get(url, { keepGitDirectory: true });
    expect(await text(tree, '/.git/HEAD')).toStartWith(server.ask('keep', 'rev-parse', 'HEAD'));
    expect(server.authorizations).toContain(`basic ${btoa('user:secret')}`);
    expect(await text(tree, '/.git/config')).toContain(`${server.url}/keep/.git`);
    for await (const part of tree.read(context, '/.git', () => true)) {
      if (part instanceof Uint8Array) expect(Buffer.from(part).includes('secret')).toBe(false);
    }
  });

  test('brings submodules along, over the same protocols alone', async () => {
    server.repository('module', 'printf sub > s; git add .; git commit -qm s');
    const path = join(server.root, 'module');
    const add = (name: string, url: string): string =>
      server.repository(
        name,
        `git submodule add -q ${path} m; git config -f .gitmodules submodule.m.url '${url}'; git add .; git commit -qm m`,
      );
    expect(await text(await get(add('relative', '../../module/.git')), '/m/s')).toBe('sub');
    const marker = join(server.root, 'marker');
    await expect(get(add('file', path))).rejects.toThrow("transport 'file' not allowed");
    await expect(get(add('ext', `ext::sh -c "touch ${marker}"`))).rejects.toThrow(/not allowed|failed/);
    expect(existsSync(marker)).toBe(false);
  });

  test('sends a token to its own host alone, and not on the command line', async () => {
    const other = new GitServer();
    other.repository('module', 'printf sub > s; git add .; git commit -qm s');
    const path = join(other.root, 'module');
    const url = server.repository(
      'token',
      `git submodule add -q ${path} m; git config -f .gitmodules submodule.m.url ${other.url}/module/.git; git add .; git commit -qm m`,
    );
    server.authorizations.length = 0;
    expect(await text(await get(url, {}, { token: 'abc' }), '/m/s')).toBe('sub');
    expect(new Set(server.authorizations)).toEqual(new Set([`basic ${btoa('x-access-token:abc')}`]));
    expect(other.authorizations).toEqual([]);
    other[Symbol.dispose]();
  });

  test('that was kept is not fetched again', async () => {
    const url = server.repository('again', commits);
    let checkouts = new Checkouts(bench.kept);
    const operation: GitOperation = {
      kind: 'git',
      url,
      ref: '',
      subdirectory: '',
      checksum: '',
      keepGitDirectory: false,
    };
    const once = async (): Promise<PackedTree> =>
      (await checkouts.get(context, operation, { directory, agent: undefined, token: undefined })).tree;
    const first = await once();
    const before = server.fetches;
    const again = await once();
    expect(before).toBeGreaterThan(0);
    expect(server.fetches).toBe(before);
    expect(again.digest).toBe(first.digest);
    expect(await text(again, '/f')).toBe('two');
    // Nor by a later daemon, for which it is the same to the last entry.
    checkouts = new Checkouts(bench.open());
    const later = await once();
    expect(server.fetches).toBe(before);
    expect([later.digest, await text(later, '/d/e/g')]).toEqual([first.digest, 'deep']);
    const [record] = bench.kept.list();
    expect(record).toMatchObject({ type: 'source.git.checkout', uses: 2 });
    expect(record?.description).toMatch(/^git snapshot for .*again.*#[0-9a-f]{40}$/);
    bench.kept.remove(record?.id ?? '');
    await once();
    expect(server.fetches).toBeGreaterThan(before);
  });

  test('ends when it is given up, with all that it started', async () => {
    const stop = new AbortController();
    const hang = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => {
        stop.abort(new Error('given up'));
        return new Promise<Response>(() => {});
      },
    });
    const operation: GitOperation = {
      kind: 'git',
      url: `http://127.0.0.1:${hang.port}/x.git`,
      ref: '',
      subdirectory: '',
      checksum: '',
      keepGitDirectory: false,
    };
    const getting = new Checkouts(bench.kept).get({ ...context, signal: stop.signal }, operation, {
      directory,
      agent: undefined,
      token: undefined,
    });
    await expect(getting).rejects.toThrow('given up');
    await hang.stop(true);
  });
});

describe('a subdirectory', () => {
  test('is found through links inside the checkout', async () => {
    const url = server.repository('sub', commits);
    expect(await names(await get(url, { subdirectory: 'd' }))).toEqual(['e', 'e/g']);
    expect(await names(await get(url, { subdirectory: 'inside' }))).toEqual(['g']);
  });

  test.each(['outside', 'f', 'nothing', 'd/../../etc', '../..'])(
    '%s is no way out of it',
    async (subdirectory) => {
      const url = server.repository(`sub-${Bun.hash(subdirectory)}`, commits);
      await expect(get(url, { subdirectory })).rejects.toThrow(/invalid (Git )?subdirectory/);
    },
  );
});

describe('known attacks', () => {
  test.each([
    '--upload-pack=touch /tmp/x',
    '-u',
    'ext::sh -c "touch /tmp/x"',
    'file:///etc',
    '/etc',
    'https://-oProxyCommand=touch/x.git',
    'ssh://-oProxyCommand=touch/x.git',
    'git@-oProxyCommand=touch:x',
    'git@host:-x',
    'http://host/x\n.git',
  ])('CVE-2019-13139, CVE-2017-1000117: %p is no address', async (url) => {
    await expect(get(url)).rejects.toThrow('invalid Git URL');
  });

  test.each(['--upload-pack=touch /tmp/x', '-x', 'a..b', 'main:f', '@{-1}', 'a b', '^main', 'refs/heads/*'])(
    'CVE-2019-13139: %p is no ref',
    async (ref) => {
      await expect(get('https://127.0.0.1:1/x.git', { ref })).rejects.toThrow('invalid Git ref');
    },
  );

  test('a .gitmodules that says what to run, or names a module "../x" (CVE-2018-11235), runs nothing', async () => {
    const marker = join(server.root, 'marker');
    server.repository('inner', 'printf sub > s; git add .; git commit -qm s');
    const path = join(server.root, 'inner');
    const update = server.repository(
      'update',
      `git submodule add -q ${path} m; git config -f .gitmodules submodule.m.url ../../inner/.git; git config -f .gitmodules submodule.m.update '!touch ${marker}'; git add .; git commit -qm m`,
    );
    await get(update).catch(() => {});
    const named = server.repository(
      'named',
      `git submodule add -q ${path} m; printf '[submodule "../../x"]\\n\\tpath = m\\n\\turl = -u./payload\\n' > .gitmodules; git add .; git commit -qm m`,
    );
    await get(named).catch(() => {});
    expect(existsSync(marker)).toBe(false);
  });

  test('filters and hooks that a repository asks for are not run, nor what the environment says', async () => {
    const marker = join(server.root, 'marker');
    const url = server.repository(
      'filters',
      `printf '* filter=evil diff=evil\\n' > .gitattributes; printf x > f; git add .; git commit -qm f`,
    );
    const evil = {
      GIT_SSH_COMMAND: `touch ${marker}`,
      GIT_PROXY_COMMAND: `touch ${marker}`,
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'filter.evil.smudge',
      GIT_CONFIG_VALUE_0: `touch ${marker}`,
    };
    Object.assign(process.env, evil);
    try {
      expect(await text(await get(url), '/f')).toBe('x');
    } finally {
      for (const name of Object.keys(evil)) delete process.env[name];
    }
    expect(existsSync(marker)).toBe(false);
  });
});
