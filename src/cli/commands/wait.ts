import { waitContainer } from '../../client/containers.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { messageOfFailure } from '../failure.ts';

export const command = defineCommand({
  flags: {},
  args: { atLeast: 1 },
  async run({ args, session }) {
    const client = await session.client();
    const failures: string[] = [];
    for (const id of args) {
      try {
        const { exited } = await waitContainer(client, id);
        session.io.out(`${(await exited).StatusCode}\n`);
      } catch (reason) {
        failures.push(messageOfFailure(reason, session.address.host));
      }
    }
    if (failures.length > 0) throw new CommandError(failures.join('\n'));
  },
});
