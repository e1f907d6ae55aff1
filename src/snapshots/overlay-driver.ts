import { join } from 'node:path';
import type { SnapshotDriver } from './contract.ts';
import { DEFAULT_MAX_LAYER_BYTES, type DriverOptions } from './erofs-driver.ts';
import { HostViews } from './host-views.ts';
import { OverlayLayers } from './overlay-layers.ts';
import { StackedDriver } from './stacked-driver.ts';
import { WritableParts } from './writable-parts.ts';

/** For kernels without EROFS: layers are unpacked into `<root>/overlay`, writable parts are in `<root>/snapshots`, views on `<execRoot>/images`. */
export async function openOverlayDriver(options: DriverOptions): Promise<SnapshotDriver> {
  const { root, content, launcher, execRoot, tarLimits = {} } = options;
  const layers = await OverlayLayers.open({ directory: join(root, 'overlay'), content, launcher, tarLimits });
  const parts = await WritableParts.open(join(root, 'snapshots'), join(root, 'trash'));
  const views = new HostViews(join(execRoot, 'images'), launcher);
  return new StackedDriver(content, layers, parts, views, options.maxLayerBytes ?? DEFAULT_MAX_LAYER_BYTES);
}
