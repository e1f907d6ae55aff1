import { familiarRepository, parseReference } from '../../oci/reference.ts';
import { humanDuration } from '../../wire/durations.ts';
import type { ImageSummary } from '../../wire/image-types.ts';
import { humanSize } from '../../wire/sizes.ts';
import { shortId } from '../format/ellipsis.ts';
import type { Listing } from '../format/listing.ts';
import { formatLocalTime } from '../format/time.ts';

/** One line of `images`: an image under one of its names. */
export interface ImageRow {
  readonly image: ImageSummary;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

const NONE = '<none>';

/** `digestRows`: names known only by digest get a line for each. `digests`: the digest column will be shown. */
export function imageRows(
  images: readonly ImageSummary[],
  digests: boolean,
  digestRows: boolean,
): ImageRow[] {
  return images.flatMap((image) => rowsOf(image, digests, digestRows));
}

function rowsOf(image: ImageSummary, digests: boolean, digestRows: boolean): ImageRow[] {
  if (isDangling(image)) return [{ image, repository: NONE, tag: NONE, digest: NONE }];
  const tagsByName = group(image.RepoTags ?? [], 'tag');
  const digestsByName = group(image.RepoDigests ?? [], 'digest');
  const rows: ImageRow[] = [];
  for (const [repository, tags] of tagsByName) {
    const known = digests ? (digestsByName.get(repository) ?? []) : [];
    digestsByName.delete(repository);
    for (const tag of tags) {
      for (const digest of known.length === 0 ? [NONE] : known) {
        rows.push({ image, repository, tag, digest });
      }
    }
  }
  for (const [repository, list] of digestsByName) {
    for (const digest of digestRows ? list : ['']) rows.push({ image, repository, tag: NONE, digest });
  }
  return rows;
}

function isDangling({ RepoTags, RepoDigests }: ImageSummary): boolean {
  const [tags, digests] = [RepoTags ?? [], RepoDigests ?? []];
  if (tags.length === 0 && digests.length === 0) return true;
  return (
    tags.length === 1 &&
    tags[0] === `${NONE}:${NONE}` &&
    digests.length === 1 &&
    digests[0] === `${NONE}@${NONE}`
  );
}

function group(references: readonly string[], part: 'tag' | 'digest'): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const text of references) {
    try {
      const reference = parseReference(text);
      const value = reference[part];
      if (value === undefined) continue;
      const name = familiarRepository(reference);
      groups.set(name, [...(groups.get(name) ?? []), value]);
    } catch {
      // A name that no registry could have is not shown.
    }
  }
  return groups;
}

/** Columns of `images`. `now` in milliseconds. */
export function imageListing(truncate: boolean, now: number): Listing<ImageRow> {
  return {
    typeName: '*formatter.imageContext',
    headings: {
      ID: 'IMAGE ID',
      Repository: 'REPOSITORY',
      Tag: 'TAG',
      Digest: 'DIGEST',
      CreatedSince: 'CREATED',
      CreatedAt: 'CREATED AT',
      Size: 'SIZE',
      Containers: 'CONTAINERS',
      VirtualSize: 'SIZE',
      SharedSize: 'SHARED SIZE',
      UniqueSize: 'UNIQUE SIZE',
    },
    columns: {
      ID: ({ image }) => (truncate ? shortId(image.Id) : image.Id),
      Repository: ({ repository }) => repository,
      Tag: ({ tag }) => tag,
      Digest: ({ digest }) => digest,
      CreatedSince: ({ image }) => `${humanDuration(now - image.Created * 1000)} ago`,
      CreatedAt: ({ image }) => formatLocalTime(image.Created),
      Size: ({ image }) => humanSize(image.Size, 3),
      Containers: ({ image }) => countText(image.Containers),
      VirtualSize: ({ image }) => humanSize(image.Size),
      SharedSize: ({ image }) => (image.SharedSize === -1 ? 'N/A' : humanSize(image.SharedSize)),
      UniqueSize: ({ image }) =>
        image.Size === -1 || image.SharedSize === -1 ? 'N/A' : humanSize(image.Size - image.SharedSize),
    },
  };
}

function countText(count: number | undefined): string {
  return count === -1 ? 'N/A' : String(count ?? 0);
}
