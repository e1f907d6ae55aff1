import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { parseCopySide } from '../copy/argument.ts';
import { flag } from '../flag.ts';
import { bool } from '../flag-types.ts';

export const command = defineCommand({
  flags: {
    archive: flag(
      bool(),
      'a',
      'Give what is copied out the owners that it has there,\nand what is copied in the user of the container',
    ),
    'follow-link': flag(bool(), 'L', 'Copy what a symbolic link at SRC_PATH leads to'),
    quiet: flag(
      bool(),
      'q',
      'Do not show how far it is, nor what was copied;\nwithout a terminal this is so anyway',
    ),
  },
  args: { exactly: 2 },
  long: () => `Copy files between a container and this machine

With '-' as the source, a tar archive from standard input is unpacked in
a directory of the container. With '-' as the destination, what is in the
container is written to standard output as a tar archive.
A directory is copied with all below it; SRC_PATH/. is its content alone.
A path here that has a colon begins with / or ./`,
  async run({ args, changed, options, session }) {
    const [from = '', to = ''] = args;
    if (from === '') throw new CommandError('source can not be empty');
    if (to === '') throw new CommandError('destination can not be empty');
    const source = parseCopySide(from);
    const target = parseCopySide(to);
    if (source.container !== '' && target.container !== '') {
      throw new CommandError('copying between containers is not supported');
    }
    const copyOptions = {
      archive: options.archive,
      followLink: options['follow-link'],
      quiet: changed('quiet') ? options.quiet : !session.io.stdoutIsTerminal,
    };
    if (source.container !== '') {
      const { copyFromContainer } = await import('../copy/from-container.ts');
      return copyFromContainer(session, source, target.path, copyOptions);
    }
    if (target.container !== '') {
      const { copyToContainer } = await import('../copy/to-container.ts');
      return copyToContainer(session, source.path, target, copyOptions);
    }
    throw new CommandError('must specify at least one container source');
  },
});
