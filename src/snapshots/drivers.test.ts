import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../base/context.ts';
import { silentLogger } from '../base/log.ts';
import { openContentStore } from '../content/filesystem-store.ts';
import { inventory, shell } from '../oci/testing/kernel-bench.ts';
import { makeOddTree } from '../oci/testing/odd-tree.ts';
import { type LauncherProcess, openLauncher } from '../runtime/launcher.ts';
import { testSnapshotDriver } from './driver-suite.ts';
import { openErofsDriver } from './erofs-driver.ts';
import { openOverlayDriver } from './overlay-driver.ts';

const binary = join(import.meta.dir, '../../build/sampan-launcher');
let directory: string;
let launcher: LauncherProcess;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sampan-launcher-'));
  launcher = await openLauncher({ binary, socket: join(directory, 'socket'), log: silentLogger });
});

afterAll(async () => {
  await launcher[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

testSnapshotDriver('erofs driver', () => launcher, openErofsDriver);
testSnapshotDriver('overlay driver', () => launcher, openOverlayDriver);

for (const [name, open] of [
  ['erofs driver', openErofsDriver],
  ['overlay driver', openOverlayDriver],
] as const) {
  test(`${name}: a layer of every kind of file is as GNU tar extracts it`, async () => {
    const context = background();
    const root = await mkdtemp(join(tmpdir(), 'sampan-snapshots-'));
    shell(root, makeOddTree);
    shell(root, `tar --format=posix --sparse --xattrs --xattrs-include='*' -cf layer.tar -C tree .`);
    shell(root, `mkdir extracted; tar --xattrs --xattrs-include='*' -xpf layer.tar -C extracted`);
    const content = await openContentStore(join(root, 'content'));
    const driver = await open({ root: join(root, 'data'), execRoot: join(root, 'run'), content, launcher });
    {
      await using receiver = await driver.receive(context);
      await receiver.write(await readFile(join(root, 'layer.tar')));
      const { diffId } = await receiver.commit();
      await driver.prepare(context, 'one', [diffId]);
    }
    await driver.mount(context, 'one', join(root, 'unused'));
    const layer = driver.describe('one')['LowerDir'] ?? '';
    expect(inventory(join(layer, '.'))).toEqual(inventory(join(root, 'extracted')));
    await driver.release(context, new Set());
    await rm(root, { recursive: true });
  });
}
