import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isErrno } from '../../base/errno.ts';
import { isJsonObject, type JsonObject } from '../../base/json.ts';
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
import { descriptorAnnotations } from './annotations.ts';
import type { BuildOutcome } from './build-outcome.ts';
import { type ArchiveChanges, changedArchive, manifestsIn } from './image-archive.ts';
import { imageFiles } from './image-files.ts';
import { idOf, type PushedManifest } from './metadata.ts';
import { keepsImage, type Output, type Outputs } from './outputs.ts';

export interface Delivery {
  readonly session: Session;
  readonly client: Client;
  readonly outcome: BuildOutcome;
  readonly names: readonly string[];
  /** By the keys that the daemon takes. */
  readonly annotations: Readonly<Record<string, string>>;
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

/**
 * Brings what was built to where it is wanted, one place after the other; an image that is wanted nowhere else goes from the store, also when
 * it cannot be brought there. Returns what registries have of it, if any has.
 */
export async function deliver(wanted: Outputs, delivery: Delivery): Promise<PushedManifest | undefined> {
  const isKept = keepsImage(wanted);
  let pushed: PushedManifest | undefined;
  try {
    for (const output of wanted.outputs) pushed = (await deliverTo(output, delivery, isKept)) ?? pushed;
  } finally {
    if (!isKept) await removeNew(delivery);
  }
  return pushed;
}

/** `isNamed`: the image has its names in the store. */
async function deliverTo(
  output: Output,
  delivery: Delivery,
  isNamed: boolean,
): Promise<PushedManifest | undefined> {
  const { session } = delivery;
  let pushed: PushedManifest | undefined;
  if (output.type === 'push') for (const name of delivery.names) pushed = await push(name, delivery);
  if (output.type === 'push-by-digest') {
    for (const name of output.names) pushed = await push(name, delivery, idOf(delivery.outcome));
  }
  if (output.type === 'archive') {
    await write(output.path, await archiveOf(delivery, isNamed, output.format), session);
  }
  if (output.type === 'layout') await writeLayout(output.directory, delivery, isNamed);
  if (output.type === 'tar') await write(output.path, imageFiles(delivery, output.split), session);
  if (output.type === 'files') await unpackAll(output.directory, imageFiles(delivery, output.split), session);
  return pushed;
}

/** An image that has no names in the store gets them on its way. */
async function archiveOf(
  { client, outcome, names, annotations }: Delivery,
  isNamed: boolean,
  format: ArchiveChanges['format'],
  others: readonly JsonObject[] = [],
): Promise<AsyncIterable<Uint8Array>> {
  const { index, images } = outcome;
  const ids = index === undefined ? images.map(({ id }) => id) : [index.digest];
  const hasNames = isNamed && names.length > 0;
  return changedArchive(await saveImages(client, hasNames ? names : ids), {
    ...{ format, others, names: hasNames ? [] : names },
    annotations: descriptorAnnotations(annotations, index !== undefined),
  });
}

/** A layout that is there already keeps its other images. */
async function writeLayout(directory: string, delivery: Delivery, isNamed: boolean): Promise<void> {
  makeDirectory(directory);
  const archive = await archiveOf(delivery, isNamed, 'oci', layoutEntries(directory));
  await unpackFiles(archive, directory, { rename: (name) => name, keepOwners: false });
}

function layoutEntries(directory: string): readonly JsonObject[] {
  try {
    const index: unknown = JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8'));
    return isJsonObject(index) ? manifestsIn(index) : [];
  } catch (reason) {
    if (isErrno(reason, 'ENOENT')) return [];
    throw new CommandError(`${directory} has an index.json that is no OCI layout's`);
  }
}

async function unpackAll(
  directory: string,
  archive: AsyncIterable<Uint8Array>,
  { io }: Session,
): Promise<void> {
  makeDirectory(directory);
  const keepOwners = process.getuid?.() === 0;
  const leftOut = await unpackFiles(archive, directory, { rename: (name) => name, keepOwners });
  io.err(leftOutWarning('devices and pipes', leftOut));
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

/** With `source` that is pushed, without a tag. */
async function push(
  name: string,
  { session, client, quiet }: Delivery,
  source?: string,
): Promise<PushedManifest | undefined> {
  const reference = withDefaultTag(parseReference(name));
  const which = source === undefined ? { tag: reference.tag } : { source };
  const body = await askWithLogin(session, reference.domain, 'push', (auth) =>
    pushImage(client, repositoryOf(reference), { ...which, auth }),
  );
  let pushed: PushedManifest | undefined;
  await showProgress(body, progressOutput(session.io, quiet ? 'none' : 'err'), (aux) => {
    const { Digest, Size } = isJsonObject(aux) ? aux : {};
    if (typeof Digest === 'string' && typeof Size === 'number') pushed = { digest: Digest, size: Size };
  });
  return pushed;
}

/** Indexes go with their images. */
async function removeNew({ client, outcome }: Delivery): Promise<void> {
  for (const { id, isNew } of outcome.images) if (isNew) await removeUnnamed(client, id);
}

/** What has got a name or a container meanwhile stays. */
async function removeUnnamed(client: Client, id: string): Promise<void> {
  try {
    const { RepoTags } = await inspectImage(client, id);
    if ((RepoTags ?? []).length > 0) return;
    await removeImage(client, id, { noPrune: true });
  } catch (reason) {
    // Somebody has removed it, or uses it.
    if (!(reason instanceof ApiError) || ![404, 409].includes(reason.status)) throw reason;
  }
}
