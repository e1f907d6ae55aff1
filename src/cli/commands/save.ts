import { saveImages } from '../../client/images.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { checkOutputFile, writeOutputFile } from '../file-output.ts';
import { flag } from '../flag.ts';
import { text } from '../flag-types.ts';
import { platformOf } from '../platform.ts';
import { copyRaw } from '../streams.ts';

export const command = defineCommand({
  flags: {
    output: flag(text(), 'o', 'Write to this file rather than to standard output'),
    platform: flag(text(), '', 'Save only this platform (os[/arch[/variant]])'),
  },
  args: { atLeast: 1 },
  async run({ args, options, session }) {
    const { io } = session;
    const { output } = options;
    if (output === '' && io.stdoutIsTerminal) {
      throw new CommandError('cowardly refusing to save to a terminal. Use the -o flag or redirect');
    }
    if (output !== '') checkOutputFile(output, 'failed to save image');
    const platforms = options.platform === '' ? undefined : [platformOf(options.platform)];
    const archive = await saveImages(await session.client(), args, platforms);
    if (output === '') await copyRaw(archive, io);
    else await writeOutputFile(io, output, archive);
  },
});
