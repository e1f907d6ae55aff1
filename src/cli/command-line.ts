import type { Io } from './io.ts';
import type { CommandLineOptions } from './session.ts';
import { versionLine } from './version-line.ts';

/**
 * Runs one command line and resolves with its exit status. `argv` is what follows the program's name. The process's own streams are
 * used when no `io` is given. Never rejects for what a user did.
 */
export async function runCommandLine(
  argv: readonly string[],
  io?: Io,
  options: CommandLineOptions = {},
): Promise<number> {
  const streams = io ?? (await import('./process-io.ts')).processIo();
  // Asked often, by scripts and prompts; nothing else need be loaded for it.
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-v')) {
    streams.out(versionLine(options));
    return 0;
  }
  const { Dispatcher } = await import('./dispatcher.ts');
  const line = new Dispatcher(streams, options);
  try {
    return await line.run(argv);
  } catch (reason) {
    const { message, exitCode } = await describeFailure(reason, line.host);
    if (message !== '') streams.err(`${message}\n`);
    return exitCode;
  } finally {
    await line.session?.close();
  }
}

async function describeFailure(
  reason: unknown,
  host: string,
): Promise<{ message: string; exitCode: number }> {
  const { CommandError } = await import('./command-error.ts');
  if (reason instanceof CommandError) return { message: reason.message, exitCode: reason.exitCode };
  const { messageOfFailure } = await import('./failure.ts');
  return { message: messageOfFailure(reason, host), exitCode: 1 };
}
