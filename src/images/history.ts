import { familiarReference, parseReference } from '../oci/reference.ts';
import type { HistoryItem } from './contract.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';

/**
 * How an image came to be, newest first. The top step has the image's ID and tags; a step below has the ID of the parent image it
 * is known by here, or "<missing>".
 */
export function historyOf(store: ImageStore, image: ImageRecord): HistoryItem[] {
  const sizes = image.layerSizes.values();
  const steps = (image.config.history ?? []).map((entry) => {
    return { entry, size: entry.empty_layer ? 0 : (sizes.next().value ?? 0) };
  });
  let owner: ImageRecord | undefined = image;
  let left = steps.length;
  return steps.toReversed().map(({ entry, size }) => {
    const named = left === owner?.config.history?.length ? owner : undefined;
    if (named !== undefined) owner = named.parent === undefined ? undefined : store.get(named.parent);
    left--;
    return {
      id: named?.id ?? '<missing>',
      created: entry.created === undefined ? undefined : new Date(entry.created),
      createdBy: entry.created_by ?? '',
      size,
      comment: entry.comment ?? '',
      tags: named === undefined ? [] : familiarTags(store, named),
    };
  });
}

/** "name:tag" references in familiar form, sorted. */
export function familiarTags(store: ImageStore, image: ImageRecord): string[] {
  return store
    .namesOf(image.id)
    .map(parseReference)
    .filter((reference) => reference.digest === undefined)
    .map(familiarReference);
}

/** "name@digest" references in familiar form, sorted. */
export function familiarDigests(store: ImageStore, image: ImageRecord): string[] {
  return store
    .namesOf(image.id)
    .map(parseReference)
    .filter((reference) => reference.digest !== undefined)
    .map(familiarReference);
}
