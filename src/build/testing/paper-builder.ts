import { background, type Context } from '../../base/context.ts';
import { openDatabase } from '../../base/database.ts';
import { notFound } from '../../base/errors.ts';
import type {
  CreateImageRequest,
  CreateIndexRequest,
  Image,
  ImageIndex,
  ImageStatement,
  Images,
  LayerLease,
} from '../../images/contract.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import type { ImageConfig, ImageProcess, Platform } from '../../oci/image.ts';
import { hostPlatform } from '../../oci/platform.ts';
import { familiarReference, parseReference, withDefaultTag } from '../../oci/reference.ts';
import { type BuilderParts, createBuilder } from '../builder.ts';
import { CacheKeeper } from '../cache/cache-keeper.ts';
import type { Builder, BuildListener, BuildRequest, BuildResult } from '../contract.ts';
import type { Operation } from '../definition/vertex.ts';
import { SingleFileTree } from '../files/single-file-tree.ts';
import { buildSchema } from '../schema.ts';
import { inputIdentities } from '../solver/solve.ts';
import type { Made, Step, StepMakers } from '../solver/step.ts';
import { StepCache } from '../solver/step-cache.ts';
import { ProcessError } from '../steps/process-error.ts';
import { PaperRegistry } from './paper-registry.ts';

export const layerOf = (text: string): Digest => digestOf(Buffer.from(text));

const limits = {
  ...{ cgroupParent: '', memory: 0, memorySwap: 0, cpuShares: 0, cpuPeriod: 0, cpuQuota: 0 },
  ...{ cpusetCpus: '', cpusetMems: '', shmSize: 0, ulimits: [] },
};

/** A builder whose steps are made of paper: what a command or a copy adds is a layer named by it. "exit N" fails, "true" adds nothing. */
export class PaperBuilder {
  readonly builder: Builder;
  readonly images = new Map<Digest, Image>();
  readonly pulled: [reference: string, user: string | undefined][] = [];
  readonly ran: string[] = [];
  readonly cache = new StepCache(openDatabase(':memory:', [buildSchema]));
  /** What leases hold at this moment. */
  readonly held = new Set<Digest>();
  readonly created: CreateImageRequest[] = [];
  checkLimits: BuilderParts['checkLimits'] = () => {};
  readonly indexes: CreateIndexRequest[] = [];
  /** What was said about an image, by its ID. */
  readonly statements = new Map<Digest, readonly ImageStatement[]>();
  run: (command: string, step: Step) => Promise<void> = async () => {};
  /** Images that only a registry has. */
  readonly remote = new Map<string, ImageConfig>();
  readonly #registry: PaperRegistry;

  /** `registry`: where caches are kept. */
  constructor(registry: PaperRegistry = new PaperRegistry()) {
    this.#registry = registry;
    this.builder = createBuilder(this.#parts());
  }

  /** An image that is here; of one layer. */
  add(name: string, process: ImageProcess = {}, platform: Platform = hostPlatform()): Image {
    return this.#keep(imageOf(name, process, platform), [name]);
  }

  async build(
    dockerfile: string,
    change: Partial<BuildRequest> = {},
    listener: BuildListener = {},
    context: Context = background(),
  ): Promise<BuildResult> {
    return this.builder.build(context, this.request(dockerfile, change), listener);
  }

  request(dockerfile: string, change: Partial<BuildRequest> = {}): BuildRequest {
    return {
      ...{ id: '', dockerfile, filename: 'Dockerfile', namedContexts: {}, target: '', args: {}, labels: {} },
      context: new SingleFileTree({ type: 'file', name: 'x', mode: 0o644 }, Buffer.from('content')),
      ...{ platforms: [hostPlatform()], tags: [], noCache: false, pull: false, network: '', extraHosts: [] },
      ...{ limits, secrets: async () => undefined, ssh: () => undefined, credentials: () => undefined },
      ...{ cacheFrom: [], style: 'buildkit', sourceDate: undefined },
      ...change,
    };
  }

  /** The configuration of what a build made. */
  configOf({ images }: BuildResult): ImageConfig {
    const image = this.images.get(images[0]?.id ?? layerOf(''));
    if (image === undefined) throw new Error('there is no such image');
    return image.config;
  }

  #keep(config: ImageConfig, names: readonly string[]): Image {
    const id = digestOf(Buffer.from(JSON.stringify(config)));
    const tags = names.map((name) => familiarReference(withDefaultTag(parseReference(name))));
    const known = this.images.get(id)?.tags ?? [];
    const { os, architecture } = config;
    const image: Image = {
      ...{ id, config, tags: [...new Set([...known, ...tags])], digests: [], size: 0, created: undefined },
      ...{ lastTagged: undefined, parent: undefined, platform: { os, architecture }, manifest: undefined },
    };
    this.images.set(id, image);
    return image;
  }

