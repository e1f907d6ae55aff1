import { diskUsage } from '../../client/system.ts';
import { defineCommand } from '../command.ts';
import { kindFormat, kindListing, kindRows } from '../disk-usage/kinds.ts';
import { flag } from '../flag.ts';
import { bool, text } from '../flag-types.ts';
import { renderListing } from '../format/listing.ts';
import { formatUsage } from '../format-usage.ts';

export const command = defineCommand({
  flags: {
    format: flag(text(), '', formatUsage('list')),
    verbose: flag(bool(), 'v', 'List the images, containers, volumes and cache records one by one'),
  },
  args: { atMost: 0 },
  long: () => `Show how much of the disk is used, and how much of it could be freed

RECLAIMABLE counts what no container uses, and of images also what is left
of pulls that were given up.`,
  async run({ options, session }) {
    const { format, verbose } = options;
    const usage = await diskUsage(await session.client());
    if (!verbose) {
      session.io.out(await renderListing(kindListing, kindRows(usage), kindFormat(format)));
      return;
    }
    const { detailTables, detailTemplate } = await import('../disk-usage/details.ts');
    const isTable = format === '' || format === 'table';
    const now = Date.now();
    session.io.out(isTable ? await detailTables(usage, now) : await detailTemplate(usage, format, now));
  },
});
