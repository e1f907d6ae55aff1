import { listVolumeSnapshots } from '../../client/volume-contents.ts';
import type { VolumeSnapshot } from '../../wire/volume-types.ts';
import { defineCommand } from '../command.ts';
import { flag } from '../flag.ts';
import { text } from '../flag-types.ts';
import { type Listing, renderListing } from '../format/listing.ts';
import { formatUsage } from '../format-usage.ts';

export const command = defineCommand({
  flags: { format: flag(text(), '', formatUsage('list')) },
  args: { exactly: 1 },
  async run({ args: [volume = ''], options: { format }, session }) {
    const snapshots = await listVolumeSnapshots(await session.client(), volume);
    const isTable = format === '' || format === 'table';
    const form = isTable ? { table: ['Name', 'CreatedAt'] } : { template: format };
    session.io.out(await renderListing(snapshotListing, snapshots, form));
  },
});

const snapshotListing: Listing<VolumeSnapshot> = {
  typeName: '*volume.snapshotContext',
  headings: { Name: 'SNAPSHOT', CreatedAt: 'CREATED AT' },
  columns: { Name: ({ Name }) => Name, CreatedAt: ({ CreatedAt }) => CreatedAt },
};
