import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isErrno } from '../../base/errno.ts';
import type { Invocation } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { fileFailure } from '../file-failure.ts';
import { descriptorAnnotations } from './annotations.ts';
import { type BuildRun, buildClassically } from './build-classically.ts';
import type { BuildOutcome } from './build-outcome.ts';
import { planBuild } from './build-plan.ts';
import { buildWithEvents } from './build-with-events.ts';
import { CacheTransfers } from './cache-transfers.ts';
import type { Answered } from './call-flag.ts';
import { changedContext, neededPaths } from './changed-context.ts';
import { compressed } from './compressed.ts';
import { contextSourceOf } from './context-source.ts';
import { deliver } from './deliver.ts';
import { readIfThere } from './dockerfile-place.ts';
import type { buildFlags } from './flags.ts';
import { buildHeaders } from './headers.ts';
import { idOf, metadataOf } from './metadata.ts';
import { NamedContexts } from './named-contexts.ts';
import { type PreparedContext, prepareContext } from './prepare-context.ts';
import { buildQuery } from './query.ts';
import { registryLogins } from './registry-logins.ts';
import { sendSecrets } from './secrets.ts';
import type { ContextFiles } from './walk-context.ts';

/** `build`: sends the context, shows what happens, and brings the result to where it is wanted. Resolves with the exit status. */
export async function runBuild(invocation: Invocation<typeof buildFlags>): Promise<number> {
  const { args, session } = invocation;
  const plan = planBuild(invocation);
  const { options, events } = plan;
  const source = contextSourceOf(args[0] ?? '');
  if (options.iidfile !== '') removeOldFile(options.iidfile);
  const prepared = await prepareContext({ source, file: options.file, ownIgnoreFiles: events }, session.io);
  const client = await session.client();
  await using contexts = await NamedContexts.send(client, options);
  const caches = await CacheTransfers.begin(client, plan.caches, session.io);
  const query = buildQuery(options, { ...plan, ...prepared, contexts: contexts.places, caches }, session);
  if (options.print) {
    const said = Object.entries(query).filter(([, value]) => !saysNothing(value));
    session.io.out(`${JSON.stringify(Object.fromEntries(said), null, 2)}\n`);
    return 0;
  }
  const headers = buildHeaders(await registryLogins(session));
  const secrets = await sendSecrets(client, plan.secrets);
  const whole = { ...query, secrets };
  const run = await withLessToSend({ client, plan, prepared, query: whole, headers, caches, session });
  try {
    const outcome: BuildOutcome & Answered = await (events ? buildWithEvents(run) : buildClassically(run));
    if (plan.question !== undefined) return plan.question.ignoresStatus ? 0 : (outcome.answer?.status ?? 1);
    contexts.keep(outcome.images.map(({ id }) => id));
    await finish(run, outcome);
    return 0;
  } finally {
    session.io.err(socketsNote(prepared));
  }
}

function saysNothing(value: unknown): boolean {
  return value === '' || value === false || (Array.isArray(value) && value.length === 0);
}

/** Of a directory, only what the daemon has not, or all of it compressed, if that is possible or wanted. */
async function withLessToSend(run: BuildRun): Promise<BuildRun> {
  const { client, plan, prepared, query } = run;
  const { files, sockets } = prepared;
  if (files === undefined) return run;
  const changed = plan.events
    ? await changedContext({ client, files, onSocket: sockets.onSocket, paths: () => pathsOf(run, files) })
    : undefined;
  const body = changed?.body ?? prepared.body;
  const sent = plan.options.compress && body !== undefined ? compressed(body) : body;
  const named = changed?.id === undefined ? query : { ...query, context: changed.id };
  return { ...run, query: named, prepared: { ...prepared, body: sent } };
}

/** Undefined where there is no Dockerfile to ask about. */
async function pathsOf(
  { client, query, prepared }: BuildRun,
  { added, directory }: ContextFiles,
): Promise<readonly string[] | undefined> {
  const { dockerfile } = prepared;
  const text = added.get(dockerfile) ?? readIfThere(join(directory, dockerfile));
  return text === undefined ? undefined : neededPaths(client, query, text);
}

/** What is to be done with an image that was built. */
async function finish({ client, plan, session }: BuildRun, outcome: BuildOutcome): Promise<void> {
  const { options, outputs, names, annotations } = plan;
  const id = idOf(outcome);
  const delivery = { session, client, outcome, names, annotations, quiet: options.quiet };
  const pushed = await deliver(outputs, delivery);
  if (options.iidfile !== '') {
    if (id === undefined) {
      throw new CommandError(`Server did not provide an image ID. Cannot write ${options.iidfile}`);
    }
    writeFile(options.iidfile, id);
  }
  const metadata = options['metadata-file'];
  if (metadata === '') return;
  const entry = descriptorAnnotations(annotations, outcome.index !== undefined);
  const facts = { outcome, names, pushed, id: plan.id, annotations: entry };
  writeFile(metadata, `${JSON.stringify(metadataOf(facts), null, 2)}\n`);
}

function writeFile(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (reason) {
    throw fileFailure('open', path, reason);
  }
}

/** A build that fails must not leave the ID of an older one. */
function removeOldFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (reason) {
    if (!isErrno(reason, 'ENOENT', 'ENOTDIR')) {
      throw fileFailure('Removing image ID file: remove', path, reason);
    }
  }
}

function socketsNote({ sockets }: PreparedContext): string {
  const { count, first } = sockets.leftOut;
  if (count === 0) return '';
  const others = count === 1 ? '' : ` and ${count - 1} more`;
  return `WARNING: sockets are not sent with the context: ${JSON.stringify(first)}${others}\n`;
}
