import { renameVolume } from '../../client/volume-contents.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  flags: {},
  args: { exactly: 2 },
  long: () => 'Give a volume that no container has another name',
  async run({ args: [volume = '', name = ''], session }) {
    await renameVolume(await session.client(), volume, name);
  },
});
