import { SampanError } from '../../base/errors.ts';

const SIGKILLED = 137;

/** A step's command that ended with a failure, in BuildKit's words. The classic builder has its own for the same. */
export class ProcessError extends SampanError {
  readonly args: readonly string[];
  /** 1 to 255. */
  readonly exitCode: number;

  constructor(args: readonly string[], exitCode: number, oomKilled: boolean) {
    const command = JSON.stringify(args.join(' '));
    const why = oomKilled && exitCode === SIGKILLED ? ': cannot allocate memory' : '';
    super(
      'invalid-argument',
      `process ${command} did not complete successfully: exit code: ${exitCode}${why}`,
    );
    this.args = args;
    this.exitCode = exitCode;
  }
}
