import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Context } from '../../base/context.ts';
import { conflict, SampanError } from '../../base/errors.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Tree, TreePart, TreeSource } from '../../runtime/trees/contract.ts';
import { readChanges } from './changes.ts';
import type { Sandbox, SandboxRequest } from './contract.ts';
import { MountPoints } from './mount-points.ts';
import type { SandboxParts } from './parts.ts';
import type { Place } from './place.ts';
import { runProcess } from './run-process.ts';
import { WritableParts } from './staged-mounts.ts';

/** A sandbox whose root is a snapshot. One thing is done with it at a time: its writable part cannot be mounted twice. */
export class SnapshotSandbox implements Sandbox {
  readonly #parts: SandboxParts;
  readonly #place: Place;
  readonly #layers: readonly Digest[];
  readonly #removed: () => void;
  readonly #mountPoints = new MountPoints();
  readonly #writable: WritableParts;
  readonly #disposed = new AbortController();
  #removing: Promise<void> | undefined;
  #isBusy = false;
  /** Ends with the run that is under way. */
  #running: Promise<void> | undefined;
  /** Nothing has been written to its root yet. */
  #isFresh = true;

  /** `removed` is called when nothing of it is left. */
  constructor(parts: SandboxParts, place: Place, layers: readonly Digest[], removed: () => void) {
    this.#parts = parts;
    this.#place = place;
    this.#layers = layers;
    this.#removed = removed;
    this.#writable = new WritableParts(place.id);
  }

  async run(context: Context, request: SandboxRequest): ReturnType<Sandbox['run']> {
    using _turn = this.#turn();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#running = promise;
    try {
      const own = this.#whileOpen(context);
      await this.#noteMountPoints(own, request);
      this.#isFresh = false;
      return await runProcess(this.#parts, own, this.#place, request, this.#writable);
    } finally {
      resolve();
    }
  }

  async root(context: Context): Promise<Tree> {
    const turn = this.#turn();
    const { signal } = this.#disposed;
    try {
      const tree = await this.#openRoot(context);
      this.#isFresh = false;
      const closing = async (): Promise<void> => {
        signal.removeEventListener('abort', giveUp);
        try {
          await tree[Symbol.asyncDispose]();
        } finally {
          turn[Symbol.dispose]();
        }
      };
      let closed: Promise<void> | undefined;
      const close = (): Promise<void> => {
        closed ??= closing();
        return closed;
      };
      const giveUp = (): void => void close().catch(() => {});
      signal.addEventListener('abort', giveUp, { once: true });
      return closedBy(tree, close);
    } catch (error) {
      turn[Symbol.dispose]();
      throw error;
    }
  }

  async *changes(context: Context): AsyncGenerator<TreePart, void, void> {
    using _turn = this.#turn();
    const { snapshots, paths } = this.#parts;
    const path = snapshots.changesPath(this.#place.key);
    if (readdirSync(path).length === 0) return;
    const own = this.#whileOpen(context);
    const root = paths.rootTarget;
    const view = await snapshots.view(own, this.#layers, root);
    await using trees = await this.#openAll(own, [
      { kind: 'directory', path },
      { kind: 'mounted', operations: view.operations, root },
    ]);
    const [writable, below] = trees.opened;
    if (writable !== undefined && below !== undefined) {
      yield* readChanges(own, writable, below, this.#mountPoints);
    }
  }

  /** Once, however often it is asked for. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#removing ??= this.#remove();
    return this.#removing;
  }

  async #remove(): Promise<void> {
    this.#disposed.abort(new SampanError('cancelled', 'the sandbox is being removed'));
    // Whoever only looks at it may never come to an end.
    await this.#running;
    const { snapshots, background } = this.#parts;
    await Promise.all([
      ...[this.#place.key, ...this.#writable.keys].map((key) => snapshots.remove(background, key)),
      rm(this.#place.directory, { recursive: true, force: true }),
    ]);
    this.#removed();
  }

  #whileOpen(context: Context): Context {
    return { ...context, signal: AbortSignal.any([context.signal, this.#disposed.signal]) };
  }

  async #noteMountPoints(context: Context, request: SandboxRequest): Promise<void> {
    if (request.mounts.length + request.files.length === 0) return;
    if (this.#isFresh) return this.#mountPoints.add(context, request, undefined);
    await using root = await this.#openRoot(context);
    await this.#mountPoints.add(context, request, root);
  }

  async #openRoot(context: Context): Promise<Tree> {
    const root = this.#parts.paths.rootTarget;
    const { operations } = await this.#parts.snapshots.mount(context, this.#place.key, root);
    return await this.#parts.trees.open(context, { kind: 'mounted', operations, root });
  }

  /** At the same time, and none if one fails. */
  async #openAll(
    context: Context,
    sources: readonly TreeSource[],
  ): Promise<AsyncDisposable & { readonly opened: readonly Tree[] }> {
    const stack = new AsyncDisposableStack();
    const results = await Promise.allSettled(
      sources.map((source) => this.#parts.trees.open(context, source)),
    );
    const opened = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    for (const tree of opened) stack.use(tree);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed === undefined) return { opened, [Symbol.asyncDispose]: () => stack.disposeAsync() };
    await stack.disposeAsync();
    throw failed.reason;
  }

  #turn(): Disposable {
    this.#disposed.signal.throwIfAborted();
    if (this.#isBusy) throw conflict('the sandbox is in use');
    this.#isBusy = true;
    return {
      [Symbol.dispose]: () => {
        this.#isBusy = false;
      },
    };
  }
}

function closedBy(tree: Tree, close: () => Promise<void>): Tree {
  return {
    stat: (context, path, follow) => tree.stat(context, path, follow),
    read: (context, path, options) => tree.read(context, path, options),
    write: (context, path, parts, options) => tree.write(context, path, parts, options),
    [Symbol.asyncDispose]: close,
  };
}
