import { defineCommand } from '../command.ts';
import { flag } from '../flag.ts';
import { bool, filter } from '../flag-types.ts';
import { prunedImages, runPrunes, withConfiguredFilters } from '../pruning.ts';

export const command = defineCommand({
  flags: {
    all: flag(bool(), 'a', 'Remove all images that no container uses, not only unnamed ones'),
    filter: flag(filter, '', 'Remove only those that meet conditions (such as "until=<time>")'),
    force: flag(bool(), 'f', 'Do not ask first'),
  },
  args: { atMost: 0 },
  async run({ options, session }) {
    const { all, force } = options;
    const which = all ? 'images without at least one container associated to them' : 'dangling images';
    const warning = `WARNING! This will remove all ${which}.`;
    const filters = withConfiguredFilters(options.filter, session.config.pruneFilters);
    await runPrunes(session, { warning, force }, [(client) => prunedImages(client, filters, all)]);
  },
});
