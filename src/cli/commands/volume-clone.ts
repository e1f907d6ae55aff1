import { cloneVolume } from '../../client/volume-contents.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  flags: {},
  args: { exactly: 2 },
  long: () => `Make a new volume with the content, labels and options of another

Files share their blocks with the originals where the filesystem can.`,
  async run({ args: [volume = '', name = ''], session }) {
    const { Name } = await cloneVolume(await session.client(), volume, name);
    session.io.out(`${Name}\n`);
  },
});
