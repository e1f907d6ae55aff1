import { join } from 'node:path';
import type { FileContentStore } from '../content/contract.ts';
import type { TarLimits } from '../oci/tar/limits.ts';
import type { Launcher } from '../plan/contract.ts';
import type { SnapshotDriver } from './contract.ts';
import { ErofsLayers } from './erofs-layers.ts';
import { HostViews } from './host-views.ts';
import { StackedDriver } from './stacked-driver.ts';
import { WritableParts } from './writable-parts.ts';

export interface DriverOptions {
  /** Data root of the driver; made if missing. */
  readonly root: string;
  readonly content: FileContentStore;
  readonly launcher: Launcher;
  /** For what need not outlive a restart of the machine. */
  readonly execRoot: string;
  /** Bytes of one layer's tar that `receive` takes; more fails with `exhausted`. */
  readonly maxLayerBytes?: number;
  readonly tarLimits?: Partial<TarLimits>;
}

/** As much as an index can address. */
export const DEFAULT_MAX_LAYER_BYTES = 2 ** 40;

/**
 * Layers are never unpacked: an EROFS index over each tar is mounted, and snapshots are overlays of those mounts. Indexes are in
 * `<root>/erofs`, writable parts in `<root>/snapshots`, mounts on `<execRoot>/layers`, views for people on `<execRoot>/images`.
 */
export async function openErofsDriver(options: DriverOptions): Promise<SnapshotDriver> {
  const { root, content, launcher, execRoot, tarLimits = {} } = options;
  const directory = join(root, 'erofs');
  const mounts = join(execRoot, 'layers');
  const layers = await ErofsLayers.open({ directory, content, launcher, mounts, tarLimits });
  const parts = await WritableParts.open(join(root, 'snapshots'), join(root, 'trash'));
  const views = new HostViews(join(execRoot, 'images'), launcher);
  return new StackedDriver(content, layers, parts, views, options.maxLayerBytes ?? DEFAULT_MAX_LAYER_BYTES);
}
