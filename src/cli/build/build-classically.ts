import { isJsonObject } from '../../base/json.ts';
import type { Client } from '../../client/client.ts';
import type { Query } from '../../client/query.ts';
import { CommandError } from '../command-error.ts';
import type { Io } from '../io.ts';
import { type ProgressOutput, progressOutput, StreamFailure, showProgress } from '../progress.ts';
import type { Session } from '../session.ts';
import type { BuildOutcome } from './build-outcome.ts';
import type { BuildPlan } from './build-plan.ts';
import type { CacheTransfers } from './cache-transfers.ts';
import type { PreparedContext } from './prepare-context.ts';
import { uploadLine, watched } from './upload.ts';

/** All that one build needs. */
export interface BuildRun {
  readonly client: Client;
  readonly plan: BuildPlan;
  readonly prepared: PreparedContext;
  readonly query: Query;
  readonly headers: Readonly<Record<string, string>>;
  readonly caches: Pick<CacheTransfers, 'signal' | 'move' | 'settled'>;
  readonly session: Session;
}

/** As Docker's classic builder shows it. When quiet, only the image's ID, or all of it when the build fails. Throws CommandError. */
export async function buildClassically(run: BuildRun): Promise<BuildOutcome> {
  const { io } = run.session;
  const { quiet } = run.plan.options;
  const { body } = run.prepared;
  let kept = '';
  const print = (text: string): void => {
    if (quiet) kept += text;
    else io.out(text);
  };
  const meter = uploadLine(print, io.stdoutIsTerminal && !quiet);
  let answer: AsyncIterable<Uint8Array>;
  try {
    answer = await askForBuild(run, body === undefined ? undefined : watched(body, meter));
  } catch (reason) {
    io.err(kept);
    throw reason;
  }
  return showText(answer, { io, quiet, before: () => kept });
}

export async function askForBuild(
  { client, query, headers }: BuildRun,
  body: AsyncIterable<Uint8Array> | undefined,
  signal?: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  return (await client.request('POST', '/build', { query, headers, body, signal })).body;
}

/** `before` is what was kept back until then. Throws CommandError with the exit status of the command that failed. */
export async function showText(
  body: AsyncIterable<Uint8Array>,
  { io, quiet, before }: { readonly io: Io; readonly quiet: boolean; readonly before: () => string },
): Promise<BuildOutcome> {
  let kept = '';
  const keep: ProgressOutput = {
    ...progressOutput(io, 'none'),
    print: (text) => {
      kept += text;
    },
  };
  let id = '';
  try {
    await showProgress(body, quiet ? keep : progressOutput(io, 'out'), (aux) => {
      if (isJsonObject(aux) && typeof aux['ID'] === 'string') id = aux['ID'];
    });
  } catch (reason) {
    if (!(reason instanceof StreamFailure)) throw reason;
    if (quiet) io.err(before() + kept);
    throw new CommandError(reason.message, reason.code || 1);
  }
  if (quiet) io.out(kept);
  const images = id === '' ? [] : [{ id, platform: '', manifest: '', isNew: false }];
  return { images, index: undefined, statements: [], warnings: [] };
}
