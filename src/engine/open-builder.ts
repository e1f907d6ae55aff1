import type { Database } from 'bun:sqlite';
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { createBuilder } from '../build/builder.ts';
import { CacheKeeper } from '../build/cache/cache-keeper.ts';
import { createMountArchives } from '../build/cache/mount-archives.ts';
import type { Builder } from '../build/contract.ts';
import { IncrementalContexts } from '../build/files/incremental/incremental-contexts.ts';
import { LayersTree } from '../build/files/layers-tree.ts';
import type { StepCache } from '../build/solver/step-cache.ts';
import { KeptSources } from '../build/sources/kept-sources.ts';
import { CacheMounts } from '../build/steps/cache-mounts.ts';
import { ResultLayers } from '../build/steps/layers-of.ts';
import { createRunStep, createShellOpener } from '../build/steps/run.ts';
import { makeSteps } from '../build/steps/steps.ts';
import type { Sandboxes } from '../containers/sandbox/contract.ts';
import type { ContentStore } from '../content/contract.ts';
import type { RegistryClient } from '../distribution/contract.ts';
import type { StoredImages } from '../images/images.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import type { Trees } from '../runtime/trees/contract.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import { diskBytes } from './disk-walk.ts';

export interface OpenBuilderOptions {
  readonly database: Database;
  readonly images: StoredImages;
  readonly registries: RegistryClient;
  readonly content: ContentStore;
  readonly snapshots: SnapshotDriver;
  readonly trees: Trees;
  readonly sandboxes: Sandboxes;
  /** What the steps of earlier builds made: the images' layers are kept for it too. */
  readonly cache: StepCache;
  readonly dataRoot: string;
  readonly execRoot: string;
}

/** Files take whole blocks of the filesystem, nearly always of this size. */
const DISK_BLOCK = 4_096;

/** The builder with all its parts. What a killed daemon left of its builds goes. */
export async function openBuilder(options: OpenBuilderOptions): Promise<Builder> {
  const { images, snapshots, trees, content, cache, database, sandboxes } = options;
  const root = join(options.dataRoot, 'build');
  const directory = join(root, 'work');
  const sockets = join(options.execRoot, 'build');
  const mountPoint = join(sockets, 'view');
  await rm(directory, { recursive: true, force: true });
  for (const path of [directory, mountPoint]) await mkdir(path, { recursive: true, mode: 0o700 });
  const cacheMounts = await CacheMounts.open({
    ...{ database, trees, usage: diskBytes },
    directory: join(root, 'mounts'),
  });
  const contexts = await IncrementalContexts.open(join(root, 'contexts'));
  const sources = KeptSources.open({ database, directory: join(root, 'sources') });
  const parts = { trees, snapshots, mountPoint, images: images.maker };
  const resultLayers = new ResultLayers(parts);
  const layerSize = async (layer: Digest) => (await content.stat(layer))?.size ?? 0;
  const runParts = { ...parts, sandboxes, cacheMounts, resultLayers, directory: sockets };
  const runStepParts = { ...runParts, entitlements: new Set(['network.host'] as const) };
  return createBuilder({
    ...{ images, cache, snapshots, resultLayers, contexts, directory, layerSize },
    ...{ registries: options.registries, exchange: images.exchange },
    imageMaker: images.maker,
    openLayers: (context, layers) =>
      LayersTree.open(context, parts, layers, digestOf(Buffer.from(JSON.stringify(layers)))),
    steps: {
      ...makeSteps({
        ...parts,
        directory,
        sources,
        layersOfImage: (id) => images.get(id).config.rootfs.diff_ids,
      }),
      run: createRunStep(runStepParts),
    },
    checkLimits: (limits) => sandboxes.checkLimits(limits),
    openShell: createShellOpener(runStepParts),
    mounts: createMountArchives(cacheMounts, trees),
    keeper: new CacheKeeper({
      ...{ cache, images, contexts, sources, mounts: cacheMounts, imageMaker: images.maker },
      diskSize: async (layer) => onDisk(await layerSize(layer)) + (await snapshots.layerUsage(layer)),
      freeSpace: () => freeSpace(root),
    }),
  });
}

function onDisk(size: number): number {
  return Math.ceil(size / DISK_BLOCK) * DISK_BLOCK;
}

async function freeSpace(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}
