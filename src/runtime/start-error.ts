import { SampanError } from '../base/errors.ts';

/**
 * A process that could not be started. `exitCode` is what Docker stores and the command line returns: 126 (found, cannot be
 * run), 127 (not found), 128 (anything else). The message has Docker's wording, which clients parse.
 */
export class StartError extends SampanError {
  readonly exitCode: 126 | 127 | 128;

  constructor(exitCode: 126 | 127 | 128, message: string, cause?: unknown) {
    super(exitCode === 128 ? 'internal' : 'invalid-argument', message, { cause });
    this.exitCode = exitCode;
  }
}
