import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What became of a build, comparable between builders: without times, IDs and paths of the host. */
export interface Outcome {
  readonly exit: number;
  /** The classic builder's whole output; of BuildKit's what is said about a failure. */
  readonly said: readonly string[];
  /** What the linter says. */
  readonly warnings?: readonly string[];
  /** Of the image, if there is one. */
  readonly config?: unknown;
  /** What is not as in the base: path, kind and mode, owner, content; "gone" for what is no more. */
  readonly files?: readonly string[];
}

/** By the case's name and the builder: "a case, classic". */
export type Outcomes = Readonly<Record<string, Outcome>>;

/** Where the outcomes of a topic are written down; those of "own" are ours. */
export function outcomesPath(topic: string): string {
  return join(import.meta.dir, `../fixtures/data/builds/${topic}.json`);
}

/** What dockerd made of the cases of a topic. */
export function recordedOutcomes(topic: string): Outcomes {
  return JSON.parse(readFileSync(outcomesPath(topic), 'utf8'));
}
