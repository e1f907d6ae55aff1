import { containerChanges } from '../../client/container-files.ts';
import { defineCommand } from '../command.ts';

/** By the API's number of each kind of change: modified, added, deleted. */
const letters = ['C', 'A', 'D'];

export const command = defineCommand({
  flags: {},
  args: { exactly: 1 },
  long: () => `Show which files of a container differ from its image

A stands before what was added, C before what was changed, and D before
what was deleted.`,
  async run({ args, session }) {
    const changes = await containerChanges(await session.client(), args[0] ?? '');
    session.io.out(changes.map(({ Kind, Path }) => `${letters[Kind] ?? '?'} ${Path}\n`).join(''));
  },
});
