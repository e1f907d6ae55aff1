import type { Context } from '../base/context.ts';
import { invalid, messageOf } from '../base/errors.ts';
import type { Slots } from '../base/slots.ts';
import { type Dockerfile, readDockerfile } from '../dockerfile/dockerfile.ts';
import { DockerfileError } from '../dockerfile/errors.ts';
import type { Image, ImageMaker, Images, LayerLease } from '../images/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { Platform } from '../oci/image.ts';
import { hostPlatform } from '../oci/platform.ts';
import { BaseImages } from './base-images.ts';
import { type CheckedFile, checkFile } from './check-file.ts';
import type { BuildListener, BuildRequest, LintWarning } from './contract.ts';
import type { FailedSteps } from './debug/failed-steps.ts';
import { makeVertex, type Vertex } from './definition/vertex.ts';
import type { FileTree } from './file-tree.ts';
import { type Compiled, type CompileOptions, compile } from './frontend/compile.ts';
import { unusedArgs } from './frontend/unused-args.ts';
import { cacheImages } from './output/cache-images.ts';
import { imageConfig } from './output/image-config.ts';
import type { ToldSteps } from './output/known-steps.ts';
import { Narrator } from './output/narrator.ts';
import { type Roots, stageTrail } from './output/stage-trail.ts';
import { Solver, type SolverParts, type StandIn, type StepFailure } from './solver/solve.ts';
import type { ResultLayers } from './steps/layers-of.ts';

export interface BuildRunParts extends Omit<SolverParts, 'slots'> {
  readonly images: Pick<Images, 'find' | 'list' | 'pull' | 'tag'>;
  readonly imageMaker: ImageMaker;
  readonly resultLayers: Pick<ResultLayers, 'of'>;
  readonly told: ToldSteps;
  readonly slots: Slots;
  readonly failedSteps: FailedSteps;
}

/** One build for one platform after the other, under one lease. */
export class BuildRun {
  readonly #parts: BuildRunParts;
  readonly #context: Context;
  readonly #request: BuildRequest;
  readonly #listener: BuildListener;
  readonly #lease: LayerLease;
  readonly #sourceDate: number | undefined;
  readonly #file: Dockerfile;
  /** Keys of the steps that it has to do with. */
  readonly uses = new Set<Digest>();
  /** What the linter says, once it has been asked. */
  warnings: readonly LintWarning[] | undefined;

  /** Fails with DockerfileError. */
  constructor(
    parts: BuildRunParts,
    context: Context,
    request: BuildRequest,
    { listener, lease }: { readonly listener: BuildListener; readonly lease: LayerLease },
  ) {
    this.#parts = parts;
    this.#context = context;
    this.#request = request;
    this.#listener = listener;
    this.#lease = lease;
    this.#sourceDate = request.sourceDate ?? dateOf(request.args['SOURCE_DATE_EPOCH']);
    this.#file = parseDockerfile(request.dockerfile, request.style);
  }

