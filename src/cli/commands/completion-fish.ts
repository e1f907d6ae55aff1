import { defineCommand } from '../command.ts';
import { completionScript } from '../completion-scripts.ts';
import { flag } from '../flag.ts';
import { bool } from '../flag-types.ts';

export const command = defineCommand({
  flags: { 'no-descriptions': flag(bool(), '', 'Leave out what the candidates mean') },
  args: { atMost: 0 },
  long: (program) => `Print the completion script for fish.

For this shell:

\t${program} completion fish | source

For every new one:

\t${program} completion fish > ~/.config/fish/completions/${program}.fish`,
  async run({ session }) {
    session.io.out(completionScript('fish', session.programName));
  },
});
