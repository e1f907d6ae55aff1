import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from '../base/build-facts.ts';
import { background } from '../base/context.ts';
import type { Logger } from '../base/log.ts';
import type { Builder } from '../build/contract.ts';
import { LayersTree } from '../build/files/layers-tree.ts';
import { runnablePlatforms } from '../build/steps/runnable-platforms.ts';
import type { Buildkit } from '../buildkit/contract.ts';
import type { HistoryStore } from '../buildkit/history/history-store.ts';
import type { BuildkitParts } from '../buildkit/parts.ts';
import type { ContentStore } from '../content/contract.ts';
import type { StoredImages } from '../images/images.ts';
import type { Networks } from '../network/contract.ts';
import type { Trees } from '../runtime/trees/contract.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';

export interface OpenBuildkitOptions {
  readonly builder: Builder;
  readonly images: StoredImages;
  readonly content: ContentStore;
  readonly history: HistoryStore;
  readonly trees: Trees;
  readonly snapshots: SnapshotDriver;
  readonly networks: Pick<Networks, 'hostGateway'>;
  readonly id: string;
  readonly execRoot: string;
  readonly log: Logger;
}

/** BuildKit's doors, with their HTTP/2 only loaded when the first client comes. */
export async function openBuildkit(options: OpenBuildkitOptions): Promise<Buildkit> {
  const { images, content, history, trees, snapshots, networks, builder, id, log } = options;
  const directory = join(options.execRoot, 'buildkit');
  const mountPoint = join(directory, 'view');
  await mkdir(mountPoint, { recursive: true, mode: 0o700 });
  const parts: BuildkitParts = {
    ...{ builder, images, content, history, directory, id },
    version: build.version,
    snapshotter: snapshots.name,
    platforms: () => runnablePlatforms(),
    hostGateway: () => networks.hostGateway(),
    openImage: (context, image) =>
      LayersTree.open(
        context,
        { trees, snapshots, mountPoint },
        images.get(image).config.rootfs.diff_ids,
        image,
      ),
  };
  let doors: Promise<Buildkit> | undefined;
  const open = (): Promise<Buildkit> => {
    doors ??= import('../buildkit/doors.ts').then(({ createBuildkit }) =>
      createBuildkit(background(log), parts),
    );
    return doors;
  };
  return {
    serve: async (context, connection) => (await open()).serve(context, connection),
    build: async (context, request, onStatus) => (await open()).build(context, request, onStatus),
    openSession: async (context, connection, given) => (await open()).openSession(context, connection, given),
  };
}
