import { pauseContainer } from '../../client/containers.ts';
import { defineCommand } from '../command.ts';
import { doToEach } from './each.ts';

export const command = defineCommand({
  flags: {},
  args: { atLeast: 1 },
  async run({ args, session }) {
    const client = await session.client();
    await doToEach(session, args, (id) => pauseContainer(client, id));
  },
});
