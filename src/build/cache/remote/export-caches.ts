import type { Context } from '../../../base/context.ts';
import { messageOf } from '../../../base/errors.ts';
import { Slots } from '../../../base/slots.ts';
import type { RegistryClient } from '../../../distribution/contract.ts';
import type { LayerExchange, LayerForm, LayerLease, LayerOffer } from '../../../images/contract.ts';
import { type Digest, digestOf } from '../../../oci/digest.ts';
import type { Descriptor } from '../../../oci/image.ts';
import { familiarReference } from '../../../oci/reference.ts';
import type { SnapshotDriver } from '../../../snapshots/contract.ts';
import type { BuildListener, BuildRequest } from '../../contract.ts';
import { type StepTeller, toldStep } from '../../told-step.ts';
import { CACHE_CONFIG, type CacheLayer, type CacheStep, encodeCacheConfig } from './cache-config.ts';
import {
  type CacheDestination,
  directoryDestination,
  inOne,
  registryDestination,
} from './cache-destination.ts';
import { encodeCacheManifest, layerDescriptor } from './cache-manifest.ts';
import type { CacheExport } from './cache-options.ts';
import { exportedSteps, type SolvedBuild } from './exported-steps.ts';
import type { ImportedCaches } from './imported-caches.ts';

export interface CacheExportParts {
  readonly registries: Pick<RegistryClient, 'target'>;
  readonly exchange: LayerExchange;
  readonly snapshots: Pick<SnapshotDriver, 'hasLayer'>;
}

export interface ExportingBuild {
  readonly request: Pick<BuildRequest, 'credentials'>;
  readonly listener: BuildListener;
  readonly lease: LayerLease;
  /** By platform. */
  readonly solved: readonly SolvedBuild[];
  readonly imports: Pick<ImportedCaches, 'offerOf'>;
}

/** Layers of one cache that are on their way at the same time. */
const LAYERS_AT_ONCE = 4;

/** Writes the caches that a build is to leave, one after the other. The first failure counts, but for those that shall not matter. */
export async function exportCaches(
  context: Context,
  parts: CacheExportParts,
  build: ExportingBuild,
  exports: readonly CacheExport[],
): Promise<void> {
  for (const wanted of exports) {
    try {
      await toldStep(build.listener, nameOf(wanted), (tell) =>
        new CacheWriter(context, parts, build, wanted, tell).write(),
      );
    } catch (error) {
      context.signal.throwIfAborted();
      if (!wanted.ignoresErrors) throw error;
      context.log.warn('a cache was not exported', { error: messageOf(error) });
    }
  }
}

function nameOf(wanted: CacheExport): string {
  if (wanted.type === 'local') return 'exporting cache to client directory';
  return `exporting cache to registry ${familiarReference(wanted.reference)}`;
}

class CacheWriter {
  readonly #context: Context;
  readonly #parts: CacheExportParts;
  readonly #build: ExportingBuild;
  readonly #wanted: CacheExport;
  readonly #tell: StepTeller;

  constructor(
    context: Context,
    parts: CacheExportParts,
    build: ExportingBuild,
    wanted: CacheExport,
    tell: StepTeller,
  ) {
    this.#context = context;
    this.#parts = parts;
    this.#build = build;
    this.#wanted = wanted;
    this.#tell = tell;
  }

  async write(): Promise<void> {
    const { form, mode } = this.#wanted;
    const all = await Promise.all(this.#build.solved.map((solved) => exportedSteps(solved, mode)));
    const steps = [...new Map(all.flat().map((step) => [step.key, step])).values()];
    const destination = await this.#destination();
    const layers = (await this.#layers(destination, steps)).map(({ diffId, descriptor }) => ({
      diffId,
      descriptor: layerDescriptor(descriptor, diffId, form),
    }));
    const bytes = encodeCacheConfig(steps, layers);
    const config = { mediaType: CACHE_CONFIG, digest: digestOf(bytes), size: bytes.length };
    await this.#put(this.#context, 'config', destination, config, () => inOne(bytes));
    const descriptors = layers.map(({ descriptor }) => descriptor);
    const manifest = encodeCacheManifest(config, descriptors, form);
    this.#progress('manifest', manifest.descriptor, 0);
    await destination.finish(this.#context, manifest);
    this.#progress('manifest', manifest.descriptor, manifest.descriptor.size);
  }

  async #destination(): Promise<CacheDestination> {
    const wanted = this.#wanted;
    if (wanted.type === 'local') return directoryDestination(wanted.directory);
    const { reference } = wanted;
    const credentials = await this.#build.request.credentials(reference.domain);
    const target = await this.#parts.registries.target(this.#context, reference, credentials);
    return registryDestination(target, reference.tag ?? 'latest');
  }

  /** The layers of all steps, in their order, as the destination has them now. When one fails, all have come to their end. */
  async #layers(destination: CacheDestination, steps: readonly CacheStep[]): Promise<CacheLayer[]> {
    const failed = new AbortController();
    const context = { ...this.#context, signal: AbortSignal.any([this.#context.signal, failed.signal]) };
    const slots = new Slots(() => LAYERS_AT_ONCE);
    const diffIds = [...new Set(steps.flatMap(({ layers }) => layers))];
    const writing = diffIds.map((diffId) =>
      slots.run(context.signal, () => this.#layer(context, destination, diffId)),
    );
    for (const each of writing) each.catch((error: unknown) => failed.abort(error));
    await Promise.allSettled(writing);
    context.signal.throwIfAborted();
    return Promise.all(writing);
  }

  async #layer(context: Context, destination: CacheDestination, diffId: Digest): Promise<CacheLayer> {
    const { exchange, snapshots } = this.#parts;
    const { lease, imports } = this.#build;
    if (!(await snapshots.hasLayer(diffId))) {
      const offer = imports.offerOf(diffId);
      const isThere = offer !== undefined && (await this.#isThere(context, destination, offer));
      if (isThere) return offer;
      // Of what was never needed here, a cache elsewhere is to have it none the less.
      if (offer !== undefined) await exchange.bring(context, lease, offer);
    }
    const form = await exchange.form(context, lease, diffId, this.#wanted.encoding);
    const descriptor = descriptorOf(form);
    await this.#put(context, 'layer', destination, descriptor, (offset) => exchange.read(form, offset));
    return { diffId, descriptor };
  }

  /** Whether the destination has what is offered, in the compression that is wanted. */
  async #isThere(
    context: Context,
    destination: CacheDestination,
    { descriptor }: LayerOffer,
  ): Promise<boolean> {
    const isWanted = encodingOf(descriptor.mediaType) === this.#wanted.encoding;
    return isWanted && (await destination.has(context, descriptor));
  }

  async #put(
    context: Context,
    what: string,
    destination: CacheDestination,
    blob: Descriptor,
    open: (offset: number) => AsyncIterable<Uint8Array>,
  ): Promise<void> {
    if (!(await destination.has(context, blob))) {
      this.#progress(what, blob, 0);
      await destination.put(context, blob, open, (sent) => this.#progress(what, blob, sent));
    }
    this.#progress(what, blob, blob.size);
  }

  #progress(what: string, { digest, size }: Descriptor, sent: number): void {
    this.#tell.progress(`writing ${what} ${digest}`, sent, size);
  }
}

function descriptorOf({ digest, mediaType, size }: LayerForm): Descriptor {
  return { digest, mediaType, size };
}

function encodingOf(mediaType: string): CacheExport['encoding'] {
  if (mediaType.endsWith('gzip')) return 'gzip';
  return mediaType.endsWith('zstd') ? 'zstd' : 'uncompressed';
}
