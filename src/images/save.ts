import { notFound } from '../base/errors.ts';
import type { Platform } from '../oci/image.ts';
import { formatPlatform, platformFit } from '../oci/platform.ts';
import {
  formatReference,
  isImageId,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from '../oci/reference.ts';
import { platformOf } from './config.ts';
import type { SaveOptions } from './contract.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';
import type { IndexRecord } from './index-store.ts';
import { findTarget, isIdOf, requireTarget, type Target } from './resolve.ts';

/** An image, and the names that the archive gives it. */
export interface SavedImage {
  readonly image: ImageRecord;
  /** That the names stand for; undefined when they mean the image alone. */
  readonly index: IndexRecord | undefined;
  /** With tags, sorted. */
  readonly names: readonly Reference[];
}

/**
 * What names mean to save: "name:tag" that tag, "name" all tags of the repository, an ID the image without a name. Each image and index
 * once, in the order of the names. Fails with `not-found` in dockerd's words.
 */
export function imagesToSave(
  store: ImageStore,
  references: readonly string[],
  { platform, names: given }: SaveOptions,
): SavedImage[] {
  const called = given?.map((name) => withDefaultTag(parseReference(name)));
  const found = new Map<string, Target & { readonly names: Map<string, Reference> }>();
  for (const text of references) {
    for (const { target, name } of namedBy(store, text)) {
      const { image, index } = forPlatform(store, target, platform);
      const key = index?.digest ?? image.id;
      const saved = found.get(key) ?? { image, index, names: new Map() };
      if (name !== undefined) saved.names.set(formatReference(name), name);
      found.set(key, saved);
    }
  }
  return [...found.values()].map(({ image, index, names }) => {
    return { image, index, names: called ?? [...names.keys()].sort().map(parseReference) };
  });
}

/** Of an index the one image that serves the platform, if one is asked for. */
function forPlatform(store: ImageStore, { image, index }: Target, platform: Platform | undefined): Target {
  if (platform === undefined) return { image, index };
  const found = index === undefined ? image : store.bestOf(index, platform);
  if (found !== undefined && platformFit(platform, platformOf(found.config)) > 0) {
    return { image: found, index: undefined };
  }
  throw notFound(`no suitable export target found for platform ${formatPlatform(platform)}`);
}

interface Named {
  readonly target: Target;
  readonly name: Reference | undefined;
}

function namedBy(store: ImageStore, text: string): Named[] {
  if (isImageId(text)) return [{ target: requireTarget(store, text), name: undefined }];
  const reference = parseReference(text);
  if (reference.tag === undefined && reference.digest === undefined) {
    const tagged = tagsOf(store, reference);
    if (tagged.length > 0) return tagged;
    const target = findTarget(store, text);
    if (target === undefined || !isIdOf(target, text)) throw notFound(`No such image: ${text}`);
    return [{ target, name: undefined }];
  }
  const target = findTarget(store, text);
  if (target === undefined)
    throw notFound('reference does not exist', { hint: `There is no image named ${text}.` });
  return [{ target, name: reference.digest === undefined ? reference : undefined }];
}

function tagsOf(store: ImageStore, { domain, path }: Reference): Named[] {
  const prefix = `${repositoryOf({ domain, path, tag: undefined, digest: undefined })}:`;
  return [...store.references()]
    .filter((reference) => reference.startsWith(prefix))
    .flatMap((reference) => {
      const image = store.resolve(reference);
      if (image === undefined) return [];
      return [{ target: { image, index: store.indexOf(reference) }, name: parseReference(reference) }];
    });
}
