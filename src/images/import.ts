import type { Context } from '../base/context.ts';
import { invalid } from '../base/errors.ts';
import type { ImageConfig, ImageProcess } from '../oci/image.ts';
import { hostPlatform } from '../oci/platform.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import { applyChanges } from './changes.ts';
import type { ImportOptions } from './contract.ts';
import { type ReceivedLayer, receiveLayer } from './receive-layer.ts';

/** A root filesystem's tar as an image of one layer: its configuration, and the layer that was received. */
export async function importLayer(
  context: Context,
  snapshots: SnapshotDriver,
  tar: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<{ readonly config: ImageConfig; readonly layer: ReceivedLayer }> {
  const { os, architecture, variant } = options.platform ?? hostPlatform();
  if (os !== 'linux') throw invalid('operating system is not supported');
  const process: ImageProcess = applyChanges({}, options.changes);
  const layer = await receiveLayer(context, snapshots, tar);
  const created = new Date().toISOString();
  const comment = options.message || `Imported from ${options.source}`;
  const config: ImageConfig = {
    architecture,
    ...(variant === undefined ? {} : { variant }),
    created,
    config: process,
    comment,
    history: [{ created, comment }],
    os,
    rootfs: { type: 'layers', diff_ids: [layer.diffId] },
  };
  return { config, layer };
}
