import { messageOf } from '../../base/errors.ts';
import { familiarRepository, parseReference } from '../../oci/reference.ts';
import type { DiskUsage } from '../../wire/disk-usage-types.ts';
import type { ImageSummary } from '../../wire/image-types.ts';
import { humanSize } from '../../wire/sizes.ts';
import { CommandError } from '../command-error.ts';
import { type Listing, renderListing, rowStructs } from '../format/listing.ts';
import { cacheListing } from '../listings/build-cache.ts';
import { containerListing } from '../listings/containers.ts';
import { type ImageRow, imageListing } from '../listings/images.ts';
import { volumeListing } from '../listings/volumes.ts';
import type { Template as TemplateType } from '../template/template.ts';

/** `system df --verbose`: all objects, kind by kind. */

interface Details {
  readonly images: readonly ImageRow[];
  readonly containers: NonNullable<DiskUsage['Containers']>;
  readonly volumes: NonNullable<DiskUsage['Volumes']>;
  readonly cache: NonNullable<DiskUsage['BuildCache']>;
}

function detailsOf({ Images, Containers, Volumes, BuildCache }: DiskUsage): Details {
  return {
    images: (Images ?? []).map(imageRow),
    // The size of the root filesystem is the image's.
    containers: (Containers ?? []).map((one) => ({ ...one, SizeRootFs: 0 })),
    volumes: Volumes ?? [],
    cache: BuildCache ?? [],
  };
}

const NONE = '<none>';

/** One line for each image, under its first name. */
function imageRow(image: ImageSummary): ImageRow {
  const [name] = image.RepoTags ?? [];
  const unnamed = { image, repository: NONE, tag: NONE, digest: '' };
  if (name === undefined || name.startsWith(NONE)) return unnamed;
  try {
    const reference = parseReference(name);
    return { ...unnamed, repository: familiarRepository(reference), tag: reference.tag ?? NONE };
  } catch {
    return unnamed;
  }
}

/** `now` in milliseconds. */
export async function detailTables(usage: DiskUsage, now: number): Promise<string> {
  const { images, containers, volumes, cache } = detailsOf(usage);
  const imageColumns = [
    'Repository',
    'Tag',
    'ID',
    'CreatedSince',
    'Size',
    'SharedSize',
    'UniqueSize',
    'Containers',
  ];
  const containerColumns = [
    'ID',
    'Image',
    'Command',
    'LocalVolumes',
    'Size',
    'RunningFor',
    'Status',
    'Names',
  ];
  const cacheColumns = ['ID', 'CacheType', 'Size', 'CreatedSince', 'LastUsedSince', 'UsageCount', 'Shared'];
  const cacheSize = cache.reduce((sum, { Shared, Size }) => sum + (Shared ? 0 : Size), 0);
  return [
    `Images space usage:\n\n${await renderListing(imageListing(true, now), images, { table: imageColumns })}`,
    `Containers space usage:\n\n${await renderListing(containerListing(true, now), containers, { table: containerColumns })}`,
    `Local Volumes space usage:\n\n${await renderListing(volumeListing, volumes, { table: ['Name', 'Links', 'Size'] })}`,
    `Build cache usage: ${humanSize(cacheSize)}\n\n${await renderListing(cacheListing(true, now), cache, { table: cacheColumns })}`,
  ].join('\n');
}

/** All objects as one value of the template: .Images, .Containers, .Volumes, .BuildCache. */
export async function detailTemplate(usage: DiskUsage, format: string, now: number): Promise<string> {
  const { Template } = await import('../template/template.ts');
  const { Struct } = await import('../template/values.ts');
  const { images, containers, volumes, cache } = detailsOf(usage);
  const context = new Struct('*formatter.diskUsageContext', [
    ['Images', await structsOf(imageListing(false, now), images)],
    ['Containers', await structsOf(containerListing(false, now), containers)],
    ['Volumes', await structsOf(volumeListing, volumes)],
    ['BuildCache', await structsOf(cacheListing(false, now), cache)],
  ]);
  let template: TemplateType;
  try {
    template = Template.parse(
      format === 'json' ? '{{json .}}' : format.replaceAll('\\t', '\t').replaceAll('\\n', '\n'),
    );
  } catch (reason) {
    throw new CommandError(`template parsing error: ${messageOf(reason)}`);
  }
  return template.execute(context);
}

async function structsOf<Row>(listing: Listing<Row>, rows: readonly Row[]): Promise<readonly unknown[]> {
  return rows.map(await rowStructs(listing));
}
