/** What both daemons are asked, line after line, in a clean state. */
export interface Scenario {
  readonly name: string;
  readonly steps: readonly (string | Step)[];
}

/**
 * A command line of docker's without its first word, or a request as `METHOD /path body`, sent as version 1.41 of the API. Stand-ins:
 * `<dir>` the folder of the scenarios' files, `<start>` and `<now>` Unix times, `<ambiguous>` what two containers' IDs begin with,
 * `<image>` and `<short-image>` the ID of busybox, `<id:NAME>` the ID of a container.
 */
export interface Step {
  readonly line: string;
  readonly stdin?: string;
  /** A request's content type, where it is not JSON. */
  readonly type?: string;
  /** What differs from run to run, beyond what is always taken out. */
  readonly mask?: RegExp;
  /** Lines come in any order. */
  readonly sorted?: boolean;
}

export interface CommandOutcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** A body is JSON, the objects of a stream, or text. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
}

export type Outcome = CommandOutcome | Answer;

export const isRequest = (line: string): boolean => /^(GET|HEAD|POST|PUT|DELETE|PATCH) \//.test(line);

export const stepOf = (step: string | Step): Step => (typeof step === 'string' ? { line: step } : step);
