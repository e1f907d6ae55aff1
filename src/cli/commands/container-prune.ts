import { pruneContainers } from '../../client/containers.ts';
import { humanSize } from '../../wire/sizes.ts';
import { defineCommand } from '../command.ts';
import { confirm } from '../confirm.ts';
import { flag } from '../flag.ts';
import { bool, filter } from '../flag-types.ts';

const QUESTION = 'WARNING! This will remove all stopped containers.\nAre you sure you want to continue?';

export const command = defineCommand({
  flags: {
    filter: flag(filter, '', 'Remove only those that meet conditions (such as "until=<time>")'),
    force: flag(bool(), 'f', 'Do not ask first'),
  },
  args: { atMost: 0 },
  async run({ options, session }) {
    const client = await session.client();
    if (!options.force && !(await confirm(session.io, QUESTION))) return;
    const { ContainersDeleted, SpaceReclaimed } = await pruneContainers(client, options.filter);
    const removed = ContainersDeleted ?? [];
    if (removed.length > 0) {
      session.io.out(`Deleted Containers:\n${removed.map((id) => `${id}\n`).join('')}\n`);
    }
    session.io.out(`Total reclaimed space: ${humanSize(removed.length > 0 ? SpaceReclaimed : 0)}\n`);
  },
});
