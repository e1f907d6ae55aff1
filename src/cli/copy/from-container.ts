import type { Client } from '../../client/client.ts';
import { readContainerPath, statContainerPath } from '../../client/container-files.ts';
import { isNotFound } from '../../client/errors.ts';
import type { Session } from '../session.ts';
import type { CopySide } from './argument.ts';
import { isDirectory, isLink } from './container-mode.ts';
import { type LeftOut, leftOutWarning } from './left-out.ts';
import { checkOutputPath, findDestination } from './local.ts';
import { absolutePath, followed, linkDestination, splitPath } from './paths.ts';
import { type CopySource, planCopy } from './plan.ts';
import { CopyProgress } from './progress.ts';
import { renamer } from './rename.ts';
import { unpackFiles } from './unpack.ts';

export interface CopyOptions {
  readonly archive: boolean;
  readonly followLink: boolean;
  readonly quiet: boolean;
}

/** Copies out of a container, to a path here or as a tar to standard output. */
export async function copyFromContainer(
  session: Session,
  side: CopySide,
  target: string,
  options: CopyOptions,
): Promise<void> {
  const toOutput = target === '-';
  const destination = toOutput ? target : absolutePath(target);
  if (!toOutput) checkOutputPath(destination);
  const client = await session.client();
  const asked = options.followLink ? await followInContainer(client, side) : { path: side.path, rename: '' };
  const { stat, tar } = await readContainerPath(client, side.container, asked.path);
  if (toOutput) {
    for await (const chunk of tar) await session.io.outBytes(chunk);
    return;
  }
  const source = { ...asked, isDirectory: isDirectory(stat.mode) };
  const progress = new CopyProgress(session.io, 'Copying from container', options.quiet);
  const leftOut = await unpack(progress, tar, source, destination, options);
  session.io.err(leftOutWarning('device nodes and FIFOs', leftOut));
  if (!options.quiet) session.io.err(progress.summary(destination));
}

async function unpack(
  progress: CopyProgress,
  tar: AsyncIterable<Uint8Array>,
  source: CopySource,
  destination: string,
  options: CopyOptions,
): Promise<LeftOut> {
  using _ = progress;
  const plan = planCopy(source, findDestination(destination));
  const first = source.rename === '' ? undefined : { from: splitPath(source.path).base, to: source.rename };
  const [renameLink, renamePlan] = [renamer(first), renamer(plan.rename)];
  return unpackFiles(progress.count(tar), plan.directory, {
    rename: (name) => renamePlan(renameLink(name)),
    keepOwners: options.archive && process.geteuid?.() === 0,
  });
}

/** The path that a link in the container leads to; the path itself where there is no link. */
async function followInContainer(
  client: Client,
  { container, path }: CopySide,
): Promise<{ readonly path: string; readonly rename: string }> {
  try {
    const stat = await statContainerPath(client, container, path);
    if (isLink(stat.mode)) return followed(path, linkDestination(path, stat.linkTarget));
  } catch (reason) {
    // Reading it tells what is wrong.
    if (!isNotFound(reason)) throw reason;
  }
  return { path, rename: '' };
}
