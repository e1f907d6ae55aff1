import { invalid, notFound } from '../base/errors.ts';
import { type Digest, hexOf } from '../oci/digest.ts';
import type { Platform } from '../oci/image.ts';
import { formatPlatform, platformFit } from '../oci/platform.ts';
import {
  familiarReference,
  formatReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from '../oci/reference.ts';
import { platformOf } from './config.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';
import type { IndexRecord } from './index-store.ts';

/** What a text means: an image, and the index that it was found in, if the text means that. */
export interface Target {
  readonly image: ImageRecord;
  readonly index: IndexRecord | undefined;
}

/**
 * Finds an image as Docker does: a full ID, then a name, then a unique ID prefix (with or without "sha256:"); an index is known by its
 * digest as images are by their IDs. Of an index the image that serves `platform` best, without one that which suits this host. A prefix
 * that several have fails with `invalid-argument`.
 */
export function findTarget(store: ImageStore, text: string, platform?: Platform): Target | undefined {
  const found = findByFullId(store, text) ?? findByName(store, text) ?? findByPrefix(store, text);
  if (found === undefined || platform === undefined) return found;
  const { index } = found;
  const image = index === undefined ? fitting(found.image, platform) : store.bestOf(index, platform);
  return image && { image, index };
}

/** The same, failing with `not-found` in Docker's words. */
export function requireTarget(store: ImageStore, text: string, platform?: Platform): Target {
  const found = findTarget(store, text, platform);
  if (found !== undefined) return found;
  if (platform === undefined || findTarget(store, text) === undefined) {
    throw notFound(`No such image: ${spelledOut(text)}`);
  }
  throw notFound(
    `image with reference ${text} was found but does not provide the specified platform (${formatPlatform(platform)})`,
  );
}

export function resolveImage(store: ImageStore, text: string, platform?: Platform): ImageRecord | undefined {
  return findTarget(store, text, platform)?.image;
}

export function requireImage(store: ImageStore, text: string, platform?: Platform): ImageRecord {
  return requireTarget(store, text, platform).image;
}

/** Whether the text means the image, or the index, by its ID or a prefix of it, not by a name. */
export function isIdOf({ image, index }: Target, text: string): boolean {
  const hex = hexIn(text);
  return /^[0-9a-f]+$/.test(hex) && hexOf(index?.digest ?? image.id).startsWith(hex);
}

function hexIn(text: string): string {
  return text.startsWith('sha256:') ? text.slice('sha256:'.length) : text;
}

function fitting(image: ImageRecord, platform: Platform): ImageRecord | undefined {
  return platformFit(platform, platformOf(image.config)) > 0 ? image : undefined;
}

function findByFullId(store: ImageStore, text: string): Target | undefined {
  const hex = hexIn(text);
  if (!/^[0-9a-f]{64}$/.test(hex)) return undefined;
  return (
    targetOf(store.get(`sha256:${hex}`), undefined) ?? indexTarget(store, store.indexes.get(`sha256:${hex}`))
  );
}

function targetOf(image: ImageRecord | undefined, index: IndexRecord | undefined): Target | undefined {
  return image && { image, index };
}

function indexTarget(store: ImageStore, index: IndexRecord | undefined): Target | undefined {
  return index && targetOf(store.faceOf(index), index);
}

function findByName(store: ImageStore, text: string): Target | undefined {
  const reference = tryParse(text);
  if (reference === undefined) return undefined;
  const { digest } = reference;
  const name = formatReference(
    digest === undefined ? withDefaultTag(reference) : { ...reference, tag: undefined },
  );
  const found = targetOf(store.resolve(name), store.indexOf(name));
  return found ?? (digest === undefined ? undefined : digestOfImage(store, reference, digest));
}

/** "name@sha256:<image ID>" names the image too, if one of its tags is in that repository. */
function digestOfImage(store: ImageStore, reference: Reference, digest: Digest): Target | undefined {
  const image = store.get(digest);
  if (image === undefined) return undefined;
  const repository = formatReference({ ...reference, tag: undefined, digest: undefined });
  const isNamed = store.referencesOf(image.id).some((name) => name.startsWith(`${repository}:`));
  return isNamed ? { image, index: undefined } : undefined;
}

function findByPrefix(store: ImageStore, text: string): Target | undefined {
  const hex = hexIn(text);
  if (!/^[0-9a-f]{1,63}$/.test(hex)) return undefined;
  const images = [...store.all()].filter((record) => hexOf(record.id).startsWith(hex));
  const indexes = [...store.indexes.all()].filter((record) => hexOf(record.digest).startsWith(hex));
  if (images.length + indexes.length > 1) throw invalid(`multiple IDs found with provided prefix: ${hex}`);
  return targetOf(images[0], undefined) ?? indexTarget(store, indexes[0]);
}

function tryParse(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

function spelledOut(text: string): string {
  const reference = tryParse(text);
  return reference === undefined ? text : familiarReference(withDefaultTag(reference));
}
