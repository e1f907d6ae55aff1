import { removeContainer } from '../../client/containers.ts';
import { isNotFound } from '../../client/errors.ts';
import { defineCommand } from '../command.ts';
import { flag } from '../flag.ts';
import { bool } from '../flag-types.ts';
import { doToEach } from './each.ts';

export const command = defineCommand({
  flags: {
    force: flag(bool(), 'f', 'Kill the container with SIGKILL if it runs'),
    link: flag(bool(), 'l', 'Remove the link, not the container'),
    volumes: flag(bool(), 'v', "Remove the container's anonymous volumes too"),
  },
  args: { atLeast: 1 },
  async run({ args, options, session }) {
    const client = await session.client();
    const remove = async (given: string): Promise<void> => {
      const id = given.replace(/^\/+|\/+$/g, '');
      if (id === '') throw new Error('container name cannot be empty');
      await removeContainer(client, id, options);
    };
    await doToEach(session, args, remove, (reason) => options.force && isNotFound(reason));
  },
});
