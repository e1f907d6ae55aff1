import { defineCommand } from '../command.ts';
import { flag } from '../flag.ts';
import { text } from '../flag-types.ts';
import { formatUsage } from '../format-usage.ts';
import { findImage } from '../inspect-finders.ts';
import { showInspected } from '../inspect-output.ts';
import { platformOf } from '../platform.ts';

export const command = defineCommand({
  flags: {
    format: flag(text(), 'f', formatUsage('object')),
    platform: flag(text(), '', 'Platform to show, where there are several (os[/arch[/variant]])'),
  },
  args: { atLeast: 1 },
  async run({ args, options, session }) {
    const platform = options.platform === '' ? undefined : platformOf(options.platform, '');
    const client = await session.client();
    await showInspected(session, args, options.format, (name) => findImage(client, name, platform));
  },
});
