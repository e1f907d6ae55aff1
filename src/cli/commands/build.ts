import { buildFlags } from '../build/flags.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  flags: buildFlags,
  args: { exactly: 1 },
  async run(invocation) {
    const { runBuild } = await import('../build/run-build.ts');
    return runBuild(invocation);
  },
});
