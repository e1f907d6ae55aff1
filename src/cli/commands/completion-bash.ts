import { defineCommand } from '../command.ts';
import { completionScript } from '../completion-scripts.ts';
import { flag } from '../flag.ts';
import { bool } from '../flag-types.ts';

export const command = defineCommand({
  flags: { 'no-descriptions': flag(bool(), '', 'Leave out what the candidates mean') },
  args: { atMost: 0 },
  long: (program) => `Print the completion script for bash.

For this shell:

\tsource <(${program} completion bash)

For every new one:

\t${program} completion bash > /etc/bash_completion.d/${program}`,
  async run({ session }) {
    session.io.out(completionScript('bash', session.programName));
  },
});
