import { peek } from '../../oci/compression.ts';
import { CommandError } from '../command-error.ts';
import { whileDrawing } from '../progress.ts';
import { askForBuild, type BuildRun, showText } from './build-classically.ts';
import type { BuildOutcome } from './build-outcome.ts';
import type { Answered } from './call-flag.ts';
import type { BuildDisplay } from './display.ts';
import { runFailedShell } from './failed-shell.ts';
import { readInvoke } from './invoke.ts';
import { idOf } from './metadata.ts';
import { answerReport, failureReport, warningSummary } from './reports.ts';
import { displayOf, showEvents } from './show-events.ts';
import { watched } from './upload.ts';
import { UploadSteps } from './upload-steps.ts';

/** With progress as BuildKit shows it. Throws CommandError with the exit status of the command that failed. */
export async function buildWithEvents(run: BuildRun): Promise<BuildOutcome & Answered> {
  const { plan, session } = run;
  const { io } = session;
  const display = displayOf(plan.progress, io);
  const leaving = new AbortController();
  let outcome: BuildOutcome & Answered;
  try {
    outcome = await whileDrawing(display, io.onSignals.bind(io), () => follow(run, display, leaving.signal));
  } catch (reason) {
    if (reason instanceof BuildFailed && plan.progress !== 'rawjson') io.err(reason.report);
    throw reason;
  } finally {
    // Whoever leaves early takes the build along.
    leaving.abort(new CommandError('', 130));
  }
  const { warnings, answer } = outcome;
  if (plan.question !== undefined) io.out(answer === undefined ? '' : answerReport(plan.question, answer));
  else if (plan.options.quiet) io.out(plan.keepsImage ? `${idOf(outcome) ?? ''}\n` : '');
  else if (plan.progress !== 'quiet') io.err(warningSummary(warnings, session.programName));
  return outcome;
}

class BuildFailed extends CommandError {
  /** What is said before the message, below the progress. */
  readonly report: string;

  constructor(message: string, exitCode: number, report: string) {
    super(message, exitCode);
    this.report = report;
  }
}

async function follow(
  run: BuildRun,
  display: BuildDisplay,
  leaving: AbortSignal,
): Promise<BuildOutcome & Answered> {
  const { plan, prepared, session, client, caches } = run;
  const signal = AbortSignal.any([leaving, caches.signal]);
  const steps = new UploadSteps(display, prepared.body !== undefined);
  const body = prepared.body === undefined ? undefined : watched(prepared.body, steps);
  const { head, rest } = await peek(await askForBuild(run, body, signal), FIRST_KEY);
  if (!speaksEvents(head)) {
    display.close();
    return showText(rest, { io: session.io, quiet: plan.options.quiet, before: () => '' });
  }
  const { failure, ...outcome } = await showEvents(rest, display, {
    rename: nameOfDockerfile(prepared),
    onShell: (shell) =>
      runFailedShell({ client, io: session.io, display, invoke: readInvoke(plan.options.invoke) }, shell),
    onBlob: (blob) => caches.move(blob),
  }).catch((reason) => {
    caches.signal.throwIfAborted();
    throw reason;
  });
  const { images, warnings } = outcome;
  if (failure !== undefined) {
    const message = `ERROR: failed to build: failed to solve: ${failure.message}`;
    const report = warningSummary(warnings, session.programName) + failureReport(failure, display);
    throw new BuildFailed(message, failure.code || 1, report);
  }
  await caches.settled();
  if (plan.question !== undefined) return outcome;
  if (images.length === 0) throw new CommandError('the daemon ended the build without a result');
  steps.exported(outcome, plan.keepsImage ? plan.names : []);
  return outcome;
}

/** One that is not in the context goes under another name, which nobody knows. */
function nameOfDockerfile({ dockerfile, filename }: BuildRun['prepared']): (text: string) => string {
  return (text) => (filename === undefined ? text : text.replaceAll(dockerfile, filename));
}

/** Bytes that tell whether the daemon knows events: others, though asked for them, speak as always. */
const FIRST_KEY = 16;

function speaksEvents(head: Uint8Array): boolean {
  return !/^\s*\{\s*"(?:stream|status|id|error|errorDetail)"/.test(Buffer.from(head).toString());
}
