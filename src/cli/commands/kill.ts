import { killContainer } from '../../client/containers.ts';
import { defineCommand } from '../command.ts';
import { flag } from '../flag.ts';
import { text } from '../flag-types.ts';
import { doToEach } from './each.ts';

export const command = defineCommand({
  flags: { signal: flag(text(), 's', 'Signal to send') },
  args: { atLeast: 1 },
  async run({ args, options, session }) {
    const client = await session.client();
    await doToEach(session, args, (id) => killContainer(client, id, options.signal));
  },
});
