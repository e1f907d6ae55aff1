import { availableParallelism } from 'node:os';
import type { Context } from '../base/context.ts';
import { SampanError } from '../base/errors.ts';
import { Slots } from '../base/slots.ts';
import type { ImageMaker, Images } from '../images/contract.ts';
import { formatPlatform, hostPlatform } from '../oci/platform.ts';
import type { AttestParts } from './attest/attest.ts';
import { BuildRun, type BuildRunParts, parseDockerfile, solvedBuild } from './build-run.ts';
import type { CacheKeeper } from './cache/cache-keeper.ts';
import { BuildCaches, type RemoteCacheParts } from './cache/remote/build-caches.ts';
import { WaitingDirectories } from './cache/remote/client-directories.ts';
import { checkFile } from './check-file.ts';
import { ComparedContexts } from './compared-contexts.ts';
import { contextPaths } from './context-paths.ts';
import { openContext, openTree } from './contexts.ts';
import type {
  Builder,
  BuildListener,
  BuildRequest,
  BuildResult,
  BuildSecrets,
  InquiryRequest,
  LintWarning,
  OpenTree,
} from './contract.ts';
import { FailedSteps } from './debug/failed-steps.ts';
import { locate } from './errors.ts';
import type { IncrementalContexts } from './files/incremental/incremental-contexts.ts';
import { inquire } from './inquiries/inquire.ts';
import { makeIndex, wantedResult } from './output/image-index.ts';
import { ToldSteps } from './output/known-steps.ts';
import { createEmptyLayer } from './solver/empty-layer.ts';
import { InFlight } from './solver/in-flight.ts';
import type { SolverParts } from './solver/solve.ts';
import type { StepMakers } from './solver/step.ts';
import type { ResultLayers } from './steps/layers-of.ts';
import { Uploads } from './uploads.ts';

export interface BuilderParts
  extends Pick<SolverParts, 'cache' | 'snapshots' | 'layerSize' | 'openShell'>,
    Pick<AttestParts, 'openLayers'>,
    Pick<RemoteCacheParts, 'registries' | 'exchange'> {
  readonly images: Pick<Images, 'find' | 'list' | 'pull' | 'tag'>;
  readonly imageMaker: ImageMaker;
  readonly steps: StepMakers;
  readonly resultLayers: Pick<ResultLayers, 'of'>;
  readonly keeper: CacheKeeper;
  readonly mounts: Builder['mounts'];
  readonly checkLimits: Builder['checkLimits'];
  /** What is kept of clients' directories. */
  readonly contexts: Pick<IncrementalContexts, 'begin'>;
  /** Host directory for what is there only while it is used. */
  readonly directory: string;
}

/** Of all builds together: many of them wait for something else than a processor. */
const STEPS_AT_ONCE = Math.max(16, 2 * availableParallelism());

export function createBuilder(parts: BuilderParts): Builder {
  const uploads = new Uploads<OpenTree>('build context', (opened) => opened[Symbol.dispose]());
  const secrets = new Uploads<BuildSecrets>('secrets', () => {});
  const running = new Map<string, AbortController>();
  const compared = new ComparedContexts(parts.contexts);
  const { steps, imageMaker: maker, directory } = parts;
  const contextParts = { steps, maker, directory, compared };
  const runParts: BuildRunParts = {
    ...parts,
    makers: parts.steps,
    inFlight: new InFlight(parts.imageMaker),
    slots: new Slots(() => STEPS_AT_ONCE),
    told: new ToldSteps(),
    failedSteps: new FailedSteps(),
    emptyLayer: createEmptyLayer(parts),
  };
  return {
    async build(context, request, listener) {
      using cancellation = cancellable(running, request.id);
      const signal = AbortSignal.any([context.signal, cancellation.signal]);
      return await build({ ...context, signal }, parts, runParts, withoutRepetitions(request), listener);
    },
    checkLimits: parts.checkLimits,
    cancel: (id) => running.get(id)?.abort(new SampanError('cancelled', 'context canceled')),
    inquire: (context, request, question) =>
      inquire(request, question, () => lint(context, parts, request)).catch((error: unknown) => {
        throw locate(error, { filename: request.filename, text: request.dockerfile });
      }),
    openContext: (context, source, dockerfile, style = 'classic') =>
      openContext(context, contextParts, source, dockerfile, style),
    openTree: (context, source) => openTree(context, contextParts, source),
    contextPaths: (context, request) => contextPaths(context, parts, request),
    compareContext: (key, listings, isPart) => compared.compare(key, listings, isPart),
    listContext: (id, listings) => compared.list(id, listings),
    upload: async (context, tar) => uploads.add(await openTree(context, contextParts, { kind: 'tar', tar })),
    takeUpload: (id) => uploads.take(id),
    keepSecrets: (kept) => secrets.add(kept),
    takeSecrets: (id) => secrets.take(id),
    runShell: (context, id, shell) => runParts.failedSteps.run(context, id, shell),
    resizeShell: (id, rows, columns) => runParts.failedSteps.resize(id, rows, columns),
    directories: new WaitingDirectories(),
    mounts: parts.mounts,
    cache: () => parts.keeper.list(),
    prune: (context, options) => parts.keeper.prune(context, options),
  };
}

/** A platform that is named twice is built for once. */
function withoutRepetitions(request: BuildRequest): BuildRequest {
  const named = new Map(request.platforms.map((platform) => [formatPlatform(platform), platform]));
  return { ...request, platforms: [...named.values()] };
}

function cancellable(
  running: Map<string, AbortController>,
  id: string,
): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  if (id !== '') running.set(id, controller);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      if (running.get(id) === controller) running.delete(id);
    },
  };
}

async function build(
  context: Context,
  parts: BuilderParts,
  runParts: BuildRunParts,
  request: BuildRequest,
  listener: BuildListener,
): Promise<BuildResult> {
  const { dockerfile: text, filename } = request;
  try {
    parts.checkLimits(request.limits);
    const wanted = wantedResult(request);
    using lease = parts.imageMaker.leaseLayers(context);
    await using caches = new BuildCaches(context, parts, { request, listener, lease });
    const run = new BuildRun(runParts, context, request, { listener, lease, caches });
    using _use = parts.keeper.using(run.uses);
    const entry = wanted.kind === 'image' ? { names: request.tags, manifest: wanted.manifest } : undefined;
    const made = await run.make(entry);
    const result =
      wanted.kind === 'image'
        ? { images: made.map(({ platform, id, manifest, isNew }) => ({ platform, id, manifest, isNew })) }
        : await makeIndex(context, parts, { ...wanted, listener }, made);
    await caches.export(made.map((each) => solvedBuild(each.compiled, each)));
    return { ...result, warnings: run.warnings ?? [] };
  } catch (error) {
    throw locate(error, { filename, text });
  }
}

async function lint(
  context: Context,
  parts: BuilderParts,
  request: InquiryRequest,
): Promise<readonly LintWarning[]> {
  const file = parseDockerfile(request.dockerfile);
  const platform = request.platforms[0] ?? hostPlatform();
  return (await checkFile(context, parts, file, request, platform)).warnings;
}