  /** A manifest is named by its image. */
  #keepIndex(request: CreateIndexRequest): ImageIndex {
    this.indexes.push(request);
    const members = request.members.map(({ image: given, platform, statements }) => {
      const image = typeof given === 'string' ? given : this.#keep(given, request.references).id;
      const manifest = layerOf(`manifest of ${image}`);
      this.statements.set(image, statements(manifest));
      return { image, platform, manifest, isNew: true };
    });
    return { digest: layerOf(JSON.stringify(request)), size: 1, members };
  }

  #parts(): BuilderParts {
    const { cache } = this;
    const { registries, exchange } = this.#registry;
    const images = this.#images();
    const imageMaker: BuilderParts['imageMaker'] = {
      leaseLayers: () => this.#lease(),
      // Only the empty one.
      receiveLayer: async () => ({ diffId: layerOf(''), size: 0 }),
      dropLayers: async () => {},
      idOf: (config) => digestOf(Buffer.from(JSON.stringify(config))),
      create: async (_context, request) => {
        this.created.push(request);
        return { ...this.#keep(request.config, request.references), isNew: true };
      },
      createIndex: async (_context, request) => this.#keepIndex(request),
    };
    return {
      ...{ cache, images, imageMaker, directory: '/nonexistent', layerSize: async () => 1 },
      ...{ registries, exchange },
      openShell: async () => {},
      checkLimits: (limits) => this.checkLimits(limits),
      mounts: { export: () => Promise.reject(notFound('paper')), import: async () => '' },
      snapshots: { hasLayer: async () => true },
      openLayers: () => Promise.reject(new Error('paper has no files')),
      steps: this.#steps(),
      resultLayers: {
        of: async (_context, _lease, result) => {
          if (result.kind === 'layers') await result.bring?.();
          return result.kind === 'layers' ? result.layers : [];
        },
      },
      contexts: { begin: () => Promise.reject(notFound('paper is no directory')) },
      keeper: new CacheKeeper({
        ...{ cache, images, imageMaker, diskSize: async () => 1, freeSpace: async () => 1 },
        mounts: { list: async () => [], remove: async () => 0 },
        contexts: { list: async () => [], remove: async () => true },
        sources: { list: () => [], remove: () => true },
      }),
    };
  }

  #images(): Pick<Images, 'find' | 'list' | 'pull' | 'tag'> {
    const find = (name: string): Image | undefined => {
      const tag = familiarReference(withDefaultTag(parseReference(name)));
      return [...this.images.values()].find(({ tags }) => tags.includes(tag));
    };
    return {
      find,
      list: () => [...this.images.values()],
      tag: async (_context, source, target) => {
        const config = this.images.get(source as Digest)?.config;
        if (config !== undefined) this.#keep(config, [target]);
      },
      pull: async ({ signal }, reference, { credentials, onFound }) => {
        this.pulled.push([reference, credentials?.username]);
        if (reference.includes('slow')) await givenUp(signal);
        const config = this.remote.get(reference);
        if (config === undefined) throw notFound(`pull access denied for ${reference}`);
        onFound?.();
        const image = this.#keep(config, [reference]);
        return { image, digest: image.id, reference, isNew: true };
      },
    };
  }

  #lease(): LayerLease {
    const own = new Set<Digest>();
    return {
      hold: (layer) => {
        own.add(layer);
        this.held.add(layer);
      },
      [Symbol.dispose]: () => {
        for (const layer of own) this.held.delete(layer);
      },
    };
  }

  #steps(): StepMakers {
    const nothing = async (): Promise<Made> => ({ kind: 'layers', layers: [] });
    const unkeyed = async (): Promise<undefined> => undefined;
    const key = async (step: Step): Promise<unknown> => [step.operation, inputIdentities(step)];
    return {
      scratch: { key: unkeyed, make: nothing },
      image: {
        key: unkeyed,
        make: async ({ operation }) => ({
          kind: 'layers',
          layers: this.images.get(operation.image)?.config.rootfs.diff_ids ?? [],
        }),
      },
      local: {
        key: unkeyed,
        make: async ({ surroundings }) => ({ kind: 'files', tree: surroundings.context }),
      },
      http: { key: unkeyed, make: nothing },
      git: { key: unkeyed, make: nothing },
      run: { key, make: (step) => this.#run(step) },
      copy: { key, make: async (step) => added(`copy ${JSON.stringify(step.operation.destination)}`) },
      directory: { key, make: async (step) => added(`directory ${step.operation.path}`) },
    };
  }

  async #run(step: Step<Extract<Operation, { kind: 'run' }>>): Promise<Made> {
    const command = step.operation.args.at(-1) ?? '';
    this.ran.push(command);
    await this.run(command, step);
    const code = /^exit (\d+)$/.exec(command)?.[1];
    if (code !== undefined) throw new ProcessError(step.operation.args, Number(code), false);
    return command === 'true' ? { kind: 'added', layers: [] } : added(`run ${command} ${this.ran.length}`);
  }
}

function givenUp(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}

function added(text: string): Made {
  return { kind: 'added', layers: [layerOf(text)] };
}

/** A configuration of one layer, with a line of history. */
export function imageOf(
  name: string,
  process: ImageProcess = {},
  platform: Platform = hostPlatform(),
): ImageConfig {
  const created = '2020-01-02T03:04:05Z';
  return {
    ...{ ...platform, created, config: process },
    rootfs: { type: 'layers', diff_ids: [layerOf(name)] },
    history: [{ created, created_by: `made ${name}` }],
  };
}
