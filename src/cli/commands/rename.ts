import { renameContainer } from '../../client/containers.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { messageOfFailure } from '../failure.ts';

export const command = defineCommand({
  flags: {},
  args: { exactly: 2 },
  async run({ args, session }) {
    const [from = '', to = ''] = args.map((name) => name.trim());
    if (from === '' || to === '') throw new CommandError('Error: Neither old nor new names may be empty');
    const client = await session.client();
    try {
      await renameContainer(client, from, to);
    } catch (reason) {
      const message = messageOfFailure(reason, session.address.host);
      throw new CommandError(`${message}\nError: failed to rename container named ${from}`);
    }
  },
});
