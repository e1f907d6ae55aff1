import { defineCommand } from '../command.ts';
import { flag } from '../flag.ts';
import { bool, text } from '../flag-types.ts';
import { formatUsage } from '../format-usage.ts';
import { findContainer } from '../inspect-finders.ts';
import { showInspected } from '../inspect-output.ts';

export const command = defineCommand({
  flags: {
    format: flag(text(), 'f', formatUsage('object')),
    size: flag(bool(), 's', 'Show how large their files are'),
  },
  args: { atLeast: 1 },
  async run({ args, options, session }) {
    const client = await session.client();
    await showInspected(session, args, options.format, (name) => findContainer(client, name, options.size));
  },
});
