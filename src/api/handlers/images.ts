import type { Context } from '../../base/context.ts';
import { invalid } from '../../base/errors.ts';
import type { Engine } from '../../engine/contract.ts';
import type { Image } from '../../images/contract.ts';
import { familiarRepository, parseReference } from '../../oci/reference.ts';
import type { ImageSummary } from '../../wire/image-types.ts';
import type { Filters } from '../../wire/query.ts';
import { type ApiVersion, differs } from '../../wire/versions.ts';
import type { HandlersOf } from '../call.ts';
import { containersByImage, isDangling, selectImages } from '../filters/images.ts';
import { flagFilter, matchesLabels } from '../filters/match.ts';
import { renderHistory, renderImage, renderImageSummary } from '../render/image.ts';
import { imageUsers, renderManifests } from '../render/image-manifests.ts';
import { untilFilter } from '../timestamp.ts';
import { queryPlatform } from './image-lookup.ts';

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
    const summaries = images.map((image) =>
      renderImageSummary(image, version, {
        containers: differs(version, 'imageContainerCount') ? (users.get(image.id) ?? 0) : -1,
        size: image.size,
        // On disk there is more than the layers' size: indexes and compressed forms.
        shared: Math.min(usage?.images.get(image.id)?.shared ?? (usage === undefined ? -1 : 0), image.size),
      }),
    );
    if (!query.manifests || !differs(version, 'imageListManifests')) return summaries;
    return await withManifests(engine, context, version, summaries);
  },

  async imageInspect({ engine, context, name, query, version }) {
    if (query.manifests && query.platform !== '') {
      throw invalid('conflicting options: manifests and platform options cannot both be set');
    }
    const platform = queryPlatform(query.platform);
    const image = engine.images.get(name, platform);
    const { storageDriver } = await engine.system.facts();
    const rendered = renderImage(image, storageDriver, version);
    if (!differs(version, 'imageDescriptor')) return rendered;
    const users = query.manifests ? imageUsers(engine) : undefined;
    const manifests = await engine.images.manifests(context, name, platform);
    return { ...rendered, ...renderManifests(manifests, version, users) };
  },

  imageHistory({ engine, name, query }) {
    return engine.images.history(name, queryPlatform(query.platform)).map(renderHistory);
  },

  async imageTag({ engine, context, name, query }) {
    const target = query.tag === '' ? query.repo : `${query.repo}:${query.tag}`;
    // It would read as an image's ID.
    if (familiarRepository(parseReference(target)) === 'sha256') {
      throw invalid('refusing to create an ambiguous tag using digest algorithm as name');
    }
    await engine.images.tag(context, name, target);
  },

  async imageRemove({ engine, context, name, query, version }) {
    const platforms = differs(version, 'imageRemovePlatforms') ? query.platforms : [];
    const removed = await engine.images.remove(context, name, {
      force: query.force,
      prune: !query.noprune,
      platforms: platforms.flatMap((text) => queryPlatform(text) ?? []),
    });
    return removed.map((item) => ({ ...item }));
  },

  async imagePrune({ engine, context, query }) {
    const { items, bytes } = await engine.images.prune(context, { filter: pruneFilter(query.filters) });
    return { ImagesDeleted: items.length === 0 ? null : [...items], SpaceReclaimed: bytes };
  },
};

/** The images with their manifests; what an index has of all its images counts as the image's size. */
async function withManifests(
  engine: Engine,
  context: Context,
  version: ApiVersion,
  summaries: readonly ImageSummary[],
): Promise<ImageSummary[]> {
  const users = imageUsers(engine);
  const found: ImageSummary[] = [];
  for (const summary of summaries) {
    const manifests = renderManifests(await engine.images.manifests(context, summary.Id), version, users);
    const sizes = (manifests.Manifests ?? []).map(({ Size }) => Size.Total);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    found.push({ ...summary, Size: Math.max(summary.Size, total), ...manifests });
  }
  return found;
}

/** What the filters take; Docker spares images with a name unless it is told not to. */
function pruneFilter(filters: Filters): (image: Image) => boolean {
  const danglingOnly = flagFilter(filters, 'dangling') ?? true;
  const until = untilFilter(filters, new Date());
  return (image) =>
    (!danglingOnly || isDangling(image)) &&
    (until === undefined || (image.created?.getTime() ?? 0) < until) &&
    matchesLabels(filters, image.config.config?.Labels);
}
