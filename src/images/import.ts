import type { Context } from '../base/context.ts';
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
  const process: ImageProcess = applyChanges({}, options.changes);
  const layer = await receiveLayer(context, snapshots, tar);
  const created = new Date().toISOString();
  const { os, architecture, variant } = options.platform ?? hostPlatform();
  const config: ImageConfig = {
    architecture,
    ...(variant === undefined ? {} : { variant }),
    created,
    config: process,
    comment: options.message,
    history: [{ created, comment: options.message }],
    os,
    rootfs: { type: 'layers', diff_ids: [layer.diffId] },
  };
  return { config, layer };
}
