import { exportContainer } from '../../client/container-files.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { checkOutputFile, writeOutputFile } from '../file-output.ts';
import { flag } from '../flag.ts';
import { text } from '../flag-types.ts';
import { copyRaw } from '../streams.ts';

export const command = defineCommand({
  flags: { output: flag(text(), 'o', 'Write to this file rather than to standard output') },
  args: { exactly: 1 },
  async run({ args, options, session }) {
    const { io } = session;
    const { output } = options;
    if (output === '' && io.stdoutIsTerminal) {
      throw new CommandError('cowardly refusing to save to a terminal. Use the -o flag or redirect');
    }
    if (output !== '') checkOutputFile(output, 'failed to export container');
    const archive = await exportContainer(await session.client(), args[0] ?? '');
    if (output === '') await copyRaw(archive, io);
    else await writeOutputFile(io, output, archive);
  },
});
