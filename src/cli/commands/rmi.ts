import { isNotFound } from '../../client/errors.ts';
import { removeImage } from '../../client/images.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { messageOfFailure } from '../failure.ts';
import { flag } from '../flag.ts';
import { bool, strings } from '../flag-types.ts';
import { platformOf } from '../platform.ts';

export const command = defineCommand({
  flags: {
    force: flag(bool(), 'f', 'Remove it also where it is used or has several names'),
    'no-prune': flag(bool(), '', 'Leave its unnamed parents'),
    platform: flag(strings, '', 'Remove only this platform (os[/arch[/variant]])'),
  },
  args: { atLeast: 1 },
  async run({ args, options, session }) {
    const platforms = options.platform.map((one) => platformOf(one));
    const client = await session.client();
    const failures: string[] = [];
    let onlyMissing = true;
    for (const name of args) {
      try {
        const removed = await removeImage(client, name, {
          force: options.force,
          noPrune: options['no-prune'],
          platforms,
        });
        for (const { Deleted, Untagged } of removed) {
          session.io.out(Deleted ? `Deleted: ${Deleted}\n` : `Untagged: ${Untagged}\n`);
        }
      } catch (reason) {
        onlyMissing &&= isNotFound(reason);
        failures.push(messageOfFailure(reason, session.address.host));
      }
    }
    if (failures.length === 0) return;
    if (!options.force || !onlyMissing) throw new CommandError(failures.join('\n'));
    session.io.err(`${failures.join('\n')}\n`);
  },
});
