import type { Engine } from '../../engine/contract.ts';
import type { Image } from '../../images/contract.ts';
import type { Filters } from '../../wire/query.ts';
import { untilFilter } from '../timestamp.ts';
import { flagFilter, matchesLabels, singleValue } from './match.ts';
import { pathPattern } from './path-pattern.ts';

/**
 * What a list shows: newest first; without `all`, not the nameless steps that other images were built on. Of those that one name stands
 * for, the one that suits this host.
 */
export function selectImages(engine: Engine, filters: Filters, all: boolean, now: Date): Image[] {
  const known = engine.images.list();
  const images = known
    .filter(({ listedAs }) => listedAs === undefined)
    .sort((left, right) => createdAt(right) - createdAt(left));
  const parents = new Set(known.map(({ parent }) => parent));
  const keep = imageFilter(engine, filters, parents, now);
  return images.filter((image) => (all || !isDangling(image) || !parents.has(image.id)) && keep(image));
}

export function isDangling({ tags, digests }: Image): boolean {
  return tags.length === 0 && digests.length === 0;
}

function createdAt({ created }: Image): number {
  return created?.getTime() ?? 0;
}

type Keep = (image: Image) => boolean;

function imageFilter(
  engine: Engine,
  filters: Filters,
  parents: ReadonlySet<string | undefined>,
  now: Date,
): Keep {
  const dangling = flagFilter(filters, 'dangling');
  const until = untilFilter(filters, now);
  const before = timeOf(engine, filters, 'before');
  const since = timeOf(engine, filters, 'since');
  const references = (filters['reference'] ?? []).map(pathPattern);
  return (image) =>
    (dangling === undefined || (isDangling(image) && !parents.has(image.id)) === dangling) &&
    (until === undefined || createdAt(image) <= until) &&
    (before === undefined || createdAt(image) < before) &&
    (since === undefined || createdAt(image) > since) &&
    matchesLabels(filters, image.config.config?.Labels) &&
    (references.length === 0 || references.some((matches) => namesOf(image).some(matches)));
}

function timeOf(engine: Engine, filters: Filters, name: string): number | undefined {
  const reference = singleValue(filters, name);
  return reference === undefined ? undefined : createdAt(engine.images.get(reference));
}

/** A pattern can mean a name with or without its tag. */
function namesOf({ tags, digests }: Image): string[] {
  return [...tags, ...digests].flatMap((name) => [name, familiarName(name)]);
}

function familiarName(reference: string): string {
  const name = reference.split('@', 1)[0] ?? '';
  const colon = name.lastIndexOf(':');
  return colon > name.lastIndexOf('/') ? name.slice(0, colon) : name;
}

/** How many containers were made of each image that lists show, and of those that it stands for. */
export function containersByImage(engine: Engine): Map<string, number> {
  const shown = new Map<string, string>(engine.images.list().map(({ id, listedAs }) => [id, listedAs ?? id]));
  const counts = new Map<string, number>();
  for (const { imageId } of engine.containers.list()) {
    const row = shown.get(imageId) ?? imageId;
    counts.set(row, (counts.get(row) ?? 0) + 1);
  }
  return counts;
}
