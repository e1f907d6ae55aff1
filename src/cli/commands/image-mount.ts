import type { Client } from '../../client/client.ts';
import { listImageMounts, mountImage } from '../../client/image-contents.ts';
import { listImages } from '../../client/images.ts';
import { defineCommand } from '../command.ts';
import { flag } from '../flag.ts';
import { bool, text } from '../flag-types.ts';
import { shortId } from '../format/ellipsis.ts';
import { type Listing, renderListing } from '../format/listing.ts';
import { formatUsage } from '../format-usage.ts';

export const command = defineCommand({
  flags: {
    format: flag(text(), '', formatUsage('list')),
    'no-trunc': flag(bool(), '', 'Show values in full length'),
  },
  args: { atMost: 1 },
  long: () => `Mount a read-only view of an image on the daemon's host, and print its path

An image is mounted once, however often it is asked for. Without an image,
those that are mounted are listed.`,
  async run({ args, options, session }) {
    const client = await session.client();
    const [image] = args;
    if (image !== undefined) {
      const { Path } = await mountImage(client, image);
      session.io.out(`${Path}\n`);
      return;
    }
    const rows = await mountRows(client);
    const { format } = options;
    const isTable = format === '' || format === 'table';
    const listing = mountListing(!options['no-trunc']);
    session.io.out(
      await renderListing(listing, rows, isTable ? { table: ['ID', 'Names', 'Path'] } : { template: format }),
    );
  },
});

interface MountRow {
  readonly id: string;
  readonly names: readonly string[];
  readonly path: string;
}

async function mountRows(client: Client): Promise<readonly MountRow[]> {
  const mounts = await listImageMounts(client);
  if (mounts.length === 0) return [];
  const images = await listImages(client, { all: true });
  const names = new Map(images.map(({ Id, RepoTags }) => [Id, RepoTags ?? []]));
  return mounts.map(({ Id, Path }) => ({ id: Id, names: names.get(Id) ?? [], path: Path }));
}

function mountListing(truncate: boolean): Listing<MountRow> {
  return {
    typeName: '*image.mountContext',
    headings: { ID: 'IMAGE ID', Names: 'NAMES', Path: 'PATH' },
    columns: {
      ID: ({ id }) => (truncate ? shortId(id) : id),
      Names: ({ names }) => (names.length === 0 ? '<none>' : names.join(',')),
      Path: ({ path }) => path,
    },
  };
}
