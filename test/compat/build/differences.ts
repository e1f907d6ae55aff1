import type { Outcome } from './outcome.ts';

/** What is done otherwise than in dockerd, on purpose. */
export interface Difference {
  /** Which cases: "topic: name, builder". */
  readonly in: RegExp;
  /** What becomes of dockerd's outcome; the same where there is no difference. */
  readonly here: (outcome: Outcome) => Outcome;
  readonly reason: string;
}

export const differences: readonly Difference[] = [];
