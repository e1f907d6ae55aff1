#!/usr/bin/env bun
/** The one executable: `sampan daemon` serves, everything else is the command line. */
const [, , ...argv] = process.argv;

if (argv[0] === 'daemon') {
  const { runDaemonCommand } = await import('../daemon/command.ts');
  process.exitCode = await runDaemonCommand(argv.slice(1));
} else {
  const { runCommandLine } = await import('../cli/command-line.ts');
  const { startDaemon } = await import('../daemon/start.ts');
  process.exitCode = await runCommandLine(argv, { startDaemon });
}
