import { join } from 'node:path';
import type { SnapshotDriver } from './contract.ts';
import { DEFAULT_MAX_LAYER_BYTES, type DriverOptions } from './erofs-driver.ts';
import { OverlayLayers } from './overlay-layers.ts';
import { StackedDriver } from './stacked-driver.ts';
import { WritableParts } from './writable-parts.ts';

/** For kernels without EROFS: layers are unpacked into `<root>/overlay`, writable parts are in `<root>/snapshots`. */
export async function openOverlayDriver(options: Omit<DriverOptions, 'execRoot'>): Promise<SnapshotDriver> {
  const { root, content, launcher, tarLimits = {} } = options;
  const layers = await OverlayLayers.open({ directory: join(root, 'overlay'), content, launcher, tarLimits });
  const parts = await WritableParts.open(join(root, 'snapshots'), join(root, 'trash'));
  return new StackedDriver(content, layers, parts, options.maxLayerBytes ?? DEFAULT_MAX_LAYER_BYTES);
}
