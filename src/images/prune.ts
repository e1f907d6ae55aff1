import { isCode } from '../base/errors.ts';
import type { Image } from './contract.ts';
import type { ImageLedger } from './image-ledger.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';
import { type ImageHolders, type Removal, removeImage } from './remove.ts';

/**
 * Removes all images that `filter` takes and that no container uses, with dockerd's rules for each: an image goes after those that were made
 * from it. What came into use meanwhile stays.
 */
export function pruneImages(
  store: ImageStore,
  ledger: ImageLedger,
  holders: ImageHolders,
  filter: (image: Image) => boolean,
): Removal[] {
  const removals: Removal[] = [];
  const pending = new Set(
    [...store.all()].filter((image) => isFree(holders, image) && filter(ledger.describe(image))),
  );
  for (let next = childless(store, pending); next !== undefined; next = childless(store, pending)) {
    pending.delete(next);
    removals.push(...removeAllNames(store, holders, next));
  }
  return removals;
}

function isFree(holders: ImageHolders, { id }: ImageRecord): boolean {
  return holders.containersOf(id).length === 0 && holders.mountOf(id) === undefined;
}

/** The next image that no other was made from; it may have gone with its child already. */
function childless(store: ImageStore, pending: Set<ImageRecord>): ImageRecord | undefined {
  for (const image of pending) {
    if (store.get(image.id) === undefined) pending.delete(image);
    else if (!store.hasChildren(image.id)) return image;
  }
  return undefined;
}

function removeAllNames(store: ImageStore, holders: ImageHolders, { id }: ImageRecord): Removal[] {
  const references = store.referencesOf(id);
  const names = references.length === 0 ? [id] : references;
  return names.flatMap((name) => {
    try {
      return [removeImage(store, holders, name, { force: false, prune: true })];
    } catch (error) {
      // The last tag takes the digests with it.
      if (isCode(error, 'conflict') || isCode(error, 'not-found')) return [];
      throw error;
    }
  });
}
