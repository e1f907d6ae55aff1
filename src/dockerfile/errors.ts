import { SampanError } from '../base/errors.ts';

/** Physical lines of a Dockerfile, counted from 1, both included. */
export interface Lines {
  readonly first: number;
  readonly last: number;
}

/** What cannot be read: how a file falls into instructions, or what one of them says; or what does not fit, though it can be read. */
export type Fault = 'syntax' | 'instruction' | 'meaning';

/** Something wrong in a Dockerfile, and where. */
export class DockerfileError extends SampanError {
  readonly lines: Lines | undefined;
  readonly fault: Fault;

  constructor(message: string, lines?: Lines, fault: Fault = 'instruction') {
    super('invalid-argument', message);
    this.lines = lines;
    this.fault = fault;
  }
}

/** Runs a step of reading; what fails in it gets the lines that it was about. */
export function at<T>(lines: Lines, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DockerfileError) || error.lines !== undefined) throw error;
    throw new DockerfileError(error.message, lines, error.fault);
  }
}
