import { defineCommand } from '../command.ts';
import { flag } from '../flag.ts';
import { bool, text } from '../flag-types.ts';
import { formatUsage } from '../format-usage.ts';
import { findNetwork } from '../inspect-finders.ts';
import { showInspected } from '../inspect-output.ts';

export const command = defineCommand({
  flags: {
    format: flag(text(), 'f', formatUsage('object')),
    verbose: flag(bool(), 'v', 'Show more, for finding faults'),
  },
  args: { atLeast: 1 },
  async run({ args, options, session }) {
    const client = await session.client();
    await showInspected(session, args, options.format, (name) => findNetwork(client, name, options.verbose));
  },
});
