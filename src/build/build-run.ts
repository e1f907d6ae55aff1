import type { Context } from '../base/context.ts';
import { invalid, messageOf } from '../base/errors.ts';
import type { Slots } from '../base/slots.ts';
import { type Dockerfile, readDockerfile } from '../dockerfile/dockerfile.ts';
import { DockerfileError } from '../dockerfile/errors.ts';
import type { Image, ImageMaker, Images, LayerLease, ManifestOptions } from '../images/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { ImageConfig, Platform } from '../oci/image.ts';
import { formatPlatform, hostPlatform } from '../oci/platform.ts';
import { BaseImages } from './base-images.ts';
import type { BuildCaches } from './cache/remote/build-caches.ts';
import type { SolvedBuild } from './cache/remote/exported-steps.ts';
import { type CheckedFile, checkFile } from './check-file.ts';
import type { BuildListener, BuildRequest, LintWarning } from './contract.ts';
import type { FailedSteps } from './debug/failed-steps.ts';
import { makeVertex, type Vertex } from './definition/vertex.ts';
import type { FileTree } from './file-tree.ts';
import { type Compiled, type CompileOptions, compile } from './frontend/compile.ts';
import { refuseForeignSyntax } from './frontend/foreign-syntax.ts';
import { unusedArgs } from './frontend/unused-args.ts';
import { cacheImages } from './output/cache-images.ts';
import { imageConfig } from './output/image-config.ts';
import type { ToldSteps } from './output/known-steps.ts';
import { Narrator } from './output/narrator.ts';
import { type Roots, stageTrail } from './output/stage-trail.ts';
import { Solver, type SolverParts, type StepFailure } from './solver/solve.ts';
import type { StandIn } from './solver/step-lookup.ts';
import { sourceDateOf } from './source-date.ts';
import type { ResultLayers } from './steps/layers-of.ts';

export interface BuildRunParts extends Omit<SolverParts, 'slots'> {
  readonly images: Pick<Images, 'find' | 'list' | 'pull' | 'tag'>;
  readonly imageMaker: ImageMaker;
  readonly resultLayers: Pick<ResultLayers, 'of'>;
  readonly told: ToldSteps;
  readonly slots: Slots;
  readonly failedSteps: FailedSteps;
}

/** What a build made for one platform, and of what. */
export interface MadeImage {
  readonly platform: Platform;
  readonly id: Digest;
  /** Of an image that is not entered yet. */
  readonly config: ImageConfig | undefined;
  /** Where one was asked for. */
  readonly manifest: Digest | undefined;
  /** Whether there was no such image before it was entered. */
  readonly isNew: boolean;
  readonly compiled: Compiled;
  readonly solution: Roots['solution'];
}

/** How what was made is entered as an image. */
export interface ImageEntry {
  readonly names: readonly string[];
  readonly manifest: ManifestOptions | undefined;
}

/** What a build has for as long as it lasts. */
export interface BuildSurroundings {
  readonly listener: BuildListener;
  readonly lease: LayerLease;
  readonly caches: BuildCaches;
}

/** What is to be made for one platform. */
interface Track {
  readonly platform: Platform;
  readonly options: CompileOptions;
  readonly narrator: Narrator;
}

/** All that is to be made. */
interface Work {
  readonly compiled: readonly Compiled[];
  readonly tracks: readonly Track[];
  readonly among: readonly Image[] | undefined;
  readonly entry: ImageEntry | undefined;
}

/** One build for all its platforms at the same time, under one lease. */
export class BuildRun {
  readonly #parts: BuildRunParts;
  readonly #context: Context;
  readonly #request: BuildRequest;
  readonly #listener: BuildListener;
  readonly #lease: LayerLease;
  readonly #caches: BuildCaches;
  readonly #sourceDate: number | undefined;
  readonly #file: Dockerfile;
  /** Keys of the steps that it has to do with. */
  readonly uses = new Set<Digest>();
  /** What the linter says, once it has been asked. */
  warnings: readonly LintWarning[] | undefined;

