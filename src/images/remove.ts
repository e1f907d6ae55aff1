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
import type { IndexRecord } from './index-store.ts';
import { isIdOf, requireImage, requireTarget, type Target } from './resolve.ts';

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
 * last one, or an ID, deletes the image unless containers, children or other repositories forbid it. With the last name of an index go all
 * of its images that have no other.
 */
export function removeImage(
  store: ImageStore,
  users: ImageHolders,
  text: string,
  options: RemoveOptions,
): Removal {
  const target = requireTarget(store, text);
  const removal = new RemovalBuilder(store, users);
  const before = [...store.indexes.all()];
  const members = membersFor(store, target, text, options);
  if (members !== undefined) removeMembers(removal, members, options);
  else if (isIdOf(target, text)) removeById(removal, target, options);
  else removeByName(removal, target, text, options);
  removal.tellLost(before);
  return removal;
}

/** The images of an index that the platforms mean; undefined when that is everything. Fails with `not-found` for one that is not here. */
function membersFor(
  store: ImageStore,
  { index }: Target,
  text: string,
  { platforms = [] }: RemoveOptions,
): ImageRecord[] | undefined {
  const asked = new Set(platforms.map((platform) => requireImage(store, text, platform)));
  if (index === undefined || asked.size === 0) return undefined;
  return asked.size === store.imagesOf(index).length ? undefined : [...asked];
}

/** Takes images out of an index, whose names find the others from now on. */
function removeMembers(
  removal: RemovalBuilder,
  members: readonly ImageRecord[],
  options: RemoveOptions,
): void {
  const { store } = removal;
  const ownNames = ({ id }: ImageRecord): string[] =>
    store.referencesOf(id).filter((name) => store.indexOf(name) === undefined);
  for (const member of members) {
    const blocked = findConflict(removal, member, options.force);
    if (blocked !== undefined) throw blocked;
    if (!options.force && ownNames(member).length > 0) throw manyNames(member);
  }
  for (const member of members) {
    for (const name of ownNames(member)) removal.untag(member, name);
    removal.delete(member);
  }
}

function removeByName(
  removal: RemovalBuilder,
  { image, index }: Target,
  text: string,
  options: RemoveOptions,
): void {
  const { store, users } = removal;
  const given = withDefaultTag(parseReference(text));
  const group = index === undefined ? [image] : store.imagesOf(index);
  for (const one of group.filter(({ id }) => isSingle(store.namesOf(id)))) {
    const container = users.containersOf(one.id)[0];
    if (!options.force && container !== undefined) throw inUse(text, container.id, one);
    const mounted = mountConflict(removal, one);
    if (mounted !== undefined) throw mounted;
  }
  removal.untag(image, formatReference(given.digest === undefined ? given : { ...given, tag: undefined }));
  for (const one of group) dropLoneDigests(removal, one, repositoryOf(given));
  deleteNameless(removal, group, options);
}

function removeById(removal: RemovalBuilder, { image, index }: Target, options: RemoveOptions): void {
  const { store } = removal;
  const names = index === undefined ? store.referencesOf(image.id) : store.namesOfIndex(index.digest);
  const others = store.namesOf(image.id).filter((name) => !names.includes(name));
  const [other] = others;
  if (index === undefined && other !== undefined && !options.force) {
    throw unable(image, 'must be forced', `image is part of ${familiarReference(parseReference(other))}`);
  }
  const group = new Set(index === undefined ? [image] : store.imagesOf(index));
  for (const name of names) {
    const named = store.indexOf(name);
    if (named !== undefined) for (const one of store.imagesOf(named)) group.add(one);
  }
  const isGoing = (one: ImageRecord): boolean => store.namesOf(one.id).every((name) => names.includes(name));
  const going = [...group].filter((one) => (index === undefined && one === image) || isGoing(one));
  for (const one of going) {
    const blocked = findConflict(removal, one, options.force);
    if (blocked !== undefined) throw blocked;
  }
  if (!options.force && names.length > 0 && !isSingle(names)) throw manyNames(image);
  for (const name of names) removal.untag(image, name);
  if (index === undefined) deleteImage(removal, image, options);
  deleteNameless(removal, going, options);
}

/** Those that are still here, have no name any more, and that nobody uses. */
function deleteNameless(
  removal: RemovalBuilder,
  images: readonly ImageRecord[],
  options: RemoveOptions,
): void {
  const { store } = removal;
  for (const image of images) {
    const isNameless = store.get(image.id) !== undefined && store.namesOf(image.id).length === 0;
    if (isNameless && findConflict(removal, image, true) === undefined) deleteImage(removal, image, options);
  }
}

function inUse(text: string, container: string, image: ImageRecord): Error {
  return conflict(
    `conflict: unable to remove repository reference ${JSON.stringify(text)} (must force) - container ` +
      `${short(container)} is using its referenced image ${short(hexOf(image.id))}`,
  );
}

function manyNames(image: ImageRecord): Error {
  return unable(image, 'must be forced', 'image is referenced in multiple repositories');
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
  const isNeeded =
    removal.store.namesOf(parent.id).length > 0 || findConflict(removal, parent, false) !== undefined;
  if (!isNeeded) deleteImage(removal, parent, options);
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

  /** Names the indexes that went with their last image, unless it has been said by a name with their digest. */
  tellLost(before: readonly IndexRecord[]): void {
    for (const { digest } of before) {
      const isSaid = this.untagged.some(({ reference }) => reference.endsWith(`@${digest}`));
      if (this.store.indexes.get(digest) === undefined && !isSaid) this.items.push({ Deleted: digest });
    }
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
