import { invalid } from '../../base/errors.ts';
import type { Image } from '../../images/contract.ts';
import { familiarRepository, parseReference } from '../../oci/reference.ts';
import type { Filters } from '../../wire/query.ts';
import { differs } from '../../wire/versions.ts';
import type { HandlersOf } from '../call.ts';
import { containersByImage, isDangling, selectImages } from '../filters/images.ts';
import { flagFilter, matchesLabels } from '../filters/match.ts';
import { renderHistory, renderImage, renderImageSummary } from '../render/image.ts';
import { untilFilter } from '../timestamp.ts';
import { imageFor } from './image-lookup.ts';

export const imageHandlers: HandlersOf<
  'imageList' | 'imageInspect' | 'imageHistory' | 'imageTag' | 'imageRemove' | 'imagePrune'
> = {
  async imageList({ engine, context, query, version }) {
    const legacy = differs(version, 'imageListFilterParameter') && query.filter !== '';
    const filters: Filters = legacy ? { ...query.filters, reference: [query.filter] } : query.filters;
    const images = selectImages(engine, filters, query.all, new Date());
    const users = containersByImage(engine);
    const usage =
      query['shared-size'] && differs(version, 'imageSharedSize')
        ? await engine.images.usage(context)
        : undefined;
    return images.map((image) =>
      renderImageSummary(image, version, {
        containers: differs(version, 'imageContainerCount') ? (users.get(image.id) ?? 0) : -1,
        size: image.size,
        // On disk there is more than the layers' size: indexes and compressed forms.
        shared: Math.min(usage?.images.get(image.id)?.shared ?? (usage === undefined ? -1 : 0), image.size),
      }),
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
    // An image has one platform here: what is to be taken away of it is all of it.
    for (const platform of query.platforms) imageFor(engine, name, platform);
    const removed = await engine.images.remove(context, name, {
      force: query.force,
      prune: !query.noprune,
    });
    return removed.map((item) => ({ ...item }));
  },

  async imagePrune({ engine, context, query }) {
    const { items, bytes } = await engine.images.prune(context, { filter: pruneFilter(query.filters) });
    return { ImagesDeleted: items.length === 0 ? null : [...items], SpaceReclaimed: bytes };
  },
};

/** What the filters take; Docker spares images with a name unless it is told not to. */
function pruneFilter(filters: Filters): (image: Image) => boolean {
  const danglingOnly = flagFilter(filters, 'dangling') ?? true;
  const until = untilFilter(filters, new Date());
  return (image) =>
    (!danglingOnly || isDangling(image)) &&
    (until === undefined || (image.created?.getTime() ?? 0) < until) &&
    matchesLabels(filters, image.config.config?.Labels);
}
