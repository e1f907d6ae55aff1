import { listVolumes } from '../../client/volumes.ts';
import { defineCommand } from '../command.ts';
import { flag } from '../flag.ts';
import { bool, filter, text } from '../flag-types.ts';
import { type ListFormat, renderListing } from '../format/listing.ts';
import { compareNaturally } from '../format/natural-order.ts';
import { formatUsage } from '../format-usage.ts';
import { volumeListing } from '../listings/volumes.ts';

export const command = defineCommand({
  flags: {
    cluster: flag(bool(), '', 'List only volumes of a cluster', { hidden: true }),
    filter: flag(filter, 'f', 'List only those that meet conditions'),
    format: flag(text(), '', formatUsage('list')),
    quiet: flag(bool(), 'q', 'Show only names'),
  },
  args: { atMost: 0 },
  async run({ options, session }) {
    const { cluster, filter: filters, quiet } = options;
    const { Volumes } = await listVolumes(
      await session.client(),
      Object.keys(filters).length === 0 ? undefined : filters,
    );
    const volumes = cluster ? [] : (Volumes ?? []);
    volumes.sort((left, right) => compareNaturally(left.Name, right.Name));
    const configured = quiet ? '' : session.config.volumesFormat;
    const format = listFormat(options.format || configured || 'table', quiet, cluster);
    session.io.out(await renderListing(volumeListing, volumes, format));
  },
});

const clusterColumns = ['Name', 'Group', 'Driver', 'Availability', 'Status'];

function listFormat(format: string, quiet: boolean, cluster: boolean): ListFormat {
  if (format === 'raw')
    return { template: quiet ? 'name: {{.Name}}' : 'name: {{.Name}}\\ndriver: {{.Driver}}\\n' };
  if (format !== 'table') return { template: format };
  if (quiet) return { template: '{{.Name}}' };
  return { table: cluster ? clusterColumns : ['Driver', 'Name'] };
}
