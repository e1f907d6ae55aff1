import type { Client } from '../../client/client.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { bool, type Filters, filter } from '../flag-types.ts';
import {
  type Pruned,
  prunedBuildCache,
  prunedContainers,
  prunedImages,
  prunedNetworks,
  prunedVolumes,
  runPrunes,
  withConfiguredFilters,
} from '../pruning.ts';

export const command = defineCommand({
  flags: {
    all: flag(bool(), 'a', 'Remove all images that no container uses, not only unnamed ones'),
    filter: flag(filter, '', 'Remove only those that meet conditions (such as "label=<key>=<value>")'),
    force: flag(bool(), 'f', 'Do not ask first'),
    volumes: flag(bool(), '', 'Remove unnamed volumes too'),
  },
  args: { atMost: 0 },
  async run({ options, session }) {
    const { all, force, volumes } = options;
    const filters = withConfiguredFilters(options.filter, session.config.pruneFilters);
    if (volumes && filters['until'] !== undefined) {
      throw new CommandError('ERROR: The "until" filter is not supported with "--volumes"');
    }
    const prunes: ((client: Client) => Promise<Pruned>)[] = [
      (client) => prunedContainers(client, filters),
      (client) => prunedNetworks(client, filters),
    ];
    if (volumes) prunes.push((client) => prunedVolumes(client, filters));
    prunes.push((client) => prunedImages(client, filters, all));
    prunes.push((client) => prunedBuildCache(client, filters, { all }));
    await runPrunes(session, { warning: warningOf(all, volumes, filters), force }, prunes);
  },
});

function warningOf(all: boolean, volumes: boolean, filters: Filters): string {
  const volumeLine = volumes ? ['all anonymous volumes not used by at least one container'] : [];
  const kinds = [
    'all stopped containers',
    'all networks not used by at least one container',
    ...volumeLine,
    all ? 'all images without at least one container associated to them' : 'all dangling images',
    all ? 'all build cache' : 'unused build cache',
  ];
  const conditions = Object.entries(filters).flatMap(([key, values]) =>
    Object.keys(values).map((value) => `${key}=${value}`),
  );
  const filtered =
    conditions.length === 0
      ? ''
      : `\n  Items to be pruned will be filtered with:\n${itemList(conditions.sort())}`;
  return `WARNING! This will remove:\n${itemList(kinds)}${filtered}`;
}

function itemList(items: readonly string[]): string {
  return items.map((item) => `  - ${item}\n`).join('');
}
