import type { Context } from '../base/context.ts';
import { SampanError } from '../base/errors.ts';
import type { Digest } from '../oci/digest.ts';
import type { Descriptor, Manifest } from '../oci/image.ts';
import type { Reference } from '../oci/reference.ts';
import type { RemoteDocument, RemoteImage } from './contract.ts';
import { type BlobSource, download } from './download.ts';
import { type RegistrySettings, refuseAstray } from './endpoints.ts';
import { explain } from './failures.ts';
import type { Repository } from './repository.ts';
import type { Access } from './session.ts';
import type { Transport } from './transport.ts';

export interface RemoteImageOptions {
  readonly reference: Reference;
  /** Outermost first; at least the manifest's own. */
  readonly documents: readonly [RemoteDocument, ...RemoteDocument[]];
  readonly manifest: Manifest;
  /** Where the manifest was found, and the repositories that may serve what is lacking there. */
  readonly repositories: readonly [Repository, ...Repository[]];
  readonly transport: Transport;
  readonly settings: () => RegistrySettings;
}

/** An image in a registry, some of which may come from mirrors. */
export class RepositoryImage implements RemoteImage {
  readonly digest: Digest;
  readonly manifest: Manifest;
  readonly manifestDigest: Digest;
  readonly documents: readonly RemoteDocument[];
  readonly #options: RemoteImageOptions;
  /** Repositories that sent something else than they should have. */
  readonly #distrusted = new Set<Repository>();

  constructor(options: RemoteImageOptions) {
    const { documents } = options;
    this.digest = documents[0].digest;
    this.manifestDigest = (documents.at(-1) ?? documents[0]).digest;
    this.documents = documents;
    this.manifest = options.manifest;
    this.#options = options;
  }

  async config(context: Context, limit: number): Promise<Uint8Array> {
    const { config } = this.manifest;
    if (config.size > limit) {
      throw new SampanError('exhausted', `${config.digest} has more than the allowed ${limit} bytes`);
    }
    const parts: Uint8Array[] = [];
    for await (const part of this.layer(context, config)) parts.push(part);
    return Buffer.concat(parts);
  }

  async *layer(
    context: Context,
    descriptor: Descriptor,
    options: { readonly offset?: number; readonly onRetry?: (seconds: number) => void } = {},
  ): AsyncGenerator<Uint8Array, void> {
    const { offset = 0, onRetry } = options;
    const sources = this.#sources(descriptor);
    try {
      yield* download(context, { blob: descriptor, offset, sources, onRetry });
    } catch (error) {
      throw explain(error, this.#options.reference);
    }
  }

  #sources({ digest, urls = [] }: Descriptor): BlobSource[] {
    const { repositories, transport, settings } = this.#options;
    const [{ patience, endpoint }] = repositories;
    const trusted = repositories.filter(
      (repository) => !repository.endpoint.isMirror || !this.#distrusted.has(repository),
    );
    return [
      ...trusted.map((repository) =>
        repository.blobSource(digest, () => void this.#distrusted.add(repository)),
      ),
      ...urls.flatMap((text) => hintedSource({ transport, patience, settings }, endpoint.url, text) ?? []),
    ];
  }
}

/** What a descriptor says of other places, which are not to be less safe than the registry itself. */
function hintedSource(
  { transport, patience, settings }: Access,
  registry: URL,
  text: string,
): BlobSource | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') return undefined;
  return {
    name: url.host,
    isHint: true,
    patience,
    open: async (context, offset) => {
      refuseAstray(registry, url, settings());
      const headers: Record<string, string> = offset === 0 ? {} : { Range: `bytes=${offset}-` };
      return transport.exchange(context, { url, headers });
    },
    isReplaceable: () => true,
  };
}
