import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '../../client/client.ts';
import { ApiError } from '../../client/errors.ts';
import { inspectImage, pushImage, removeImage, saveImages } from '../../client/images.ts';
import { parseReference, repositoryOf, withDefaultTag } from '../../oci/reference.ts';
import { CommandError } from '../command-error.ts';
import { leftOutWarning } from '../copy/left-out.ts';
import { unpackFiles } from '../copy/unpack.ts';
import { fileFailure } from '../file-failure.ts';
import { checkOutputFile, writeOutputFile } from '../file-output.ts';
import type { Io } from '../io.ts';
import { progressOutput, showProgress } from '../progress.ts';
import { askWithLogin } from '../registry-auth.ts';
import type { Session } from '../session.ts';
import { copyRaw } from '../streams.ts';
import type { BuildOutcome } from './build-outcome.ts';
import { withImageFiles } from './image-files.ts';
import { keepsImage, type Output, type Outputs } from './outputs.ts';

export interface Delivery {
  readonly session: Session;
  readonly client: Client;
  readonly outcome: BuildOutcome;
  readonly names: readonly string[];
  readonly quiet: boolean;
}

/** Fails early where outputs cannot be written. Throws CommandError. */
export function checkOutputs({ outputs }: Outputs, io: Pick<Io, 'stdoutIsTerminal'>): void {
  for (const output of outputs) {
    if (output.type !== 'tar' && output.type !== 'archive') continue;
    if (output.path !== '-') checkOutputFile(output.path, `failed to write output ${output.path}`);
    else if (io.stdoutIsTerminal) {
      throw new CommandError('refusing to write an archive to a terminal: redirect it or name a file');
    }
  }
}

/** Brings what was built to where it is wanted, one place after the other; an image that is wanted nowhere else goes from the store. */
export async function deliver(wanted: Outputs, delivery: Delivery): Promise<void> {
  for (const output of wanted.outputs) await deliverTo(output, delivery);
  if (keepsImage(wanted) || delivery.names.length > 0) return;
  for (const { id } of delivery.outcome.images) await removeUnnamed(delivery.client, id);
}

async function deliverTo(output: Output, delivery: Delivery): Promise<void> {
  const { session, client, outcome, names } = delivery;
  const ids = outcome.images.map(({ id }) => id);
  if (output.type === 'push') for (const name of names) await push(name, delivery);
  if (output.type === 'archive') {
    await write(output.path, await saveImages(client, names.length > 0 ? names : ids), session);
  }
  if (output.type === 'tar') {
    for (const id of ids.slice(0, 1)) {
      await withImageFiles(client, id, (archive) => write(output.path, archive, session));
    }
  }
  if (output.type === 'files') await unpackAll(output.directory, delivery);
}

/** Each platform's files are in a folder of their own where there are several. */
async function unpackAll(directory: string, { client, outcome, session }: Delivery): Promise<void> {
  const isOne = outcome.images.length === 1;
  for (const { id, platform } of outcome.images) {
    const place = isOne ? directory : join(directory, platform.replaceAll('/', '_'));
    makeDirectory(place);
    const keepOwners = process.getuid?.() === 0;
    await withImageFiles(client, id, async (archive) => {
      const leftOut = await unpackFiles(archive, place, { rename: (name) => name, keepOwners });
      session.io.err(leftOutWarning('devices and pipes', leftOut));
    });
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (reason) {
    throw fileFailure('mkdir', path, reason);
  }
}

async function write(path: string, archive: AsyncIterable<Uint8Array>, { io }: Session): Promise<void> {
  if (path === '-') await copyRaw(archive, io);
  else await writeOutputFile(io, path, archive);
}

async function push(name: string, { session, client, quiet }: Delivery): Promise<void> {
  const reference = withDefaultTag(parseReference(name));
  const body = await askWithLogin(session, reference.domain, 'push', (auth) =>
    pushImage(client, repositoryOf(reference), { tag: reference.tag, auth }),
  );
  await showProgress(body, progressOutput(session.io, quiet ? 'none' : 'err'));
}

/** What was there before, under a name or in a container, stays. */
async function removeUnnamed(client: Client, id: string): Promise<void> {
  const { RepoTags } = await inspectImage(client, id);
  if ((RepoTags ?? []).length > 0) return;
  try {
    await removeImage(client, id, { noPrune: true });
  } catch (reason) {
    if (!(reason instanceof ApiError) || reason.status !== 409) throw reason;
  }
}
