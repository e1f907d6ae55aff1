import type { Context } from '../base/context.ts';
import type { Digest } from '../oci/digest.ts';
import type { Descriptor } from '../oci/image.ts';
import type { Reference } from '../oci/reference.ts';
import type { RemoteArtifact, RemoteDocument } from './contract.ts';
import { download } from './download.ts';
import { explain } from './failures.ts';
import type { FetchedManifest, Repository } from './repository.ts';
import { nameOf } from './resolution.ts';

/** What a reference names, with the blobs beside it. Mirrors are asked for blobs only where one had the document. */
export class RepositoryArtifact implements RemoteArtifact {
  readonly root: RemoteDocument;
  readonly #repository: Repository;
  readonly #reference: Reference;

  private constructor(root: RemoteDocument, repository: Repository, reference: Reference) {
    this.root = root;
    this.#repository = repository;
    this.#reference = reference;
  }

  static async find(
    context: Context,
    repository: Repository,
    reference: Reference,
  ): Promise<RepositoryArtifact> {
    const root = documentOf(await repository.manifest(context, nameOf(reference)));
    return new RepositoryArtifact(root, repository, reference);
  }

  document(context: Context, { digest, size }: Descriptor): Promise<RemoteDocument> {
    return this.#telling(async () => documentOf(await this.#repository.manifest(context, digest, size)));
  }

  size(context: Context, digest: Digest): Promise<number | undefined> {
    return this.#telling(() => this.#repository.blobSize(context, digest));
  }

  async *blob(
    context: Context,
    blob: Descriptor,
    { offset = 0, onRetry }: { readonly offset?: number; readonly onRetry?: (seconds: number) => void } = {},
  ): AsyncGenerator<Uint8Array, void> {
    const sources = [this.#repository.blobSource(blob.digest)];
    try {
      yield* download(context, { blob, offset, sources, onRetry });
    } catch (error) {
      throw explain(error, this.#reference);
    }
  }

  async #telling<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw explain(error, this.#reference);
    }
  }
}

function documentOf({ digest, bytes, contentType }: FetchedManifest): RemoteDocument {
  return { digest, bytes, mediaType: contentType };
}
