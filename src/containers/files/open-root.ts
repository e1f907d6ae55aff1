import { type Context, throwIfAborted } from '../../base/context.ts';
import { isCode, notFound } from '../../base/errors.ts';
import type { Task } from '../../runtime/contract.ts';
import type { Tree } from '../../runtime/trees/contract.ts';
import { isAlive } from '../lifecycle/is-alive.ts';
import { releaseVolumes } from '../lifecycle/mount-sources.ts';
import type { Mutex } from '../lifecycle/mutex.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { mountDestinations, mountedRoot } from './mounted-root.ts';

/** A container's root filesystem, open. While it is, the container cannot be started; closing it once is enough. */
export interface OpenRoot extends AsyncDisposable {
  readonly tree: Tree;
  /** It is the root of a running process. */
  readonly live: boolean;
  /** Where something of the container's own is mounted. */
  readonly mounts: readonly string[];
}

/**
 * Opens the root of a container's process, or mounts that of a container that does not run. `bare`: without what is mounted into it.
 * It closes by itself when the operation is given up, for a stream that nobody reads any more may be all that holds it.
 */
export async function openRoot(
  parts: Parts,
  context: Context,
  entry: Entry,
  bare: boolean,
): Promise<OpenRoot> {
  for (;;) {
    throwIfAborted(context);
    const { task } = entry;
    const opened =
      task === undefined
        ? await openStopped(parts, context, entry, bare)
        : await openLive(parts, context, entry, task, bare);
    if (opened !== undefined) return closingOnAbort(context, opened);
  }
}

/** Where the mounts are when links on the way to them are resolved; each once, in order. */
export async function realMounts(context: Context, { tree, mounts }: OpenRoot): Promise<string[]> {
  const stats = await Promise.all(mounts.map((mount) => tree.stat(context, mount, true)));
  const paths = stats.flatMap((stat) => (stat === undefined ? [] : [stat.path]));
  return [...new Set(paths)].sort();
}

/** Undefined when the process ended before its root was surely open: its ID could have been another process's by then. */
async function openLive(
  parts: Parts,
  context: Context,
  entry: Entry,
  task: Task,
  bare: boolean,
): Promise<OpenRoot | undefined> {
  const release = entry.liveRoots.hold();
  let tree: Tree | undefined;
  try {
    tree = await parts.trees.open(context, { kind: 'process', pid: task.pid, bare });
    if (await isAlive(task, context)) {
      const mounts = bare ? [] : mountDestinations(entry, true);
      return { tree, live: true, mounts, [Symbol.asyncDispose]: closer(tree, release) };
    }
  } catch (error) {
    // A process that has ended has no root, even while its supervisor still finds it.
    if (!isCode(error, 'not-found')) {
      release();
      throw error;
    }
  }
  await tree?.[Symbol.asyncDispose]();
  release();
  await task.exited.catch(() => {});
  await entry.lock.idle();
  return undefined;
}

/** Undefined when it was started before its lock was to be had. */
async function openStopped(
  parts: Parts,
  context: Context,
  entry: Entry,
  bare: boolean,
): Promise<OpenRoot | undefined> {
  const unlock = await holdLock(entry.lock);
  const release = (): Promise<void> => releaseVolumes(parts, entry).finally(unlock);
  try {
    if (!parts.registry.has(entry.id)) throw notFound(`No such container: ${entry.id}`);
    if (entry.task === undefined) {
      // Copies from its last run may still hold it mounted.
      await entry.liveRoots.gone();
      const tree = await parts.trees.open(context, await mountedRoot(parts, context, entry, bare));
      const mounts = bare ? [] : mountDestinations(entry, false);
      return { tree, live: false, mounts, [Symbol.asyncDispose]: closer(tree, release) };
    }
  } catch (error) {
    await release();
    throw error;
  }
  unlock();
  return undefined;
}

/** Waits for the lock; returns what gives it back. */
function holdLock(lock: Mutex): Promise<() => void> {
  return new Promise((resolve) => {
    void lock.run(() => new Promise<void>((release) => resolve(release)));
  });
}

/** Closes once, however often it is asked to. */
function closer(tree: Tree, release: () => void | Promise<void>): () => Promise<void> {
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    try {
      await tree[Symbol.asyncDispose]();
    } finally {
      await release();
    }
  };
  return () => {
    closing ??= close();
    return closing;
  };
}

function closingOnAbort(context: Context, root: OpenRoot): OpenRoot {
  const { signal } = context;
  const close = (): void => {
    // Whoever reads the tree is told by the failure of that.
    void (async () => root[Symbol.asyncDispose]())().catch(() => {});
  };
  signal.addEventListener('abort', close, { once: true });
  if (signal.aborted) close();
  return {
    ...root,
    [Symbol.asyncDispose]: () => {
      signal.removeEventListener('abort', close);
      return root[Symbol.asyncDispose]();
    },
  };
}
