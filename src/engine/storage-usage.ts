import { dirname } from 'node:path';
import { background, type Context } from '../base/context.ts';
import { isCode } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Builder } from '../build/contract.ts';
import type { Container, Containers } from '../containers/contract.ts';
import type { Images } from '../images/contract.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import type { Volume, Volumes } from '../volumes/contract.ts';
import type { Storage, StorageKind, StorageUsage } from './contract.ts';
import { diskBytes } from './disk-walk.ts';

/** Directories that are walked at the same time. */
const WALKS_AT_ONCE = 4;

export interface StorageParts {
  readonly images: Pick<Images, 'usage' | 'find'>;
  readonly containers: Pick<Containers, 'list'>;
  readonly volumes: Pick<Volumes, 'get' | 'list'>;
  readonly snapshots: Pick<SnapshotDriver, 'changesPath'>;
  readonly builder: Pick<Builder, 'cache'>;
  /** Where a container's log and other files are, by its ID. */
  readonly directoryOf: (id: string) => string;
  /** IDs of the containers that mount a volume. */
  readonly usersOf: (volume: string) => readonly string[];
  readonly log: Logger;
}

/** Measures what is kept. A measurement that is under way serves all who ask for the same kind. */
export function createStorage(parts: StorageParts): Storage {
  const context = background(parts.log);
  const images = shared(() => parts.images.usage(context));
  const containers = shared(() => measureContainers(parts));
  const volumes = shared(() => measureVolumes(parts));
  const cache = shared(() => parts.builder.cache());
  return {
    async usage(_context: Context, kinds: ReadonlySet<StorageKind>): Promise<StorageUsage> {
      const [ofImages, ofContainers, ofVolumes, buildCache] = await Promise.all([
        kinds.has('image') ? images() : undefined,
        kinds.has('container') ? containers() : undefined,
        kinds.has('volume') ? volumes() : undefined,
        kinds.has('build-cache') ? cache() : undefined,
      ]);
      return { images: ofImages, containers: ofContainers, volumes: ofVolumes, buildCache };
    },
    volumeBytes: (_context: Context, name: string) => diskBytes(directoryOf(parts.volumes.get(name))),
  };
}

function shared<T>(measure: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= measure().finally(() => {
      running = undefined;
    });
    return running;
  };
}

async function measureContainers(parts: StorageParts): Promise<NonNullable<StorageUsage['containers']>> {
  const measured = await mapAtOnce(parts.containers.list(), async (container) => {
    const writable = await containerBytes(parts, container);
    const root = writable + (parts.images.find(container.imageId)?.size ?? 0);
    return [container.id, { writable, root }] as const;
  });
  return new Map(measured);
}

async function containerBytes(parts: StorageParts, { id }: Container): Promise<number> {
  const files = await diskBytes(parts.directoryOf(id));
  try {
    return files + (await diskBytes(parts.snapshots.changesPath(id)));
  } catch (error) {
    // It was removed meanwhile, or its snapshot is damaged.
    if (isCode(error, 'not-found') || isCode(error, 'data-loss')) return files;
    throw error;
  }
}

async function measureVolumes(parts: StorageParts): Promise<NonNullable<StorageUsage['volumes']>> {
  const measured = await mapAtOnce(parts.volumes.list(), async (volume) => {
    const { name, driver } = volume;
    // A plugin's may be on the other side of a network.
    const bytes = driver === 'local' ? await diskBytes(directoryOf(volume)) : -1;
    return [name, { bytes, users: parts.usersOf(name).length }] as const;
  });
  return new Map(measured);
}

/** With the copies that are kept beside it, but without what is mounted on it. */
function directoryOf({ driver, mountpoint }: Volume): string {
  return driver === 'local' ? dirname(mountpoint) : mountpoint;
}

/** Maps, a few items at a time; results in the items' order. */
async function mapAtOnce<Item, Result>(
  items: readonly Item[],
  map: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const work = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await map(item);
  };
  await Promise.all(Array.from({ length: WALKS_AT_ONCE }, work));
  return results;
}
