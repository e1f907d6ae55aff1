import own from '../fixtures/data/builds/own.json';
import type { Outcome } from './outcome.ts';

/** Why an outcome is not that of dockerd. */
export const reasons = {
  exit: "the command line ends with the status of the step's command, as the classic builder's does",
  before:
    'what does not fit is known before the first instruction is carried out, so none of them is told of',
  needed: 'stages that the target does not need are not made',
  newer: 'what BuildKit knows is known to all clients',
  numbers: 'a stage may be named by its number everywhere',
  paths: "paths of the daemon's files are nobody's business",
  words: 'the same failure in other words, or at a line that is nearer to it',
  linter: 'the linter sees a little more or less of what a variable or an instruction inherits',
  kept: 'special modes are kept, as BuildKit does',
  volumes: 'volumes of the image are not mounted in builds, as with BuildKit',
  content: 'what a stage gives is not looked at again to name its kind in the history',
  within: 'a path that climbs out of the context begins at its root, as with BuildKit',
  link: 'a linked copy is a layer of its own that does not see what is below, as the documentation has it',
  exclude: 'what is excluded is left out even if a pattern names it, as in the examples of the documentation',
  above: 'a directory above a repository is refused, not taken for its top',
  attributes: 'extended attributes are kept, not only the capabilities of files',
  holes: 'archives of files with holes are unpacked',
  agent: 'without an agent there is no variable that says where it is',
  signals: 'a signal must be one',
  empties: 'an instruction that says nothing is refused or is nothing, as the documentation has it',
  clean: 'a path is cleaned',
  patterns: 'an escaped star is that star',
  owners: 'an owner is a number or somebody',
} as const;

type Reason = keyof typeof reasons;

export interface OwnOutcome {
  readonly reason: Reason;
  readonly outcome: Outcome;
}

/** What is made here of the cases that are another's on purpose, by "topic: case, builder". Written by own.ts. */
export const ownOutcomes = own as Readonly<Record<string, OwnOutcome>>;
