import { mkdirSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { background, type Context } from '../../base/context.ts';
import { conflict, SampanError } from '../../base/errors.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Tree, TreePart } from '../../runtime/trees/contract.ts';
import { builtInDefaults } from '../defaults.ts';
import { createPaths } from '../paths.ts';
import { readChanges } from './changes.ts';
import type { Sandbox, Sandboxes, SandboxRequest } from './contract.ts';
import { MountPoints } from './mount-points.ts';
import type { SandboxesOptions, SandboxParts } from './parts.ts';
import { newPlace, type Place, stagingDirectory } from './place.ts';
import { runProcess } from './run-process.ts';

/** Sandboxes with the engine's own parts. What a killed daemon left of its sandboxes is swept up by the recovery of containers. */
export function createSandboxes(options: SandboxesOptions): Sandboxes {
  const paths = createPaths(options.dataRoot, options.execRoot);
  mkdirSync(paths.rootTarget, { recursive: true, mode: 0o710 });
  mkdirSync(stagingDirectory(paths), { recursive: true, mode: 0o700 });
  const { snapshots, runtime, trees, networks, log, containers } = options;
  const parts: SandboxParts = {
    ...{ snapshots, runtime, trees, networks, log, containers, paths },
    defaults: { ...builtInDefaults, ...options.defaults },
    background: background(log),
  };
  return {
    async open(context, layers) {
      const place = newPlace(paths);
      await snapshots.prepare(context, place.key, layers);
      return new SnapshotSandbox(parts, place, layers);
    },
  };
}

class SnapshotSandbox implements Sandbox {
  readonly #parts: SandboxParts;
  readonly #place: Place;
  readonly #layers: readonly Digest[];
  readonly #mountPoints = new MountPoints();
  readonly #disposed = new AbortController();
  /** Ends with what is at work; its root cannot be mounted a second time meanwhile. */
  #work: Promise<unknown> | undefined;
  /** Nothing has been written to its root yet. */
  #isFresh = true;

  constructor(parts: SandboxParts, place: Place, layers: readonly Digest[]) {
    this.#parts = parts;
    this.#place = place;
    this.#layers = layers;
  }

  async run(context: Context, request: SandboxRequest): ReturnType<Sandbox['run']> {
    using _turn = this.#turn();
    const { signal } = context;
    const own = { ...context, signal: AbortSignal.any([signal, this.#disposed.signal]) };
    await this.#noteMountPoints(own, request);
    this.#isFresh = false;
    return await runProcess(this.#parts, own, this.#place, request);
  }

  async root(context: Context): Promise<Tree> {
    const turn = this.#turn();
    try {
      const tree = await this.#openRoot(context);
      this.#isFresh = false;
      return closing(tree, () => turn[Symbol.dispose]());
    } catch (error) {
      turn[Symbol.dispose]();
      throw error;
    }
  }

  async *changes(context: Context): AsyncGenerator<TreePart, void, void> {
    using _turn = this.#turn();
    const { snapshots, trees, paths } = this.#parts;
    const path = snapshots.changesPath(this.#place.key);
    if (readdirSync(path).length === 0) return;
    const openBelow = async (): Promise<Tree> => {
      const root = paths.rootTarget;
      const { operations } = await snapshots.view(context, this.#layers, root);
      return await trees.open(context, { kind: 'mounted', operations, root });
    };
    await using opened = new AsyncDisposableStack();
    const both = await Promise.allSettled([trees.open(context, { kind: 'directory', path }), openBelow()]);
    for (const each of both) if (each.status === 'fulfilled') opened.use(each.value);
    const [writable, below] = both.map(resultOf);
    if (writable !== undefined && below !== undefined) {
      yield* readChanges(context, writable, below, this.#mountPoints);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort(new SampanError('cancelled', 'the sandbox is being removed'));
    await this.#work;
    const { snapshots, background } = this.#parts;
    await Promise.all([
      snapshots.remove(background, this.#place.key),
      rm(this.#place.directory, { recursive: true, force: true }),
    ]);
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

  #turn(): Disposable {
    this.#disposed.signal.throwIfAborted();
    if (this.#work !== undefined) throw conflict('the sandbox is in use');
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#work = promise;
    return {
      [Symbol.dispose]: () => {
        this.#work = undefined;
        resolve();
      },
    };
  }
}

function resultOf<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'fulfilled') return settled.value;
  throw settled.reason;
}

function closing(tree: Tree, closed: () => void): Tree {
  return {
    stat: (context, path, follow) => tree.stat(context, path, follow),
    read: (context, path, options) => tree.read(context, path, options),
    write: (context, path, parts, options) => tree.write(context, path, parts, options),
    async [Symbol.asyncDispose]() {
      try {
        await tree[Symbol.asyncDispose]();
      } finally {
        closed();
      }
    },
  };
}
