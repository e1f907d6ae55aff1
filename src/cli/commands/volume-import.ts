import { importVolume } from '../../client/volume-contents.ts';
import { defineCommand } from '../command.ts';
import { openInput } from '../file-input.ts';

export const command = defineCommand({
  flags: {},
  args: { atLeast: 1, atMost: 2 },
  long: () => `Fill a new or an empty volume from a tar archive, in any compression

The archive is read from a file, or from standard input.`,
  async run({ args: [volume = '', file = '-'], session }) {
    const archive = file === '-' ? session.io.stdin() : openInput(file);
    const { Name } = await importVolume(await session.client(), volume, archive);
    session.io.out(`${Name}\n`);
  },
});
