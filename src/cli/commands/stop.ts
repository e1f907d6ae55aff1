import { stopContainer } from '../../client/containers.ts';
import { defineCommand } from '../command.ts';
import { doToEach } from './each.ts';
import { stopChoice, stopFlags } from './stop-flags.ts';

export const command = defineCommand({
  flags: stopFlags,
  args: { atLeast: 1 },
  async run({ args, options, session, spelled }) {
    const choice = stopChoice(options, spelled);
    const client = await session.client();
    await doToEach(session, args, (id) => stopContainer(client, id, choice));
  },
});