  /** The image's ID; `names` are given to it. */
  async make(platform: Platform, names: readonly string[]): Promise<Digest> {
    const images = new BaseImages({
      ...{ images: this.#parts.images, lease: this.#lease, request: this.#request, listener: this.#listener },
    });
    const options = this.#compileOptions(platform, images);
    const among = this.#cacheImages();
    const narrator = new Narrator({
      ...{ file: this.#file, options, listener: this.#listener, told: this.#parts.told },
      images: among ?? this.#parts.images.list(),
      isLimited: among !== undefined,
      sourceDate: this.#sourceDate,
    });
    narrator.begin();
    const compiled = await this.#compile(options, images).catch(async (error: unknown) => {
      await this.#check(platform);
      throw error;
    });
    (await this.#check(platform))?.refuse();
    this.#tellPlan(compiled);
    const roots: Roots = {
      solution: (vertex) => solver.solution(vertex),
      layersOf: ({ result }) => this.#parts.resultLayers.of(this.#context, this.#lease, result),
    };
    const standIn = among === undefined ? undefined : cacheImages(among, compiled.stages, roots);
    const solver = this.#solver(standIn);
    const making = solver.solve(compiled.stage.root).then(() => this.#write(compiled, roots, names));
    const telling = narrator.follow(compiled.stages, roots, () => making);
    const [made, told] = await Promise.allSettled([making, telling]);
    if (made.status === 'rejected') throw made.reason;
    if (told.status === 'rejected') throw told.reason;
    this.#tellUnused(compiled);
    return made.value;
  }

  /** When it fails, no base image is sought any more. */
  async #compile(options: CompileOptions, images: BaseImages): Promise<Compiled> {
    const failed = new AbortController();
    const signal = AbortSignal.any([this.#context.signal, failed.signal]);
    try {
      return await compile({ ...this.#context, signal }, this.#file, options);
    } catch (error) {
      failed.abort(error);
      await images.settled();
      throw error;
    }
  }

  #compileOptions(platform: Platform, images: BaseImages): CompileOptions {
    const { target, args, noCache, network, extraHosts, limits, labels, style, entitlements } = this.#request;
    return {
      ...{
        platform,
        host: hostPlatform(),
        target,
        args,
        noCache,
        network,
        entitlements,
        extraHosts,
        limits,
        labels,
        style,
      },
      contexts: this.#contexts(),
      images,
    };
  }

  #contexts(): CompileOptions['contexts'] {
    const { context, namedContexts } = this.#request;
    const all = Object.entries({ ...namedContexts, context });
    return Object.fromEntries(
      all.map(([name, tree]): [string, Vertex | { readonly image: string }] => {
        if (isImage(tree)) return [name, tree];
        const operation = { kind: 'local', name, content: tree.digest } as const;
        const what = name === 'context' ? 'build context' : `context ${name}`;
        return [name, makeVertex(operation, [], { name: `[internal] load ${what}`, ignoresCache: false })];
      }),
    );
  }

  #solver(standIn: StandIn | undefined): Solver {
    return new Solver(this.#context, this.#parts, {
      surroundings: { ...this.#request, sourceDate: this.#sourceDate },
      ...{ lease: this.#lease, listener: this.#listener, uses: this.uses, standIn },
      debug: this.#request.debug === true ? (context, failure) => this.#offerShell(context, failure) : undefined,
    });
  }

  #offerShell(context: Context, { vertex, error, shell }: StepFailure): Promise<void> {
    const { digest, note } = vertex;
    const args = note.shell?.operation.args ?? [];
    return this.#parts.failedSteps.keep(context, shell, (id) =>
      this.#listener.onShell?.({ id, vertex: digest, args, error: messageOf(error) }),
    );
  }

  /** The images that alone may stand in for the cache, those of them that are here; undefined for no such limit. */
  #cacheImages(): readonly Image[] | undefined {
    const { cacheFrom } = this.#request;
    if (cacheFrom.length === 0) return undefined;
    return cacheFrom.flatMap((name) => this.#parts.images.find(name) ?? []);
  }

  /** By now the base images are here, if they can be had. The classic builder checks nothing. */
  async #check(platform: Platform): Promise<CheckedFile | undefined> {
    if (this.warnings !== undefined || this.#request.style === 'classic') return undefined;
    const checked = await checkFile(this.#context, this.#parts, this.#file, this.#request, platform);
    this.warnings = checked.warnings;
    this.#listener.onWarnings?.(checked.warnings);
    return checked;
  }

  #tellPlan({ vertices }: Compiled): void {
    this.#listener.onPlan?.(
      vertices.map(({ digest, note, inputs }) => ({
        ...{ digest, name: note.name },
        inputs: inputs.map((input) => input.digest),
      })),
    );
  }

  #tellUnused({ stages }: Compiled): void {
    const used = new Set(stages.flatMap(({ scope }) => [...scope.args.keys()]));
    const args = unusedArgs(this.#file, this.#request.args).filter((name) => !used.has(name));
    if (args.length > 0) this.#listener.onTranscript?.({ type: 'unused', args });
  }

  async #write({ stage, platform }: Compiled, roots: Roots, names: readonly string[]): Promise<Digest> {
    const { images, imageMaker } = this.#parts;
    const { style } = this.#request;
    const base = stage.origin.operation.kind === 'image' ? stage.origin.operation.image : undefined;
    if (style === 'classic' && stage.history.length === 0 && base !== undefined) {
      for (const name of names) await images.tag(this.#context, base, name);
      return base;
    }
    const trail = await Array.fromAsync(stageTrail(stage, roots));
    const layers = trail.at(-1)?.layers ?? (await roots.layersOf(await roots.solution(stage.root)));
    if (style === 'classic' && stage.history.length === 0 && layers.length === 0) {
      throw invalid('No image was generated. Is your Dockerfile empty?');
    }
    const config = imageConfig({
      ...{ base: stage.base, process: stage.process, author: stage.author, platform, layers, style },
      steps: trail.map(({ made }) => made),
      sourceDate: this.#sourceDate,
    });
    const parent = style === 'classic' ? base : undefined;
    const image = await imageMaker.create(this.#context, { config, parent, references: names });
    return image.id;
  }
}

/** Fails with DockerfileError, which says the line in Docker's words. */
export function parseDockerfile(text: string, style: BuildRequest['style'] = 'buildkit'): Dockerfile {
  try {
    return readDockerfile(text);
  } catch (error) {
    if (!(error instanceof DockerfileError) || error.lines === undefined) throw error;
    const { lines, message, fault } = error;
    if (fault === 'instruction') {
      throw new DockerfileError(`dockerfile parse error on line ${lines.first}: ${message}`, lines);
    }
    if (fault === 'meaning' || style === 'buildkit') throw error;
    throw new DockerfileError(`failed to parse Dockerfile: ${message}`, lines);
  }
}

function isImage(input: FileTree | { readonly image: string }): input is { readonly image: string } {
  return 'image' in input;
}

function dateOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}
