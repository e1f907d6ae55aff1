import type { BuildCase, BuildCases, BuilderName } from './case.ts';
import { builders } from './case.ts';
import { addCases } from './cases/add.ts';
import { argCases } from './cases/args.ts';
import { configCases } from './cases/config.ts';
import { copyCases } from './cases/copy.ts';
import { copyFlagCases } from './cases/copy-flags.ts';
import { expansionCases } from './cases/expansion.ts';
import { heredocCases } from './cases/heredocs.ts';
import { ignoreCases } from './cases/ignore.ts';
import { inheritanceCases } from './cases/inheritance.ts';
import { mountCases } from './cases/mounts.ts';
import { newerCases } from './cases/newer.ts';
import { onbuildCases } from './cases/onbuild.ts';
import { parserCases } from './cases/parser.ts';
import { remoteCases } from './cases/remote.ts';
import { runCases } from './cases/run.ts';
import { specialCases } from './cases/special.ts';
import { stageCases } from './cases/stages.ts';
import { warningCases } from './cases/warnings.ts';

/** What no recorder knows yet: what is expected is written by hand. */
export const handWritten: readonly string[] = ['newer'];

/** By what they are about; fixtures/data/builds has one file for each. */
export const topics: Readonly<Record<string, BuildCases>> = {
  parser: parserCases,
  heredocs: heredocCases,
  expansion: expansionCases,
  args: argCases,
  stages: stageCases,
  config: configCases,
  onbuild: onbuildCases,
  copy: copyCases,
  'copy-flags': copyFlagCases,
  add: addCases,
  run: runCases,
  mounts: mountCases,
  ignore: ignoreCases,
  warnings: warningCases,
  remote: remoteCases,
  special: specialCases,
  inheritance: inheritanceCases,
  newer: newerCases,
};

/** The builders that a case is for. */
export function buildersOf({ only }: BuildCase): readonly BuilderName[] {
  return only === undefined ? builders : [only];
}
