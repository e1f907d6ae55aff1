import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { bool, filter } from '../flag-types.ts';
import { prunedVolumes, runPrunes, withConfiguredFilters } from '../pruning.ts';

export const command = defineCommand({
  flags: {
    all: flag(bool(), 'a', 'Remove all volumes that no container uses, not only unnamed ones'),
    filter: flag(filter, '', 'Remove only those that meet conditions (such as "label=<label>")'),
    force: flag(bool(), 'f', 'Do not ask first'),
  },
  args: { atMost: 0 },
  async run({ options, session }) {
    const { all, force } = options;
    const configured = withConfiguredFilters(options.filter, session.config.pruneFilters);
    if (all && configured['all'] !== undefined) {
      throw new CommandError('conflicting options: cannot specify both --all and --filter all=1');
    }
    const filters = all ? { ...configured, all: { true: true } } : configured;
    const which = all ? 'all' : 'anonymous';
    const warning = `WARNING! This will remove ${which} local volumes not used by at least one container.`;
    await runPrunes(session, { warning, force }, [(client) => prunedVolumes(client, filters)]);
  },
});
