import { loadImages } from '../../client/images.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { openInput } from '../file-input.ts';
import { flag } from '../flag.ts';
import { bool, text } from '../flag-types.ts';
import { platformOf } from '../platform.ts';
import { progressOutput, showProgress } from '../progress.ts';
import { copyRaw } from '../streams.ts';

export const command = defineCommand({
  flags: {
    input: flag(text(), 'i', 'Read this tar archive rather than standard input'),
    platform: flag(text(), '', 'Load only this platform (os[/arch[/variant]])'),
    quiet: flag(bool(), 'q', 'Do not show how far it is'),
  },
  args: { atMost: 0 },
  async run({ options, session }) {
    const { io } = session;
    if (options.input === '' && io.stdinIsTerminal) {
      throw new CommandError('requested load from stdin, but stdin is empty');
    }
    const archive = options.input === '' ? io.stdin() : openInput(options.input);
    const platforms = options.platform === '' ? undefined : [platformOf(options.platform)];
    const quiet = options.quiet || !io.stdoutIsTerminal;
    const { isJson, body } = await loadImages(await session.client(), archive, { quiet, platforms });
    if (isJson) await showProgress(body, progressOutput(io, 'out'));
    else await copyRaw(body, io);
  },
});
