import { restoreVolume } from '../../client/volume-contents.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  flags: {},
  args: { exactly: 2 },
  long: () => `Put a copy that is kept beside a volume in the place of what is in it

What was in the volume is lost. No container that has it may run.`,
  async run({ args: [volume = '', snapshot = ''], session }) {
    await restoreVolume(await session.client(), volume, snapshot);
  },
});