  /** Fails with DockerfileError, and with `invalid-argument` on a time that is none. */
  constructor(
    parts: BuildRunParts,
    context: Context,
    request: BuildRequest,
    { listener, lease, caches }: BuildSurroundings,
  ) {
    this.#parts = parts;
    this.#context = context;
    this.#request = request;
    this.#listener = listener;
    this.#lease = lease;
    this.#caches = caches;
    this.#sourceDate = sourceDateOf(request);
    this.#file = parseDockerfile(request.dockerfile, request.style);
  }

  /**
   * By platform, in the order asked for; steps that several of them have in common are made once. Without an entry nothing is: a build
   * that fails for one platform leaves no image for another.
   */
  async make(entry: ImageEntry | undefined): Promise<readonly MadeImage[]> {
    await this.#tellSources();
    const images = new BaseImages({
      ...{ images: this.#parts.images, lease: this.#lease, request: this.#request, listener: this.#listener },
    });
    const among = this.#cacheImages();
    const tracks = this.#tracks(images, among);
    tracks[0]?.narrator.begin();
    const compiled = await this.#compile(tracks, images).catch(async (error: unknown) => {
      await this.#check();
      throw error;
    });
    (await this.#check())?.refuse();
    this.#tellPlan(compiled);
    const made = await this.#makeAll({ compiled, tracks, among, entry });
    this.#tellUnused(compiled);
    return made;
  }

  /** Once more without a cache that fails to give what it has. */
  async #makeAll(work: Work): Promise<readonly MadeImage[]> {
    for (;;) {
      try {
        return await this.#attempt(work);
      } catch (error) {
        this.#context.signal.throwIfAborted();
        if (!this.#caches.imports.giveUp(error)) throw error;
      }
    }
  }

