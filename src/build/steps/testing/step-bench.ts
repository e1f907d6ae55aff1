import { expect } from 'bun:test';
import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background, type Context } from '../../../base/context.ts';
import { openDatabase } from '../../../base/database.ts';
import { silentLogger } from '../../../base/log.ts';
import type { FileContentStore } from '../../../content/contract.ts';
import { openContentStore } from '../../../content/filesystem-store.ts';
import type { ImageMaker, LayerLease } from '../../../images/contract.ts';
import type { Digest } from '../../../oci/digest.ts';
import { type LauncherProcess, openLauncher } from '../../../runtime/launcher.ts';
import { createTrees } from '../../../runtime/trees/trees.ts';
import type { SnapshotDriver } from '../../../snapshots/contract.ts';
import { openErofsDriver } from '../../../snapshots/erofs-driver.ts';
import { makeVertex, type Operation, type Vertex } from '../../definition/vertex.ts';
import type { FileTree } from '../../file-tree.ts';
import { LayersTree } from '../../files/layers-tree.ts';
import { buildSchema } from '../../schema.ts';
import { identityOf, type Result } from '../../solver/result.ts';
import type { Made, Step, StepMaker, Surroundings } from '../../solver/step.ts';
import { KeptSources } from '../../sources/kept-sources.ts';
import type { FileStepParts } from '../parts.ts';
import { makeSteps } from '../steps.ts';

const binary = process.env['SAMPAN_LAUNCHER'] ?? join(import.meta.dir, '../../../../build/sampan-launcher');

export const scratch: Result = { kind: 'layers', layers: [] };

/** Steps on a real driver and launcher in a directory of their own. */
export class StepBench implements AsyncDisposable {
  readonly context: Context = background();
  readonly directory: string;
  readonly launcher: LauncherProcess;
  readonly content: FileContentStore;
  readonly driver: SnapshotDriver;
  readonly held = new Set<Digest>();
  readonly parts: FileStepParts;

  private constructor(
    directory: string,
    launcher: LauncherProcess,
    content: FileContentStore,
    driver: SnapshotDriver,
  ) {
    this.directory = directory;
    this.launcher = launcher;
    this.content = content;
    this.driver = driver;
    const mountPoint = join(directory, 'mount');
    mkdirSync(mountPoint);
    this.parts = {
      ...{ directory, mountPoint, snapshots: driver, trees: createTrees(launcher), images: this.#images() },
      layersOfImage: () => [],
      sources: KeptSources.open({
        database: openDatabase(':memory:', [buildSchema]),
        directory: join(directory, 'sources'),
      }),
    };
  }

  static async open(): Promise<StepBench> {
    const directory = await mkdtemp(join(tmpdir(), 'sampan-steps-'));
    const launcher = await openLauncher({ binary, socket: join(directory, 'socket'), log: silentLogger });
    const content = await openContentStore(join(directory, 'content'));
    const [root, execRoot] = [join(directory, 'data'), join(directory, 'run')];
    const driver = await openErofsDriver({ root, execRoot, content, launcher });
    return new StepBench(directory, launcher, content, driver);
  }

  get lease(): LayerLease {
    return { hold: (layer) => this.held.add(layer), [Symbol.dispose]: () => {} };
  }

  step<O extends Operation>(
    operation: O,
    inputs: readonly Result[],
    surroundings: Partial<Surroundings>,
  ): Step<O> {
    const note = { name: '[1/1] COPY', ignoresCache: false };
    const vertices = inputs.map((input) => vertexOf(input));
    const vertex = makeVertex(operation, vertices, note);
    return {
      ...{ context: this.context, vertex, operation, inputs, lease: this.lease },
      surroundings: { style: 'buildkit', sourceDate: undefined, ...surroundings } as Surroundings,
      tell: { output: () => {}, progress: () => {} },
    };
  }

  async key(
    operation: Operation,
    inputs: readonly Result[],
    surroundings: Partial<Surroundings> = {},
  ): Promise<string> {
    return JSON.stringify(await this.#maker(operation).key(this.step(operation, inputs, surroundings)));
  }

  async make(
    operation: Operation,
    inputs: readonly Result[],
    surroundings: Partial<Surroundings> = {},
  ): Promise<Made> {
    return this.#maker(operation).make(this.step(operation, inputs, surroundings));
  }

  /** What a step makes on top of its first input. */
  async on(
    operation: Operation,
    inputs: readonly Result[],
    surroundings: Partial<Surroundings> = {},
  ): Promise<Result> {
    const made = await this.make(operation, inputs, surroundings);
    if (made.kind !== 'added') return made;
    const [first] = inputs;
    const below = first?.kind === 'layers' ? first.layers : [];
    return { kind: 'layers', layers: [...below, ...made.layers] };
  }

  /** "type mode uid:gid target-or-content" of each path of a result, the root left out. */
  async inventory(result: Result): Promise<Record<string, string>> {
    if (result.kind === 'files') return inventoryOf(this.context, result.tree);
    await using tree = await LayersTree.open(this.context, this.parts, result.layers, identityOf(result));
    return await inventoryOf(this.context, tree);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.driver.release(this.context, new Set());
    await this.launcher[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true });
  }

  #maker(operation: Operation): StepMaker {
    const makers = makeSteps(this.parts) as Readonly<Record<string, StepMaker>>;
    const maker = makers[operation.kind];
    if (maker === undefined) throw new Error(`there is no maker of ${operation.kind}`);
    return maker;
  }

  #images(): FileStepParts['images'] {
    const receiveLayer: ImageMaker['receiveLayer'] = async (context, lease, tar) => {
      await using receiver = await this.driver.receive(context);
      for await (const chunk of tar) await receiver.write(chunk);
      const received = await receiver.commit();
      lease.hold(received.diffId);
      return received;
    };
    return { receiveLayer, leaseLayers: () => this.lease };
  }
}

/** A vertex that might have made a result. */
function vertexOf(result: Result): Vertex {
  const note = { name: '', ignoresCache: false };
  if (result.kind === 'layers') return makeVertex({ kind: 'scratch' }, [], note);
  return makeVertex({ kind: 'local', name: 'context', content: result.tree.digest }, [], note);
}

async function inventoryOf(context: Context, tree: FileTree): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  let name = '';
  for await (const part of tree.read(context, '/', () => true)) {
    if (part instanceof Uint8Array) found[name] += Buffer.from(part).toString('latin1');
    else {
      name = part.name;
      const { type, mode = 0, uid = 0, gid = 0, linkName = '' } = part;
      const permissions = type === 'symlink' ? '' : ` ${mode.toString(8)}`;
      const owner = `${uid}:${gid}`;
      found[name] =
        type === 'hardlink' ? `hardlink ${linkName}` : `${type}${permissions} ${owner} ${linkName}`;
    }
  }
  delete found['.'];
  return found;
}

export async function rejectionOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return error instanceof Error ? error.message : '';
}
