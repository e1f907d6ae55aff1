import type { Context } from '../../../base/context.ts';
import type { LayerLease } from '../../../images/contract.ts';
import type { Digest } from '../../../oci/digest.ts';
import type { BuildListener, BuildRequest } from '../../contract.ts';
import { encodeInlineCache, INLINE_CACHE } from './cache-config.ts';
import { type CacheOptions, cacheOptions, wantsInlineCache } from './cache-options.ts';
import { type CacheExportParts, exportCaches } from './export-caches.ts';
import { exportedSteps, type SolvedBuild } from './exported-steps.ts';
import { type CacheImportParts, ImportedCaches } from './imported-caches.ts';

export type RemoteCacheParts = CacheImportParts & CacheExportParts;

export interface CachedBuild {
  readonly request: BuildRequest;
  readonly listener: BuildListener;
  readonly lease: LayerLease;
}

/** The caches elsewhere that one build has to do with. */
export class BuildCaches implements AsyncDisposable {
  readonly #context: Context;
  readonly #parts: RemoteCacheParts;
  readonly #build: CachedBuild;
  readonly #options: CacheOptions;
  readonly imports: ImportedCaches;

  /** Begins to read those that are imported. Fails with `invalid-argument` on a request that cannot be. */
  constructor(context: Context, parts: RemoteCacheParts, build: CachedBuild) {
    const { request, listener } = build;
    this.#context = context;
    this.#parts = parts;
    this.#build = build;
    this.#options = cacheOptions(request.cacheImports ?? [], request.cacheExports ?? []);
    this.imports = new ImportedCaches(context, parts, request, listener, this.#options.imports);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.imports[Symbol.asyncDispose]();
  }

  /** What an image's configuration says of the steps that it is made of, where that is wanted. */
  async inline(solved: SolvedBuild, layers: readonly Digest[]): Promise<Readonly<Record<string, string>>> {
    const { request } = this.#build;
    const isAsked = request.style === 'buildkit' && wantsInlineCache(request.args);
    if (!this.#options.inline && !isAsked) return {};
    const text = encodeInlineCache(await exportedSteps(solved, 'min'), layers);
    return text === undefined ? {} : { [INLINE_CACHE]: text };
  }

  /** When everything is made. */
  export(solved: readonly SolvedBuild[]): Promise<void> {
    const build = { ...this.#build, solved, imports: this.imports };
    return exportCaches(this.#context, this.#parts, build, this.#options.exports);
  }
}