  async #attempt({ compiled, tracks, among, entry }: Work): Promise<readonly MadeImage[]> {
    const roots: Roots = {
      solution: (vertex) => solver.solution(vertex),
      // What is only named need not be here.
      layersOf: async ({ result }) =>
        result.kind === 'layers'
          ? result.layers
          : this.#parts.resultLayers.of(this.#context, this.#lease, result),
    };
    const stages = compiled.flatMap((each) => each.stages);
    const standIn = among === undefined ? undefined : cacheImages(among, stages, roots);
    const solver = this.#solver(standIn);
    const writing = compiled.map(async (each): Promise<MadeImage> => {
      await solver.solve(each.stage.root);
      const written = await this.#write(each, roots, entry);
      return { ...written, platform: each.platform, compiled: each, solution: roots.solution };
    });
    const making = Promise.all(writing);
    const telling = narrate(tracks, compiled, roots, writing);
    const [made, told] = await Promise.allSettled([making, telling, ...writing]);
    if (made.status === 'rejected') throw made.reason;
    if (told.status === 'rejected') throw told.reason;
    return made.value;
  }

  #tracks(images: BaseImages, among: readonly Image[] | undefined): Track[] {
    return this.#request.platforms.map((platform) => {
      const options = this.#compileOptions(platform, images);
      const narrator = new Narrator({
        ...{ file: this.#file, options, listener: this.#listener, told: this.#parts.told },
        images: among ?? this.#parts.images.list(),
        isLimited: among !== undefined,
        sourceDate: this.#sourceDate,
      });
      return { platform, options, narrator };
    });
  }

  /** When it fails, no base image is sought any more. */
  async #compile(tracks: readonly Track[], images: BaseImages): Promise<readonly Compiled[]> {
    const failed = new AbortController();
    const signal = AbortSignal.any([this.#context.signal, failed.signal]);
    try {
      const context = { ...this.#context, signal };
      return await Promise.all(tracks.map(({ options }) => compile(context, this.#file, options)));
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
      namesPlatform: this.#request.platforms.length > 1,
      contexts: this.#contexts(platform),
      images,
    };
  }

  #contexts(platform: Platform): CompileOptions['contexts'] {
    const { context, namedContexts } = this.#request;
    const all = Object.entries({ ...contextsFor(namedContexts, platform), context });
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
      imports: this.#caches.imports,
      debug:
        this.#request.debug === true ? (context, failure) => this.#offerShell(context, failure) : undefined,
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
  async #check(): Promise<CheckedFile | undefined> {
    if (this.warnings !== undefined || this.#request.style === 'classic') return undefined;
    const platform = this.#request.platforms[0] ?? hostPlatform();
    const checked = await checkFile(this.#context, this.#parts, this.#file, this.#request, platform);
    this.warnings = checked.warnings;
    this.#listener.onWarnings?.(checked.warnings);
    return checked;
  }

  async #tellSources(): Promise<void> {
    const { filename, dockerfile, context } = this.#request;
    if (this.#listener.onSources === undefined) return;
    const ignoreFile = (await context.stat(this.#context, '/.dockerignore'))?.header.size ?? 0;
    this.#listener.onSources({ filename, dockerfile: Buffer.byteLength(dockerfile), ignoreFile });
  }

  #tellPlan(compiled: readonly Compiled[]): void {
    const all = compiled.flatMap(({ vertices }) => vertices);
    const first = new Map(all.toReversed().map((vertex) => [vertex.digest, vertex]));
    this.#listener.onPlan?.(
      all
        .filter((vertex) => first.get(vertex.digest) === vertex)
        .map(({ digest, note, inputs }) => ({
          ...{ digest, name: note.name },
          inputs: inputs.map((input) => input.digest),
        })),
    );
  }

  #tellUnused(compiled: readonly Compiled[]): void {
    const stages = compiled.flatMap((each) => each.stages);
    const used = new Set(stages.flatMap(({ scope }) => [...scope.args.keys()]));
    const args = unusedArgs(this.#file, this.#request.args).filter((name) => !used.has(name));
    if (args.length > 0) this.#listener.onTranscript?.({ type: 'unused', args });
  }

  async #write(
    compiled: Compiled,
    roots: Roots,
    entry: ImageEntry | undefined,
  ): Promise<Pick<MadeImage, 'id' | 'config' | 'manifest' | 'isNew'>> {
    const { stage, platform } = compiled;
    const { images, imageMaker } = this.#parts;
    const { style } = this.#request;
    const base = stage.origin.operation.kind === 'image' ? stage.origin.operation.image : undefined;
    if (style === 'classic' && stage.history.length === 0 && base !== undefined) {
      for (const name of entry?.names ?? []) await images.tag(this.#context, base, name);
      return { id: base, config: undefined, manifest: undefined, isNew: false };
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
    const { result } = await roots.solution(stage.root);
    await this.#parts.resultLayers.of(this.#context, this.#lease, result);
    const inline = await this.#caches.inline(solvedBuild(compiled, roots), layers);
    const whole = { ...config, ...inline };
    if (entry === undefined) {
      return { id: imageMaker.idOf(whole), config: whole, manifest: undefined, isNew: false };
    }
    const { names, manifest } = entry;
    const request = { config: whole, parent, references: names, manifest };
    const { id, isNew, ...image } = await imageMaker.create(this.#context, request);
    return { id, config: undefined, manifest: manifest && image.manifest, isNew };
  }
}

export function solvedBuild(
  { stage, vertices }: Compiled,
  { solution }: Pick<Roots, 'solution'>,
): SolvedBuild {
  return { root: stage.root, vertices, solution };
}

/** One platform's instructions after the other's, as the classic builder would tell each. */
async function narrate(
  tracks: readonly Track[],
  compiled: readonly Compiled[],
  roots: Roots,
  making: readonly Promise<MadeImage>[],
): Promise<void> {
  for (const [index, { narrator }] of tracks.entries()) {
    const stages = compiled[index]?.stages ?? [];
    if (index > 0) narrator.begin();
    await narrator.follow(stages, roots, async () => (await making[index])?.id);
  }
}

/** What is named "name::linux/arm64" is "name" for that platform, before what has the name alone. */
function contextsFor(
  contexts: BuildRequest['namedContexts'],
  platform: Platform,
): BuildRequest['namedContexts'] {
  const suffix = `::${formatPlatform(platform)}`;
  const all = Object.entries(contexts);
  const own = all.filter(([name]) => name.endsWith(suffix));
  return Object.fromEntries([
    ...all.filter(([name]) => !name.includes('::')),
    ...own.map(([name, tree]) => [name.slice(0, -suffix.length), tree] as const),
  ]);
}

/** Fails with DockerfileError, which says the line in Docker's words. */
export function parseDockerfile(text: string, style: BuildRequest['style'] = 'buildkit'): Dockerfile {
  try {
    const file = readDockerfile(text);
    if (style === 'buildkit') refuseForeignSyntax(file, text);
    return file;
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
