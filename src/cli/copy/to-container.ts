import type { Client } from '../../client/client.ts';
import { statContainerPath, writeContainerPath } from '../../client/container-files.ts';
import { ApiError } from '../../client/errors.ts';
import type { PathStat } from '../../wire/archive-types.ts';
import { CommandError } from '../command-error.ts';
import type { Session } from '../session.ts';
import type { CopySide } from './argument.ts';
import { isDirectory, isLink, obstacle } from './container-mode.ts';
import type { CopyOptions } from './from-container.ts';
import { type LeftOut, leftOutWarning, nothing, oneMore } from './left-out.ts';
import { findSource } from './local.ts';
import { packFiles } from './pack.ts';
import { absolutePath, linkDestination, splitPath } from './paths.ts';
import { type CopyDestination, planCopy } from './plan.ts';
import { CopyProgress } from './progress.ts';
import { renamer } from './rename.ts';

/** Copies into a container: files from here, or a tar from standard input. */
export async function copyToContainer(
  session: Session,
  source: string,
  side: CopySide,
  options: CopyOptions,
): Promise<void> {
  const client = await session.client();
  const destination = await findInContainer(client, side);
  const { directory, tar, leftOut } =
    source === '-'
      ? fromInput(session, side, destination)
      : fromFiles(absolutePath(source), destination, options.followLink);
  const progress = new CopyProgress(session.io, 'Copying to container', options.quiet);
  await send(client, side.container, directory, tar, progress, options.archive);
  session.io.err(leftOutWarning('sockets', leftOut()));
  if (!options.quiet) session.io.err(progress.summary(`${side.container}:${destination.path}`));
}

interface Upload {
  readonly directory: string;
  readonly tar: AsyncIterable<Uint8Array>;
  /** Sockets, known when all is sent. */
  readonly leftOut: () => LeftOut;
}

function fromInput(session: Session, { container, path }: CopySide, destination: CopyDestination): Upload {
  if (!destination.isDirectory) {
    throw new CommandError(`destination "${container}:${path}" must be a directory`);
  }
  return { directory: destination.path, tar: session.io.stdin(), leftOut: () => nothing };
}

function fromFiles(path: string, destination: CopyDestination, followLink: boolean): Upload {
  const source = findSource(path, followLink);
  const plan = planCopy(source, destination);
  const top = source.rename === '' ? splitPath(source.path).base : source.rename;
  let leftOut = nothing;
  const tar = packFiles(source.path, top, renamer(plan.rename), (name) => {
    leftOut = oneMore(leftOut, name);
  });
  return { directory: plan.directory, tar, leftOut: () => leftOut };
}

async function send(
  client: Client,
  container: string,
  directory: string,
  tar: AsyncIterable<Uint8Array>,
  progress: CopyProgress,
  copyOwners: boolean,
): Promise<void> {
  using _ = progress;
  await writeContainerPath(client, container, directory, progress.count(tar), {
    noOverwriteDirNonDir: true,
    copyOwners,
  });
}

/**
 * The destination, where a link is there what it leads to. What cannot be looked at may be made: its directory decides, when the archive
 * is unpacked in it.
 */
async function findInContainer(client: Client, { container, path }: CopySide): Promise<CopyDestination> {
  let found = path;
  let stat = await statOrUndefined(client, container, path);
  if (stat !== undefined && isLink(stat.mode)) {
    found = linkDestination(path, stat.linkTarget);
    stat = await statOrUndefined(client, container, found);
  }
  const why = obstacle(stat?.mode ?? 0);
  if (why !== undefined) {
    throw new CommandError(
      `destination "${container}:${path}" must be a directory or a regular file: ${why}`,
    );
  }
  return { path: found, exists: stat !== undefined, isDirectory: isDirectory(stat?.mode ?? 0) };
}

async function statOrUndefined(
  client: Client,
  container: string,
  path: string,
): Promise<PathStat | undefined> {
  try {
    return await statContainerPath(client, container, path);
  } catch (reason) {
    if (reason instanceof ApiError) return undefined;
    throw reason;
  }
}
