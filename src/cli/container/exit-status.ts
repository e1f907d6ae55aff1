import { CommandError } from '../command-error.ts';
import { messageOfFailure } from '../failure.ts';

/** A failure of `run` or `create`, with where to find help. */
export function withHelp(programName: string, message: string, name: string, exitCode: number): CommandError {
  return new CommandError(
    `${programName}: ${message}\n\nRun '${programName} ${name} --help' for more information`,
    exitCode,
  );
}

/** What a shell would exit with: 127 for a program that is not there, 126 for one that may not run, 125 for all else. */
export function startFailure(programName: string, reason: unknown, host: string): CommandError {
  if (reason instanceof CommandError && reason.exitCode !== 1) return reason;
  const message = messageOfFailure(reason, host);
  return withHelp(programName, message, 'run', exitCodeOf(message));
}

function exitCodeOf(message: string): number {
  if (
    /executable file not found|no such file or directory|system cannot find the file specified/.test(message)
  ) {
    return 127;
  }
  return /permission denied|is a directory/.test(message) ? 126 : 125;
}
