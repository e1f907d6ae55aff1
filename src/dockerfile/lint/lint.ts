import type { Platform } from '../../oci/image.ts';
import type { Dockerfile } from '../dockerfile.ts';
import type { IgnoreRules } from '../ignore-file.ts';
import { checkCasing } from './check-casing.ts';
import { checkDescriptions } from './check-descriptions.ts';
import { checkFrom } from './check-from.ts';
import { checkInstructions } from './check-instructions.ts';
import { checkVariables } from './check-variables.ts';
import { type LintFinding, LintReport } from './report.ts';
import { readSettings } from './settings.ts';

/** What a Dockerfile is checked against besides itself. */
export interface LintOptions {
  /** Of the build. */
  readonly args: Readonly<Record<string, string>>;
  readonly platform: Platform;
  /** The arguments that every FROM sees with the build's own values, and those that say the platform. */
  readonly globals: ReadonlyMap<string, string | undefined>;
  /** What is known of a base image; undefined for nothing. */
  readonly base: (image: string) => LintBase | undefined;
  /** What the context leaves out; undefined for nothing. */
  readonly ignored: IgnoreRules | undefined;
}

export interface LintBase {
  readonly env: readonly string[];
  readonly platform: Platform;
  /** Whether it says what commands in shell form are given to. */
  readonly hasShell: boolean;
}

export interface LintResult {
  readonly findings: readonly LintFinding[];
  /** The rules that may not be broken here and are. */
  readonly violated: readonly string[];
}

/** Checks a Dockerfile by the rules of Docker's build checks. Fails with DockerfileError when its own settings for them are wrong. */
export function lintDockerfile(file: Dockerfile, options: LintOptions): LintResult {
  const settings = readSettings(options.args['BUILDKIT_DOCKERFILE_CHECK'] ?? file.directives.check);
  const report = new LintReport(settings, file.statements);
  for (const { last } of file.emptyContinuations)
    report.add('NoEmptyContinuation', { first: last, last }, 'Empty continuation line');
  checkCasing(file, report);
  checkFrom(file, options, report);
  checkDescriptions(file, report);
  checkInstructions(file, options, report);
  checkVariables(file, options, report);
  const { findings } = report;
  return { findings, violated: settings.isError ? [...new Set(findings.map(({ rule }) => rule))] : [] };
}
