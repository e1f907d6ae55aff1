import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GitServer } from '../../src/build/sources/testing/git-server.ts';
import { formatTarHeader, tarEnd } from '../../src/oci/tar/writer.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';

/** What builds keep beside the layers of their steps. */

let daemon: TestDaemon;
let home: string;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  home = mkdtempSync(join(tmpdir(), 'sampan-build-keeps-'));
});
afterAll(async () => {
  rmSync(home, { recursive: true, force: true });
  await daemon?.[Symbol.asyncDispose]();
});

const program = join(import.meta.dir, '../../sampan');
let counter = 0;

/** What the steps of a build print. Servers of this process answer meanwhile. */
async function printed(...lines: readonly string[]): Promise<string> {
  const context = mkdtempSync(join(home, 'context-'));
  writeFileSync(join(context, 'Dockerfile'), ['FROM busybox', `ENV RUN=${counter++}`, ...lines].join('\n'));
  const build = Bun.spawn([program, 'build', '--progress=plain', context], {
    ...{ stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' },
    env: { ...process.env, SAMPAN_HOST: `unix://${daemon.socket}` },
  });
  const stderr = await build.stderr.text();
  if ((await build.exited) !== 0) throw new Error(stderr);
  return [...stderr.matchAll(/^#\d+ [\d.]+ (.*)$/gm)].map(([, line]) => line).join('\n');
}

function records(
  type: string,
): { readonly ID: string; readonly Description: string; readonly Size: number }[] {
  const { stdout } = daemon.run('sampan', ['system', 'df', '-v', '--format', '{{json .BuildCache}}']);
  return JSON.parse(stdout).filter(({ CacheType }: { CacheType: string }) => CacheType === type);
}

describe('a cache mount', () => {
  const show =
    'RUN --mount=type=cache,target=/root/.cache ls -ln /root/.cache/deep && cat /root/.cache/deep/file';

  test('is exported with all that is in it, and imported after it has gone', async () => {
    await printed(
      'RUN --mount=type=cache,target=/root/.cache mkdir /root/.cache/deep && echo kept > /root/.cache/deep/file && chown 5:6 /root/.cache/deep/file',
    );
    const archive = join(home, 'mount.tar');
    daemon.sampan('builder', 'export', '-o', archive, '/root/.cache');
    daemon.sampan('builder', 'prune', '-af');
    expect(records('exec.cachemount')).toEqual([]);
    expect(daemon.run('sampan', ['builder', 'export', '/root/.cache'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('no such cache mount: /root/.cache'),
    });
    const id = daemon.sampan('builder', 'import', '/root/.cache', archive);
    const [record] = records('exec.cachemount');
    expect([record?.ID, record?.Description]).toEqual([id, 'cached mount /root/.cache']);
    expect(await printed(show)).toMatch(/ 5 +6 .*file\nkept$/);
  });

  test('has what was imported in the place of what it had', async () => {
    const archive = daemon.run('sampan', ['builder', 'export', '/root/.cache']).stdout;
    await printed(
      'RUN --mount=type=cache,target=/root/.cache rm -r /root/.cache/deep && touch /root/.cache/more',
    );
    expect(daemon.run('sampan', ['builder', 'import', '/root/.cache'], archive).status).toBe(0);
    expect(await printed(show, 'RUN --mount=type=cache,target=/root/.cache ls /root/.cache')).toMatch(
      /kept\ndeep$/,
    );
  });

  test('is not filled by an archive that leads out of it', () => {
    const evil = (name: string) =>
      Buffer.concat([formatTarHeader({ type: 'file', name, mode: 0o644, size: 0 }), tarEnd]);
    const { status, stderr } = daemon.run('sampan', ['builder', 'import', 'evil'], evil('../../x'));
    expect([status, stderr]).toEqual([1, expect.stringContaining('which is outside of the cache mount')]);
    expect(records('exec.cachemount')).toHaveLength(1);
  });

  test('is offered to complete command lines', () => {
    expect(daemon.sampan('__complete', 'builder', 'export', '')).toContain('/root/.cache');
  });
});

/** As after an upgrade. */
async function restart(): Promise<void> {
  await daemon.stopProcess('SIGTERM');
  await daemon.startProcess();
}

describe('a download', () => {
  test('is kept over a restart, asked about again, listed and pruned', async () => {
    const conditions: (string | null)[] = [];
    using server = stoppable(
      Bun.serve({
        ...{ port: 0, hostname: '127.0.0.1' },
        fetch({ headers }) {
          conditions.push(headers.get('if-none-match'));
          if (headers.get('if-none-match') === '"1"') return new Response(null, { status: 304 });
          return new Response('downloaded', { headers: { etag: '"1"' } });
        },
      }),
    );
    const lines = [`ADD http://user:secret@127.0.0.1:${server.port}/file /file`, 'RUN cat /file && echo'];
    expect(await printed(...lines)).toBe('downloaded');
    await restart();
    expect(await printed(...lines)).toBe('downloaded');
    expect(conditions).toEqual([null, '"1"']);
    expect(records('source.http')).toMatchObject([
      { Description: `http url http://127.0.0.1:${server.port}/file`, Size: expect.anything() },
    ]);
    daemon.sampan('builder', 'prune', '-af', '--filter', 'type=source.http');
    expect(records('source.http')).toEqual([]);
    expect(await printed(...lines)).toBe('downloaded');
    expect(conditions.at(-1)).toBeNull();
  });
});

describe('a checkout', () => {
  test('is kept over a restart, listed and pruned', async () => {
    using server = new GitServer();
    const url = server.repository('app', 'printf from-git > f; git add .; git commit -qm 1');
    const lines = [`ADD ${url} /app`, 'RUN cat /app/f && echo'];
    expect(await printed(...lines)).toBe('from-git');
    const fetches = server.fetches;
    await restart();
    expect(await printed(...lines)).toBe('from-git');
    expect(server.fetches).toBe(fetches);
    expect(records('source.git.checkout').map(({ Description }) => Description)).toEqual([
      expect.stringMatching(/^git snapshot for http.*app.*#[0-9a-f]{40}$/),
    ]);
    daemon.sampan('builder', 'prune', '-af');
    expect(records('source.git.checkout')).toEqual([]);
    expect(await printed(...lines)).toBe('from-git');
    expect(server.fetches).toBeGreaterThan(fetches);
  });
});

function stoppable(server: ReturnType<typeof Bun.serve>): Disposable & { readonly port: number | undefined } {
  return { port: server.port, [Symbol.dispose]: () => void server.stop(true) };
}
