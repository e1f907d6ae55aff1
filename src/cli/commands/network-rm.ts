import { isNotFound } from '../../client/errors.ts';
import { inspectNetworkText, removeNetwork } from '../../client/networks.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { messageOfFailure } from '../failure.ts';
import { flag } from '../flag.ts';
import { bool } from '../flag-types.ts';

export const command = defineCommand({
  flags: { force: flag(bool(), 'f', 'Do not mind if it does not exist') },
  args: { atLeast: 1 },
  async run({ args, options, session }) {
    const client = await session.client();
    let failed = false;
    for (const name of args) {
      try {
        // Docker's clients look first, for networks of a swarm that want a question asked.
        await inspectNetworkText(client, name).catch(() => '');
        await removeNetwork(client, name);
        session.io.out(`${name}\n`);
      } catch (reason) {
        if (options.force && isNotFound(reason)) continue;
        session.io.err(`${messageOfFailure(reason, session.address.host)}\n`);
        failed = true;
      }
    }
    if (failed) throw new CommandError('exit status 1');
  },
});
