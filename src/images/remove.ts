import { conflict } from '../base/errors.ts';
import { type Digest, hexOf } from '../oci/digest.ts';
import {
  familiarReference,
  formatReference,
  parseReference,
  repositoryOf,
  withDefaultTag,
} from '../oci/reference.ts';
import { chainIds } from './config.ts';
import type { ImageUsers, RemovedItem, RemoveOptions } from './contract.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';
import { isIdOf, requireImage } from './resolve.ts';

/** What a removal took away: the lines that Docker prints, and what is left for others to delete and to announce. */
export interface Removal {
  readonly items: readonly RemovedItem[];
  /** Normalised references taken from images. */
  readonly untagged: readonly { readonly image: ImageRecord; readonly reference: string }[];
  readonly deleted: readonly ImageRecord[];
}

/** What may forbid a removal: containers made from the image, and a view of it on the host. */
export interface ImageHolders extends ImageUsers {
  /** Where the image is mounted. */
  mountOf(id: Digest): string | undefined;
}

/**
 * Removes by name or ID with dockerd's rules (its image_delete): a name is only untagged while the image has others; a name that is the
 * last one, or an ID, deletes the image unless containers, children or other repositories forbid it.
 */
export function removeImage(
  store: ImageStore,
  users: ImageHolders,
  text: string,
  options: RemoveOptions,
): Removal {
  const image = requireImage(store, text);
  const removal = new RemovalBuilder(store, users);
  if (isIdOf(image, text)) removeById(removal, image, options);
  else removeByName(removal, image, text, options);
  return removal;
}

function removeByName(
  removal: RemovalBuilder,
  image: ImageRecord,
  text: string,
  options: RemoveOptions,
): void {
  const { store, users } = removal;
  const given = withDefaultTag(parseReference(text));
  const container = users.containersOf(image.id)[0];
  if (!options.force && isSingle(store.referencesOf(image.id)) && container !== undefined) {
    throw conflict(
      `conflict: unable to remove repository reference ${JSON.stringify(text)} (must force) - container ` +
        `${short(container.id)} is using its referenced image ${short(hexOf(image.id))}`,
    );
  }
  const mounted = mountConflict(removal, image);
  if (mounted !== undefined && isSingle(store.referencesOf(image.id))) throw mounted;
  removal.untag(image, formatReference(given.digest === undefined ? given : { ...given, tag: undefined }));
  dropLoneDigests(removal, image, repositoryOf(given));
  if (store.referencesOf(image.id).length > 0) return;
  if (findConflict(removal, image, true) === undefined) deleteImage(removal, image, options);
}

function removeById(removal: RemovalBuilder, image: ImageRecord, options: RemoveOptions): void {
  const references = removal.store.referencesOf(image.id);
  const blocked = findConflict(removal, image, options.force);
  if (blocked !== undefined) throw blocked;
  if (!options.force && references.length > 0 && !isSingle(references)) {
    throw unable(image, 'must be forced', 'image is referenced in multiple repositories');
  }
  deleteImage(removal, image, options);
}

/** Digest references of a repository go with its last tag. */
function dropLoneDigests(removal: RemovalBuilder, image: ImageRecord, repository: string): void {
  const left = removal.store
    .referencesOf(image.id)
    .filter((reference) => inRepository(reference, repository));
  if (left.every((reference) => reference.includes('@'))) {
    for (const reference of left) removal.untag(image, reference);
  }
}

function inRepository(reference: string, repository: string): boolean {
  return repositoryOf(parseReference(reference)) === repository;
}

/** At most one tag, and nothing outside its repository. */
function isSingle(references: readonly string[]): boolean {
  const parsed = references.map(parseReference);
  const repositories = new Set(parsed.map(repositoryOf));
  return repositories.size === 1 && parsed.filter((reference) => reference.digest === undefined).length <= 1;
}

function findConflict(removal: RemovalBuilder, image: ImageRecord, force: boolean): Error | undefined {
  if (removal.store.hasChildren(image.id))
    return unable(image, 'cannot be forced', 'image has dependent child images');
  const mounted = mountConflict(removal, image);
  if (mounted !== undefined) return mounted;
  const containers = removal.users.containersOf(image.id);
  const running = containers.find((container) => container.running);
  if (running !== undefined) {
    return unable(image, 'cannot be forced', `image is being used by running container ${short(running.id)}`);
  }
  const stopped = containers[0];
  if (force || stopped === undefined) return undefined;
  return unable(image, 'must be forced', `image is being used by stopped container ${short(stopped.id)}`);
}

function mountConflict(removal: RemovalBuilder, image: ImageRecord): Error | undefined {
  const path = removal.users.mountOf(image.id);
  return path === undefined ? undefined : unable(image, 'cannot be forced', `image is mounted at ${path}`);
}

function unable(image: ImageRecord, how: string, why: string): Error {
  return conflict(`conflict: unable to delete ${short(hexOf(image.id))} (${how}) - ${why}`);
}

function short(hex: string): string {
  return hex.slice(0, 12);
}

function deleteImage(removal: RemovalBuilder, image: ImageRecord, options: RemoveOptions): void {
  for (const reference of removal.store.referencesOf(image.id)) removal.untag(image, reference);
  removal.delete(image);
  const parent = image.parent === undefined ? undefined : removal.store.get(image.parent);
  if (!options.prune || parent === undefined) return;
  const inUse =
    removal.store.referencesOf(parent.id).length > 0 || findConflict(removal, parent, false) !== undefined;
  if (!inUse) deleteImage(removal, parent, options);
}

class RemovalBuilder implements Removal {
  readonly items: RemovedItem[] = [];
  readonly untagged: { image: ImageRecord; reference: string }[] = [];
  readonly deleted: ImageRecord[] = [];
  readonly store: ImageStore;
  readonly users: ImageHolders;

  constructor(store: ImageStore, users: ImageHolders) {
    this.store = store;
    this.users = users;
  }

  untag(image: ImageRecord, reference: string): void {
    this.store.removeReference(reference);
    this.untagged.push({ image, reference });
    this.items.push({ Untagged: familiarReference(parseReference(reference)) });
  }

  /** Forgets the image; its chain's layers that no other image has are named too, topmost first. */
  delete(image: ImageRecord): void {
    this.store.remove(image.id);
    this.deleted.push(image);
    this.items.push({ Deleted: image.id });
    const diffIds = image.config.rootfs.diff_ids;
    const own = chainIds(diffIds).slice(sharedLayers(this.store, diffIds));
    for (const id of own.toReversed()) this.items.push({ Deleted: id });
  }
}

/** How many layers, from the bottom, some image has in the same order. */
function sharedLayers(store: ImageStore, diffIds: readonly Digest[]): number {
  let shared = 0;
  for (const { config } of store.all()) {
    const others = config.rootfs.diff_ids;
    // Who differs in the next layer shares no more; this keeps removals of many images short.
    if (shared === diffIds.length || others[shared] !== diffIds[shared]) continue;
    const first = diffIds.findIndex((layer, position) => layer !== others[position]);
    shared = Math.max(shared, first < 0 ? diffIds.length : first);
  }
  return shared;
}
