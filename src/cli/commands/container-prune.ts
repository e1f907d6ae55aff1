import { defineCommand } from '../command.ts';
import { flag } from '../flag.ts';
import { bool, filter } from '../flag-types.ts';
import { prunedContainers, runPrunes, withConfiguredFilters } from '../pruning.ts';

const warning = 'WARNING! This will remove all stopped containers.';

export const command = defineCommand({
  flags: {
    filter: flag(filter, '', 'Remove only those that meet conditions (such as "until=<time>")'),
    force: flag(bool(), 'f', 'Do not ask first'),
  },
  args: { atMost: 0 },
  async run({ options, session }) {
    const filters = withConfiguredFilters(options.filter, session.config.pruneFilters);
    await runPrunes(session, { warning, force: options.force }, [
      (client) => prunedContainers(client, filters),
    ]);
  },
});
