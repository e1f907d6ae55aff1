import { invalid, isCode, notFound } from '../../base/errors.ts';
import type { Engine } from '../../engine/contract.ts';
import type { Image } from '../../images/contract.ts';
import { normalisePlatform, platformFit } from '../../oci/platform.ts';
import { familiarRepository, parseReference } from '../../oci/reference.ts';
import type { ImageDelete } from '../../wire/image-types.ts';
import { decodePlatform } from '../../wire/platform.ts';
import type { Filters } from '../../wire/query.ts';
import { differs } from '../../wire/versions.ts';
import type { Call, HandlersOf } from '../call.ts';
import { isDangling, selectImages } from '../filters/images.ts';
import { flagFilter, matchesLabels } from '../filters/match.ts';
import { renderHistory, renderImage, renderImageSummary } from '../render/image.ts';
import { untilFilter } from '../timestamp.ts';

export const imageHandlers: HandlersOf<
  'imageList' | 'imageInspect' | 'imageHistory' | 'imageTag' | 'imageRemove' | 'imagePrune'
> = {
  imageList({ engine, query, version }) {
    const legacy = differs(version, 'imageListFilterParameter') && query.filter !== '';
    const filters: Filters = legacy ? { ...query.filters, reference: [query.filter] } : query.filters;
    const users = containersByImage(engine);
    return selectImages(engine, filters, query.all, new Date()).map((image) =>
      renderImageSummary(image, users.get(image.id) ?? 0, version),
    );
  },

  async imageInspect({ engine, name, query, version }) {
    if (query.manifests && query.platform !== '') {
      throw invalid('conflicting options: manifests and platform options cannot both be set');
    }
    const image = imageFor(engine, name, query.platform);
    const { storageDriver } = await engine.system.facts();
    return renderImage(image, storageDriver, version);
  },

  imageHistory({ engine, name, query }) {
    const image = imageFor(engine, name, query.platform);
    return engine.images.history(image.id).map(renderHistory);
  },

  async imageTag({ engine, context, name, query }) {
    const target = query.tag === '' ? query.repo : `${query.repo}:${query.tag}`;
    // It would read as an image's ID.
    if (familiarRepository(parseReference(target)) === 'sha256') {
      throw invalid('refusing to create an ambiguous tag using digest algorithm as name');
    }
    await engine.images.tag(context, name, target);
  },

  async imageRemove({ engine, context, name, query }) {
    const removed = await engine.images.remove(context, name, {
      force: query.force,
      prune: !query.noprune,
    });
    return removed.map((item) => ({ ...item }));
  },

  async imagePrune(call) {
    const deleted: ImageDelete[] = [];
    let bytes = 0;
    for (const image of prunable(call)) {
      const removed = await removeUnused(call, image);
      if (removed.some((item) => item.Deleted === image.id)) bytes += image.size;
      deleted.push(...removed);
    }
    return { ImagesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: bytes };
  },
};

/** `platform` is JSON, or empty for the image that is there. */
function imageFor(engine: Engine, name: string, platform: string): Image {
  const image = engine.images.get(name);
  if (platform === '') return image;
  const wanted = normalisePlatform(decodePlatform(platform));
  if (platformFit(wanted, normalisePlatform(image.platform)) > 0) return image;
  throw notFound(
    `image with reference ${name} was found but does not provide the specified platform (${wanted.os}/${wanted.architecture})`,
  );
}

function containersByImage(engine: Engine): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { imageId } of engine.containers.list()) counts.set(imageId, (counts.get(imageId) ?? 0) + 1);
  return counts;
}

function prunable({ engine, query: { filters } }: Call<'imagePrune'>): Image[] {
  const danglingOnly = flagFilter(filters, 'dangling') ?? true;
  const until = untilFilter(filters, new Date());
  const used = containersByImage(engine);
  return engine.images
    .list()
    .filter(
      (image) =>
        !used.has(image.id) &&
        (!danglingOnly || isDangling(image)) &&
        (until === undefined || (image.created?.getTime() ?? 0) < until) &&
        matchesLabels(filters, image.config.config?.Labels),
    );
}

/** All names of an image, and with the last one the image; what came into use meanwhile stays. */
async function removeUnused({ engine, context }: Call<'imagePrune'>, image: Image): Promise<ImageDelete[]> {
  const names =
    image.tags.length + image.digests.length === 0 ? [image.id] : [...image.tags, ...image.digests];
  const removed: ImageDelete[] = [];
  for (const name of names) {
    try {
      removed.push(...(await engine.images.remove(context, name, { force: false, prune: true })));
    } catch (error) {
      if (!isCode(error, 'conflict') && !isCode(error, 'not-found')) throw error;
    }
  }
  return removed;
}
