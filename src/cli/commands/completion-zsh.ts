import { defineCommand } from '../command.ts';
import { completionScript } from '../completion-scripts.ts';
import { flag } from '../flag.ts';
import { bool } from '../flag-types.ts';

export const command = defineCommand({
  flags: { 'no-descriptions': flag(bool(), '', 'Leave out what the candidates mean') },
  args: { atMost: 0 },
  long: (program) => `Print the completion script for zsh.

For this shell:

\tsource <(${program} completion zsh)

For every new one:

\t${program} completion zsh > "\${fpath[1]}/_${program}"`,
  async run({ session }) {
    session.io.out(completionScript('zsh', session.programName));
  },
});
