import { defineCommand } from '../command.ts';
import { createFromBody } from '../container/create.ts';
import { containerFlags, pullFlag } from '../container/create-flags.ts';
import { createChoice, prepareBody } from '../container/prepare.ts';

export const command = defineCommand({
  flags: { ...containerFlags, pull: pullFlag('creating') },
  args: { atLeast: 1 },
  interspersed: false,
  async run(invocation) {
    const { options, session } = invocation;
    const client = await session.client();
    const body = prepareBody(invocation, options, 'create');
    const id = await createFromBody(session, client, body, createChoice(options, session.io.environment));
    session.io.out(`${id}\n`);
  },
});
