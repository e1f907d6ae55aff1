import { defineCommand } from '../command.ts';
import { flag } from '../flag.ts';
import { bool, bytes, filter } from '../flag-types.ts';
import { prunedBuildCache, runPrunes, withConfiguredFilters } from '../pruning.ts';

export const command = defineCommand({
  flags: {
    all: flag(bool(), 'a', 'Remove all that no build uses now, not only what no image has'),
    filter: flag(filter, '', 'Remove only what meets conditions (such as "until=24h")'),
    force: flag(bool(), 'f', 'Do not ask first'),
    'keep-storage': flag(bytes, '', 'Keep so much of the cache, used last'),
  },
  args: { atMost: 0 },
  async run({ options, session }) {
    const { all, force } = options;
    const warning = `WARNING! This will remove all ${all ? '' : 'dangling '}build cache.`;
    const filters = withConfiguredFilters(options.filter, session.config.pruneFilters);
    const keepStorage = options['keep-storage'] || undefined;
    await runPrunes(session, { warning, force, separator: ' ' }, [
      (client) => prunedBuildCache(client, filters, { all, keepStorage }),
    ]);
  },
});
