import { SampanError } from '../base/errors.ts';

/** Physical lines of a Dockerfile, counted from 1, both included. */
export interface Lines {
  readonly first: number;
  readonly last: number;
}

/** Something wrong in a Dockerfile, and where. */
export class DockerfileError extends SampanError {
  readonly lines: Lines | undefined;

  constructor(message: string, lines?: Lines) {
    super('invalid-argument', message);
    this.lines = lines;
  }
}

/** Runs a step of reading; what fails in it gets the lines that it was about. */
export function at<T>(lines: Lines, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DockerfileError) || error.lines !== undefined) throw error;
    throw new DockerfileError(error.message, lines);
  }
}
