import { exportVolume } from '../../client/volume-contents.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { checkOutputFile, writeOutputFile } from '../file-output.ts';
import { flag } from '../flag.ts';
import { text } from '../flag-types.ts';
import { copyRaw } from '../streams.ts';

export const command = defineCommand({
  flags: { output: flag(text(), 'o', 'Write to this file rather than to standard output') },
  args: { exactly: 1 },
  long: () => 'Write what is in a volume as a tar archive, with owners and extended attributes',
  async run({ args: [volume = ''], options: { output }, session }) {
    const { io } = session;
    if (output === '' && io.stdoutIsTerminal) {
      throw new CommandError('cowardly refusing to save to a terminal. Use the -o flag or redirect');
    }
    if (output !== '') checkOutputFile(output, 'failed to export volume');
    const archive = await exportVolume(await session.client(), volume);
    if (output === '') await copyRaw(archive, io);
    else await writeOutputFile(io, output, archive);
  },
});
