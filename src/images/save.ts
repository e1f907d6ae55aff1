import { notFound } from '../base/errors.ts';
import type { Platform } from '../oci/image.ts';
import { formatPlatform, platformFit } from '../oci/platform.ts';
import {
  formatReference,
  isImageId,
  parseReference,
  type Reference,
  repositoryOf,
} from '../oci/reference.ts';
import { platformOf } from './config.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';
import { findTarget, isIdOf, requireImage, resolveImage } from './resolve.ts';

/** An image, and the names that the archive gives it. */
export interface SavedImage {
  readonly image: ImageRecord;
  /** With tags, sorted. */
  readonly names: readonly Reference[];
}

/**
 * What names mean to save: "name:tag" that tag, "name" all tags of the repository, an ID the image without a name. Each image once, in the
 * order of the names. Fails with `not-found` in dockerd's words.
 */
export function imagesToSave(
  store: ImageStore,
  references: readonly string[],
  platform: Platform | undefined,
): SavedImage[] {
  const found = new Map<ImageRecord, Map<string, Reference>>();
  for (const text of references) {
    for (const { image, name } of namedBy(store, text)) {
      const names = found.get(image) ?? new Map<string, Reference>();
      if (name !== undefined) names.set(formatReference(name), name);
      found.set(image, names);
    }
  }
  return [...found].map(([image, names]) => {
    if (platform !== undefined && platformFit(platform, platformOf(image.config)) === 0) {
      throw notFound(`no suitable export target found for platform ${formatPlatform(platform)}`);
    }
    return { image, names: [...names.keys()].sort().map(parseReference) };
  });
}

interface Named {
  readonly image: ImageRecord;
  readonly name: Reference | undefined;
}

function namedBy(store: ImageStore, text: string): Named[] {
  if (isImageId(text)) return [{ image: requireImage(store, text), name: undefined }];
  const reference = parseReference(text);
  if (reference.tag === undefined && reference.digest === undefined) {
    const tagged = tagsOf(store, reference);
    if (tagged.length > 0) return tagged;
    const target = findTarget(store, text);
    if (target === undefined || !isIdOf(target, text)) throw notFound(`No such image: ${text}`);
    return [{ image: target.image, name: undefined }];
  }
  const image = resolveImage(store, text);
  if (image === undefined)
    throw notFound('reference does not exist', { hint: `There is no image named ${text}.` });
  return [{ image, name: reference.digest === undefined ? reference : undefined }];
}

function tagsOf(store: ImageStore, { domain, path }: Reference): Named[] {
  const prefix = `${repositoryOf({ domain, path, tag: undefined, digest: undefined })}:`;
  return [...store.references()]
    .filter((reference) => reference.startsWith(prefix))
    .flatMap((reference) => {
      const image = store.resolve(reference);
      return image === undefined ? [] : [{ image, name: parseReference(reference) }];
    });
}
