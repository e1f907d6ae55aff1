import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { text } from '../flag-types.ts';
import { findVolume } from '../inspect-finders.ts';

export const command = defineCommand({
  flags: {
    availability: flag(
      text('active'),
      '',
      'Availability of the volume in a cluster ("active", "pause", "drain")',
    ),
  },
  args: { exactly: 1 },
  async run({ args, session }) {
    await findVolume(await session.client(), args[0] ?? '');
    throw new CommandError('can only update cluster volumes');
  },
});
