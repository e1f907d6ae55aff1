import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

let counter = 0;

/** What the steps of a build print. */
function printed(...lines: readonly string[]): string {
  const context = mkdtempSync(join(home, 'context-'));
  writeFileSync(join(context, 'Dockerfile'), ['FROM busybox', `ENV RUN=${counter++}`, ...lines].join('\n'));
  const { status, stderr } = daemon.run('sampan', ['build', '--progress=plain', context]);
  if (status !== 0) throw new Error(stderr);
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

  test('is exported with all that is in it, and imported after it has gone', () => {
    printed(
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
    expect(printed(show)).toMatch(/ 5 +6 .*file\nkept$/);
  });

  test('has what was imported in the place of what it had', async () => {
    const archive = daemon.run('sampan', ['builder', 'export', '/root/.cache']).stdout;
    printed('RUN --mount=type=cache,target=/root/.cache rm -r /root/.cache/deep && touch /root/.cache/more');
    expect(daemon.run('sampan', ['builder', 'import', '/root/.cache'], archive).status).toBe(0);
    expect(printed(show, 'RUN --mount=type=cache,target=/root/.cache ls /root/.cache')).toMatch(
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
