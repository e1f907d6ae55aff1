import type { BuildAnswer, BuildFailure, BuildWarning } from '../../wire/build-messages.ts';
import type { Question } from './call-flag.ts';
import type { BuildDisplay } from './display.ts';
import { logTime } from './trace.ts';

/** Of the output of a step that failed, so many last lines are repeated where it was shown before. */
const REPEATED_LINES = 10;

/** What is said below the progress when a build fails: the step's last output, and the lines of the Dockerfile that it is about. */
export function failureReport(
  failure: BuildFailure,
  { trace, keepsOutput }: Pick<BuildDisplay, 'trace' | 'keepsOutput'>,
): string {
  const step = trace.steps.get(failure.digest);
  const ruler = '------\n';
  const kept = step?.log.lines ?? [];
  const lines = keepsOutput ? kept.slice(-REPEATED_LINES) : kept;
  const log = lines.map(({ seconds, text }) => `${logTime(seconds)} ${text}\n`).join('');
  return (step === undefined ? '' : `${ruler} > ${step.name}:\n${log}${ruler}`) + failure.excerpt;
}

/** A line for each warning, after a build that did what it should. */
export function warningSummary(warnings: readonly BuildWarning[], programName: string): string {
  if (warnings.length === 0) return '';
  const count = warnings.length === 1 ? '1 warning' : `${warnings.length} warnings`;
  const lines = warnings.map(({ rule, detail, lines }) => ` - ${rule}: ${detail} (line ${lines.first})\n`);
  return `\n ${count} found (use ${programName} build --check to expand):\n${lines.join('')}`;
}

/** What is said to a question, of the linter's with a heading. */
export function answerReport({ name, isJson }: Question, { json, text, status }: BuildAnswer): string {
  if (isJson) return `${json}\n`;
  if (name !== 'lint' || text.startsWith('ERROR')) return text;
  if (status === 0) return 'Check complete, no warnings found.\n';
  const count = text.match(/^WARNING: /gm)?.length ?? 0;
  const found = count === 1 ? '1 warning has' : `${count} warnings have`;
  return `Check complete, ${found} been found!\n${text}`;
}
