#!/usr/bin/env bun
/** The one executable: `sampan daemon` serves, everything else is the command line. What is not needed is not loaded. */
import { basename } from 'node:path';
import { build } from '../base/build-facts.ts';

// At once, whatever connection is still open: all output was written when it was made.
process.exit(await main(process.argv.slice(2)));

async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === 'daemon') {
    const { runDaemonCommand } = await import('../daemon/command.ts');
    return runDaemonCommand(argv.slice(1));
  }
  const { runCommandLine } = await import('../cli/command-line.ts');
  return runCommandLine(argv, undefined, {
    programName: programName(),
    version: build.version,
    commit: build.commit,
    startDaemon: async () => (await import('../daemon/start.ts')).startDaemon(),
  });
}

/** "docker" when installed under that name. The script at the root of the source tree tells its own, which Bun cannot see. */
function programName(): string {
  const called = basename(process.env['SAMPAN_CALLED'] ?? process.argv0);
  return called === 'docker' ? 'docker' : 'sampan';
}
