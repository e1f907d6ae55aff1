import { removeVolumeSnapshot, snapshotVolume } from '../../client/volume-contents.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { bool } from '../flag-types.ts';

export const command = defineCommand({
  flags: { rm: flag(bool(), '', 'Remove a copy instead') },
  args: { atLeast: 1, atMost: 2 },
  long: () => `Keep a read-only copy of what is in a volume beside it, and print its name

Without a name it is called by the time. Copies go with their volume.`,
  async run({ args: [volume = '', snapshot = ''], options, session }) {
    if (options.rm && snapshot === '') throw new CommandError('--rm needs the name of a snapshot');
    const client = await session.client();
    if (options.rm) await removeVolumeSnapshot(client, volume, snapshot);
    const { Name } = options.rm ? { Name: snapshot } : await snapshotVolume(client, volume, snapshot);
    session.io.out(`${Name}\n`);
  },
});
