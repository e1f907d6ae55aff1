import type { Context } from '../../base/context.ts';
import { internal } from '../../base/errors.ts';
import { type Frame, launcherFrames } from '../frames.ts';
import type { LauncherProcess } from '../launcher.ts';
import { planError, planFrame } from '../plan-connection.ts';
import type { Tree, TreeSource, Trees } from './contract.ts';
import { treePlan } from './plan.ts';
import { TreeSession } from './session.ts';
import { LauncherTree } from './tree.ts';
import { TreeError } from './tree-error.ts';

/** Trees that the launcher opens. */
export function createTrees(launcher: Pick<LauncherProcess, 'socket' | 'ready'>): Trees {
  return { open: (context, source) => openTree(context, launcher, source) };
}

async function openTree(
  context: Context,
  launcher: Pick<LauncherProcess, 'socket' | 'ready'>,
  source: TreeSource,
): Promise<Tree> {
  context.signal.throwIfAborted();
  const request = planFrame({ before: treePlan(source) });
  await launcher.ready();
  const session = await TreeSession.open(launcher.socket);
  const abandon = (): void => session.end(context.signal.reason);
  context.signal.addEventListener('abort', abandon);
  try {
    context.signal.throwIfAborted();
    await session.send(request);
    await begun(session, source);
    return new LauncherTree(session);
  } catch (error) {
    session.end(error);
    throw error;
  } finally {
    context.signal.removeEventListener('abort', abandon);
  }
}

/** Waits until the plan is carried out; what its steps return is of no use here. */
async function begun(session: TreeSession, source: TreeSource): Promise<void> {
  let frame: Frame = await session.next();
  while (frame.type === launcherFrames.result) frame = await session.next();
  if (frame.type === launcherFrames.done) return;
  if (frame.type !== launcherFrames.failed)
    throw internal(`the launcher answered with a frame of type ${frame.type}`);
  const error = planError(frame.payload);
  // The steps of a mounted source are their owner's to explain.
  throw source.kind === 'mounted' ? error : new TreeError(error.failure);
}
