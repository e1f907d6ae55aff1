import { afterAll, beforeAll } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../base/log.ts';
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
