import { messageOf } from '../../base/errors.ts';
import { containerLogs, inspectContainer } from '../../client/containers.ts';
import { demultiplex } from '../../client/frames.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { bool, text } from '../flag-types.ts';
import { parseTimestamp } from '../format/time.ts';
import { copyFrames, copyRaw } from '../streams.ts';

const SINCE_USAGE =
  'a time (such as "2013-01-02T13:23:37Z") or as long ago as (such as "42m" for 42 minutes)';

export const command = defineCommand({
  flags: {
    details: flag(bool(), '', 'Show the attributes that the log driver was told to add'),
    follow: flag(bool(), 'f', 'Go on as more is written'),
    since: flag(text(), '', `Leave out what is older than ${SINCE_USAGE}`),
    tail: flag(text('all'), 'n', 'How many lines from the end to show'),
    timestamps: flag(bool(), 't', 'Show when each line was written'),
    until: flag(text(), '', `Leave out what is newer than ${SINCE_USAGE}`),
  },
  args: { exactly: 1 },
  async run({ args, options, session }) {
    const client = await session.client();
    const { Id, Config } = await inspectContainer(client, args[0] ?? '');
    const output = await containerLogs(client, Id, {
      follow: options.follow,
      details: options.details,
      timestamps: options.timestamps,
      tail: options.tail,
      stdout: true,
      stderr: true,
      since: timestampOf('since', options.since),
      until: timestampOf('until', options.until),
    });
    if (Config.Tty) await copyRaw(output, session.io);
    else await copyFrames(demultiplex(output), session.io);
  },
});

function timestampOf(name: 'since' | 'until', given: string): string {
  try {
    return parseTimestamp(given, Date.now());
  } catch (reason) {
    throw new CommandError(`invalid value for "${name}": ${messageOf(reason)}`);
  }
}
