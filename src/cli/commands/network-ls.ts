import { listNetworks } from '../../client/networks.ts';
import type { NetworkInspect } from '../../wire/network-types.ts';
import type { TypeOf } from '../../wire/schema.ts';
import { defineCommand } from '../command.ts';
import { flag } from '../flag.ts';
import { bool, filter, text } from '../flag-types.ts';
import { shortId } from '../format/ellipsis.ts';
import { type ListFormat, type Listing, renderListing } from '../format/listing.ts';
import { compareNaturally } from '../format/natural-order.ts';
import { formatGoTime } from '../format/time.ts';
import { formatUsage } from '../format-usage.ts';
import { labelText } from '../listings/labels.ts';

type Network = TypeOf<typeof NetworkInspect>;

export const command = defineCommand({
  flags: {
    filter: flag(filter, 'f', 'List only those that meet conditions'),
    format: flag(text(), '', formatUsage('list')),
    'no-trunc': flag(bool(), '', 'Show values in full length'),
    quiet: flag(bool(), 'q', 'Show only IDs'),
  },
  args: { atMost: 0 },
  async run({ options, session }) {
    const { filter: filters, quiet } = options;
    const networks = await listNetworks(
      await session.client(),
      Object.keys(filters).length === 0 ? undefined : filters,
    );
    networks.sort((left, right) => compareNaturally(left.Name, right.Name));
    const configured = quiet ? '' : session.config.networksFormat;
    const format = listFormat(options.format || configured || 'table', quiet);
    session.io.out(await renderListing(networkListing(!options['no-trunc']), networks, format));
  },
});

function listFormat(format: string, quiet: boolean): ListFormat {
  if (format === 'raw') {
    const all = 'network_id: {{.ID}}\\nname: {{.Name}}\\ndriver: {{.Driver}}\\nscope: {{.Scope}}\\n';
    return { template: quiet ? 'network_id: {{.ID}}' : all };
  }
  if (format !== 'table') return { template: format };
  return quiet ? { template: '{{.ID}}' } : { table: ['ID', 'Name', 'Driver', 'Scope'] };
}

function networkListing(truncate: boolean): Listing<Network> {
  return {
    typeName: '*network.networkContext',
    headings: {
      ID: 'NETWORK ID',
      Name: 'NAME',
      Driver: 'DRIVER',
      Scope: 'SCOPE',
      IPv4: 'IPV4',
      IPv6: 'IPV6',
      Internal: 'INTERNAL',
      Labels: 'LABELS',
      CreatedAt: 'CREATED AT',
    },
    columns: {
      ID: ({ Id }) => (truncate ? shortId(Id) : Id),
      Name: ({ Name }) => Name,
      Driver: ({ Driver }) => Driver,
      Scope: ({ Scope }) => Scope,
      IPv4: ({ EnableIPv4 = false }) => String(EnableIPv4),
      IPv6: ({ EnableIPv6 }) => String(EnableIPv6),
      Internal: ({ Internal }) => String(Internal),
      Labels: ({ Labels }) => labelText(Labels),
      CreatedAt: ({ Created }) => formatGoTime(Created),
    },
    labels: ({ Labels }) => Labels,
  };
}
