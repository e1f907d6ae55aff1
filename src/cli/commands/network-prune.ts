import { defineCommand } from '../command.ts';
import { confirm } from '../confirm.ts';
import { flag } from '../flag.ts';
import { bool, filter } from '../flag-types.ts';
import { prunedNetworks, withConfiguredFilters } from '../pruning.ts';

export const command = defineCommand({
  flags: {
    filter: flag(filter, '', 'Remove only those that meet conditions (such as "until=<timestamp>")'),
    force: flag(bool(), 'f', 'Do not ask first'),
  },
  args: { atMost: 0 },
  async run({ options, session }) {
    const filters = withConfiguredFilters(options.filter, session.config.pruneFilters);
    const question =
      'WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue?';
    if (!options.force && !(await confirm(session.io, question))) return;
    const { text } = await prunedNetworks(await session.client(), filters);
    session.io.out(text);
  },
});
