import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Digest, digestOf, hexOf } from '../../src/oci/digest.ts';
import { type Outcome, TestDaemon } from '../fixtures/test-daemon.ts';

/** What somebody who writes a cache cannot do to those who build with it. */

let daemon: TestDaemon;
let home: string;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  home = mkdtempSync(join(tmpdir(), 'sampan-hostile-caches-'));
});
afterAll(async () => {
  rmSync(home, { recursive: true, force: true });
  await daemon?.[Symbol.asyncDispose]();
});

function build(lines: readonly string[], ...flags: string[]): Outcome {
  const context = mkdtempSync(join(home, 'context-'));
  writeFileSync(join(context, 'Dockerfile'), ['FROM busybox', ...lines].join('\n'));
  return daemon.run('sampan', ['build', '--progress=plain', ...flags, context]);
}

/** A cache in a folder, of steps that the daemon no longer knows. */
function cacheOf(lines: readonly string[]): string {
  const folder = mkdtempSync(join(home, 'cache-'));
  const { status, stderr } = build(lines, '--cache-to', `type=local,dest=${folder},mode=max`, '-t', 'made');
  if (status !== 0) throw new Error(stderr);
  daemon.sampan('rmi', 'made');
  daemon.sampan('builder', 'prune', '-af');
  return folder;
}

interface CacheConfig {
  readonly layers: { blob: Digest; annotations: { diffID: Digest } }[];
  readonly records: { digest: Digest; inputs?: unknown; chains?: { layers: number[] }[] }[];
}

/** Changes what a cache says; digests of documents are right again afterwards. */
function rewrite(folder: string, change: (config: CacheConfig) => void): void {
  const blob = (digest: Digest): string => join(folder, 'blobs/sha256', hexOf(digest));
  const put = (value: unknown): { digest: Digest; size: number } => {
    const bytes = Buffer.from(JSON.stringify(value));
    writeFileSync(blob(digestOf(bytes)), bytes);
    return { digest: digestOf(bytes), size: bytes.length };
  };
  const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
  const manifest = JSON.parse(readFileSync(blob(index.manifests[0].digest), 'utf8'));
  const config = JSON.parse(readFileSync(blob(manifest.config.digest), 'utf8'));
  change(config);
  Object.assign(manifest.config, put(config));
  Object.assign(index.manifests[0], put(manifest));
  writeFileSync(join(folder, 'index.json'), JSON.stringify(index));
}

const listed = (): string =>
  daemon.run('sampan', ['system', 'df', '-v', '--format', '{{json .BuildCache}}']).stdout;

describe('whoever writes a cache', () => {
  test('does not get at layers of the daemon by naming them', () => {
    expect(build(['RUN echo confidential > /secret'], '-t', 'private').status).toBe(0);
    const layers = JSON.parse(daemon.sampan('inspect', '-f', '{{json .RootFS.Layers}}', 'private'));
    const folder = cacheOf(['RUN echo public > /p']);
    rewrite(folder, (config) => {
      for (const layer of config.layers) layer.annotations.diffID = layers.at(-1);
    });
    const flags = ['--cache-from', `type=local,src=${folder}`, '-t', 'made'];
    const { status, stderr } = build(['RUN echo public > /p'], ...flags);
    expect([status, stderr]).toEqual([0, expect.stringContaining('does not give what it has')]);
    expect(daemon.sampan('run', '--rm', 'made', 'ls', '/')).not.toContain('secret');
    expect(daemon.sampan('run', '--rm', 'private', 'cat', '/secret')).toBe('confidential');
  });

  test('decides nothing but what the steps of that very build come to', () => {
    const folder = cacheOf(['RUN echo one', 'RUN echo ran-other > /o']);
    const outcome = build(['RUN echo one'], '--cache-from', `type=local,src=${folder}`);
    expect([outcome.status, listed()]).toEqual([0, expect.not.stringContaining('ran-other')]);
    expect(build(['RUN echo one', 'RUN echo ran-other > /o']).stderr).not.toMatch(
      /RUN echo ran-other.*\n#\d+ CACHED/,
    );
  });

  test('makes no build wait with circles, numbers that mean nothing, or records without end', () => {
    for (const change of [
      ({ records }: CacheConfig) => {
        for (const record of records) record.inputs = [[{ link: 1 }]];
      },
      ({ records }: CacheConfig) => {
        for (const record of records) record.chains = [{ layers: [2 ** 40, -1] }];
      },
      ({ records }: CacheConfig) => {
        const [record] = records;
        while (record !== undefined && records.length < 200_000) records.push({ digest: record.digest });
      },
    ]) {
      const folder = cacheOf(['RUN echo harmless > /h']);
      rewrite(folder, change);
      const flags = ['--cache-from', `type=local,src=${folder}`, '-t', 'made'];
      expect(build(['RUN echo harmless > /h'], ...flags).status).toBe(0);
      expect(daemon.sampan('run', '--rm', 'made', 'cat', '/h')).toBe('harmless');
    }
  });
});
