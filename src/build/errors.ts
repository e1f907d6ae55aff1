import { codeOf, messageOf, SampanError } from '../base/errors.ts';
import { DockerfileError, type Lines } from '../dockerfile/errors.ts';
import type { Digest } from '../oci/digest.ts';
import { excerptOf } from './excerpt.ts';
import { ProcessError } from './steps/process-error.ts';

export interface BuildErrorDetails {
  /** The vertex that failed; undefined when none had begun. */
  readonly vertex: Digest | undefined;
  /** Where in the Dockerfile. */
  readonly lines: Lines | undefined;
  /** Those lines with what is around them, marked; empty when it is not known where. */
  readonly excerpt: string;
}

/** Why a build failed, and where. The cause is what went wrong: a ProcessError for a step's command. */
export class BuildError extends SampanError implements BuildErrorDetails {
  readonly vertex: Digest | undefined;
  readonly lines: Lines | undefined;
  readonly excerpt: string;

  constructor(cause: unknown, { vertex, lines, excerpt }: BuildErrorDetails) {
    super(codeOf(cause), messageOf(cause), { cause });
    this.vertex = vertex;
    this.lines = lines;
    this.excerpt = excerpt;
  }

  /** The exit status of the step's command, 0 for all other failures. */
  get exitCode(): number {
    return this.cause instanceof ProcessError ? this.cause.exitCode : 0;
  }

  /** That command, empty for all other failures. */
  get command(): readonly string[] {
    return this.cause instanceof ProcessError ? this.cause.args : [];
  }
}

/** The failure with the lines of the Dockerfile that it is about. */
export function locate(error: unknown, file: { readonly filename: string; readonly text: string }): unknown {
  const isKnown = error instanceof BuildError || error instanceof DockerfileError;
  if (!isKnown || error.lines === undefined) return error;
  const { lines } = error;
  const excerpt = excerptOf(file, lines);
  if (error instanceof DockerfileError) return new BuildError(error, { vertex: undefined, lines, excerpt });
  return new BuildError(error.cause, { vertex: error.vertex, lines, excerpt });
}
