import { importCacheMount } from '../../client/cache-mounts.ts';
import { defineCommand } from '../command.ts';
import { openInput } from '../file-input.ts';

export const command = defineCommand({
  flags: {},
  args: { atLeast: 1, atMost: 2 },
  long: () => `Fill a cache mount from a tar archive, in any compression

What was in the mount goes; one that is not there is made. The mount is named as in the Dockerfile, by its id or else its target.
The archive is read from a file, or from standard input.`,
  async run({ args: [mount = '', file = '-'], session }) {
    const archive = file === '-' ? session.io.stdin() : openInput(file);
    const { ID } = await importCacheMount(await session.client(), mount, archive);
    session.io.out(`${ID}\n`);
  },
});
