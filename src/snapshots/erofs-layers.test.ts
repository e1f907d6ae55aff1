import { expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../base/context.ts';
import { openContentStore } from '../content/filesystem-store.ts';
import { ErofsLayers } from './erofs-layers.ts';

const context = background();

test.each([
  ['index', 'ENOENT'],
  ['tar', 'full'],
])('a layer whose %s cannot be begun leaves no file behind', async (missing, message) => {
  const root = mkdtempSync(join(tmpdir(), 'sampan-layers-'));
  try {
    const directory = join(root, 'erofs');
    const content = await openContentStore(join(root, 'content'));
    const launcher = { run: () => Promise.reject(new Error('nothing is mounted here')) };
    const mounts = join(root, 'mounts');
    const layers = await ErofsLayers.open({ directory, content, launcher, mounts, tarLimits: {} });
    if (missing === 'index') rmSync(directory, { recursive: true });
    else content.file = () => Promise.reject(new Error('full'));
    const before = readdirSync('/proc/self/fd').length;
    await expect(layers.receive(context, undefined, 1_000)).rejects.toThrow(message);
    expect(readdirSync('/proc/self/fd').length).toBe(before);
    expect(readdirSync(join(root, 'content', 'ingest'))).toEqual([]);
    if (missing === 'tar') expect(readdirSync(directory)).toEqual([]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
