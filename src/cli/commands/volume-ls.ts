import { listVolumes } from '../../client/volumes.ts';
import type { TypeOf } from '../../wire/schema.ts';
import { humanSize } from '../../wire/sizes.ts';
import type { Volume } from '../../wire/volume-types.ts';
import { defineCommand } from '../command.ts';
import { flag } from '../flag.ts';
import { bool, filter, text } from '../flag-types.ts';
import { type ListFormat, type Listing, renderListing } from '../format/listing.ts';
import { compareNaturally } from '../format/natural-order.ts';
import { formatUsage } from '../format-usage.ts';
import { labelText } from '../listings/labels.ts';

type VolumeItem = TypeOf<typeof Volume>;

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
    const format = listFormat(options.format || configured || 'table', quiet);
    session.io.out(await renderListing(volumeListing, volumes, format));
  },
});

function listFormat(format: string, quiet: boolean): ListFormat {
  if (format === 'raw')
    return { template: quiet ? 'name: {{.Name}}' : 'name: {{.Name}}\\ndriver: {{.Driver}}\\n' };
  if (format !== 'table') return { template: format };
  return quiet ? { template: '{{.Name}}' } : { table: ['Driver', 'Name'] };
}

const notKnown = (): string => 'N/A';

const volumeListing: Listing<VolumeItem> = {
  typeName: '*formatter.volumeContext',
  headings: {
    Name: 'VOLUME NAME',
    Group: 'GROUP',
    Driver: 'DRIVER',
    Scope: 'SCOPE',
    Availability: 'AVAILABILITY',
    Mountpoint: 'MOUNTPOINT',
    Labels: 'LABELS',
    Links: 'LINKS',
    Size: 'SIZE',
    Status: 'STATUS',
  },
  columns: {
    Name: ({ Name }) => Name,
    Driver: ({ Driver }) => Driver,
    Scope: ({ Scope }) => Scope,
    Mountpoint: ({ Mountpoint }) => Mountpoint,
    Labels: ({ Labels }) => labelText(Labels),
    Links: ({ UsageData }) => (UsageData ? String(UsageData.RefCount) : 'N/A'),
    Size: ({ UsageData }) => (UsageData ? humanSize(UsageData.Size) : 'N/A'),
    Group: notKnown,
    Availability: notKnown,
    Status: notKnown,
  },
  labels: ({ Labels }) => Labels,
};
