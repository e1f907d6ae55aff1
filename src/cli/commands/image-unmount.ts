import { listImageMounts, unmountImage } from '../../client/image-contents.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { bool } from '../flag-types.ts';
import { doToEach } from './each.ts';

export const command = defineCommand({
  flags: { all: flag(bool(), 'a', 'All images that are mounted') },
  args: { atLeast: 0 },
  async run({ args, options, session }) {
    if (options.all !== (args.length === 0)) {
      throw new CommandError('name the images to unmount, or all of them with --all');
    }
    const client = await session.client();
    const names = options.all ? (await listImageMounts(client)).map(({ Id }) => Id) : args;
    await doToEach(session, names, async (name) => {
      if (!(await unmountImage(client, name))) throw new Error(`image ${name} is not mounted`);
    });
  },
});
