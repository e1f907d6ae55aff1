import { messageOf } from '../../base/errors.ts';
import { listContainers } from '../../client/containers.ts';
import type { ContainerSummary } from '../../wire/container-types.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { bool, filter, integer, text } from '../flag-types.ts';
import { type ListFormat, renderListing, rowStructs } from '../format/listing.ts';
import { formatUsage } from '../format-usage.ts';
import { containerListing } from '../listings/containers.ts';

export const command = defineCommand({
  flags: {
    all: flag(bool(), 'a', 'List stopped containers too'),
    filter: flag(filter, 'f', 'List only those that meet conditions'),
    format: flag(text(), '', formatUsage('list')),
    last: flag(integer(-1), 'n', 'List the last n made, in any state'),
    latest: flag(bool(), 'l', 'List the last one made, in any state'),
    'no-trunc': flag(bool(), '', 'Show values in full length'),
    quiet: flag(bool(), 'q', 'Show only IDs'),
    size: flag(bool(), 's', 'Show how large their files are'),
  },
  args: { atMost: 0 },
  async run({ changed, options, session }) {
    const { all, filter: filters, last, latest, quiet } = options;
    if (options.format !== '' && quiet) {
      session.io.err('WARNING: Ignoring custom format, because both --format and --quiet are set.\n');
    }
    const format = options.format || session.config.psFormat;
    const size = options.size || (!changed('size') && !quiet && (await usesSize(format)));
    const containers = await listContainers(await session.client(), {
      all,
      limit: latest && last === -1 ? 1 : last,
      size,
      filters: Object.keys(filters).length === 0 ? undefined : filters,
    });
    const listing = containerListing(!options['no-trunc'], Date.now());
    session.io.out(await renderListing(listing, containers, listFormat(format, quiet, size)));
  },
});

const defaultColumns = ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names'];

const rawFormat = `container_id: {{.ID}}
image: {{.Image}}
command: {{.Command}}
created_at: {{.CreatedAt}}
state: {{- pad .State 1 0}}
status: {{- pad .Status 1 0}}
names: {{.Names}}
labels: {{- pad .Labels 1 0}}
ports: {{- pad .Ports 1 0}}
`;

function listFormat(format: string, quiet: boolean, size: boolean): ListFormat {
  if (format === 'raw') {
    if (quiet) return { template: 'container_id: {{.ID}}' };
    return { template: size ? `${rawFormat}size: {{.Size}}\n` : rawFormat };
  }
  if (quiet) return { template: '{{.ID}}' };
  if (format !== '' && format !== 'table') return { template: format };
  return { table: size ? [...defaultColumns, 'Size'] : defaultColumns };
}

const emptyContainer: ContainerSummary = {
  Id: '',
  Names: [],
  Image: '',
  ImageID: '',
  Command: '',
  Created: 0,
  Ports: [],
  Labels: {},
  State: '',
  Status: '',
  HostConfig: {},
  NetworkSettings: { Networks: {} },
  Mounts: [],
};

/** Sizes cost the daemon work, so they are asked for only if the template names them: it is tried on an empty container first. */
async function usesSize(format: string): Promise<boolean> {
  if (format === '' || format === 'table' || format === 'raw' || format === 'json') return false;
  const { Template } = await import('../template/template.ts');
  const listing = containerListing(true, Date.now());
  let isUsed = false;
  const watching = {
    ...listing,
    columns: {
      ...listing.columns,
      Size: () => {
        isUsed = true;
        return '';
      },
    },
  };
  const structOf = await rowStructs(watching);
  const parsed = attempt('failed to parse template', () => Template.parse(format));
  attempt('failed to execute template', () => parsed.execute(structOf(emptyContainer)));
  return isUsed;
}

function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (reason) {
    throw new CommandError(`${what}: ${messageOf(reason)}`);
  }
}
