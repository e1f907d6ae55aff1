import type { Context } from '../base/context.ts';
import { invalid, isCode, notFound } from '../base/errors.ts';
import type { Digest } from '../oci/digest.ts';
import type { Descriptor, Manifest, Platform } from '../oci/image.ts';
import { formatPlatform } from '../oci/platform.ts';
import { type Reference, withDefaultTag } from '../oci/reference.ts';
import type { Credentials, RegistryClient, RemoteDocument, RemoteImage, ResolveOptions } from './contract.ts';
import { endpointsOf, type RegistrySettings } from './endpoints.ts';
import { explain, isUnreachable } from './failures.ts';
import { fittingManifests, parseDocument } from './manifests.ts';
import { Repository } from './repository.ts';
import { defaultPatience, type Patience } from './retries.ts';
import { Transport } from './transport.ts';

const MAX_NESTING = 4;
/** Documents of one image that are fetched at most: nested indexes may offer many that fit. */
const MAX_DOCUMENTS = 32;

/** A client of all registries; `settings` are asked anew each time. */
export function createRegistryClient(
  settings: () => RegistrySettings,
  patience: Patience = defaultPatience,
): RegistryClient {
  return new HttpRegistryClient(settings, patience);
}

class HttpRegistryClient implements RegistryClient {
  readonly #settings: () => RegistrySettings;
  readonly #patience: Patience;
  readonly #transport: Transport;

  constructor(settings: () => RegistrySettings, patience: Patience) {
    this.#settings = settings;
    this.#patience = patience;
    this.#transport = new Transport(settings, patience);
  }

  resolve(context: Context, given: Reference, options: ResolveOptions): Promise<RemoteImage> {
    const reference = withDefaultTag(given);
    return this.#atEndpoints(context, reference, options.credentials, async (repository) => {
      const found = await findManifest(context, repository, reference, options.platform);
      return new RepositoryImage(repository, reference, found);
    });
  }

  tags(
    context: Context,
    reference: Reference,
    credentials: Credentials | undefined,
  ): Promise<readonly string[]> {
    return this.#atEndpoints(context, reference, credentials, (repository) => repository.tags(context));
  }

  /** Does the work at the first endpoint that can; the last one's failure is the one that counts. */
  async #atEndpoints<T>(
    context: Context,
    reference: Reference,
    credentials: Credentials | undefined,
    work: (repository: Repository) => Promise<T>,
  ): Promise<T> {
    const endpoints = endpointsOf(reference.domain, this.#settings());
    let failure: unknown;
    for (const endpoint of endpoints) {
      const repository = new Repository({
        transport: this.#transport,
        settings: this.#settings,
        patience: this.#patience,
        endpoint,
        path: reference.path,
        credentials,
      });
      try {
        return await work(repository);
      } catch (error) {
        context.signal.throwIfAborted();
        failure = error;
        // What fits no platform in a mirror fits none anywhere else.
        if (isCode(error, 'not-found') || (!endpoint.isMirror && !isUnreachable(error))) break;
        context.log.debug('a registry did not serve', { url: endpoint.url.href, error: String(error) });
      }
    }
    throw explain(failure, reference);
  }
}

interface Found {
  readonly documents: readonly RemoteDocument[];
  readonly manifest: Manifest;
}

/** Follows the reference through indexes to the manifest for the platform. */
async function findManifest(
  context: Context,
  repository: Repository,
  reference: Reference,
  platform: Platform,
): Promise<Found> {
  let fetched = 0;
  const search = async (
    name: string,
    size: number | undefined,
    depth: number,
  ): Promise<Found | undefined> => {
    if (depth > MAX_NESTING || ++fetched > MAX_DOCUMENTS) throw invalid('invalid index: nested too deeply');
    const { digest, bytes, contentType } = await repository.manifest(context, name, size);
    const document = { digest, bytes };
    const parsed = parseDocument(bytes, contentType);
    if (parsed.kind === 'manifest') return { documents: [document], manifest: parsed.manifest };
    for (const entry of fittingManifests(parsed.index, platform)) {
      const found = await search(entry.digest, entry.size, depth + 1);
      if (found !== undefined) return { ...found, documents: [document, ...found.documents] };
    }
    return undefined;
  };
  const found = await search(reference.digest ?? reference.tag ?? '', undefined, 0);
  if (found !== undefined) return found;
  throw notFound(
    `no matching manifest for ${formatPlatform(platform)} in the manifest list entries: no match for platform in manifest: not found`,
  );
}

class RepositoryImage implements RemoteImage {
  readonly digest: Digest;
  readonly manifest: Manifest;
  readonly manifestDigest: Digest;
  readonly documents: readonly RemoteDocument[];
  readonly #repository: Repository;
  readonly #reference: Reference;

  constructor(repository: Repository, reference: Reference, { documents, manifest }: Found) {
    const [first] = documents;
    const last = documents.at(-1);
    if (first === undefined || last === undefined) throw new RangeError('an image has a manifest');
    this.digest = first.digest;
    this.manifestDigest = last.digest;
    this.documents = documents;
    this.manifest = manifest;
    this.#repository = repository;
    this.#reference = reference;
  }

  async config(context: Context, limit: number): Promise<Uint8Array> {
    try {
      return await this.#repository.smallBlob(context, this.manifest.config, limit);
    } catch (error) {
      throw explain(error, this.#reference);
    }
  }

  async *layer(context: Context, descriptor: Descriptor): AsyncGenerator<Uint8Array, void> {
    try {
      yield* this.#repository.blob(context, descriptor);
    } catch (error) {
      throw explain(error, this.#reference);
    }
  }
}
