import { removeVolume } from '../../client/volumes.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { messageOfFailure } from '../failure.ts';
import { flag } from '../flag.ts';
import { bool } from '../flag-types.ts';

export const command = defineCommand({
  flags: { force: flag(bool(), 'f', 'Remove it also where its driver no longer has it') },
  args: { atLeast: 1 },
  async run({ args, options, session }) {
    const client = await session.client();
    const failures: string[] = [];
    for (const name of args) {
      try {
        await removeVolume(client, name, options.force);
        session.io.out(`${name}\n`);
      } catch (reason) {
        failures.push(messageOfFailure(reason, session.address.host));
      }
    }
    if (failures.length > 0) throw new CommandError(failures.join('\n'));
  },
});
