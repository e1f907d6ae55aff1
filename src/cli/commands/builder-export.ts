import { exportCacheMount } from '../../client/cache-mounts.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { checkOutputFile, writeOutputFile } from '../file-output.ts';
import { flag } from '../flag.ts';
import { text } from '../flag-types.ts';
import { copyRaw } from '../streams.ts';

export const command = defineCommand({
  flags: { output: flag(text(), 'o', 'Write to this file rather than to standard output') },
  args: { exactly: 1 },
  long: (program) => `Write what is in a cache mount as a tar archive

The mount is named as in the Dockerfile, by its id or else its target, or by its ID, which "${program} system df -v" shows.`,
  async run({ args: [mount = ''], options: { output }, session }) {
    const { io } = session;
    if (output === '' && io.stdoutIsTerminal) {
      throw new CommandError('cowardly refusing to save to a terminal. Use the -o flag or redirect');
    }
    if (output !== '') checkOutputFile(output, 'failed to export cache mount');
    const archive = await exportCacheMount(await session.client(), mount);
    if (output === '') await copyRaw(archive, io);
    else await writeOutputFile(io, output, archive);
  },
});
