import { createHash } from 'node:crypto';
import type { Context } from '../base/context.ts';
import { SampanError } from '../base/errors.ts';
import type { ContentStore, Lease } from '../content/contract.ts';
import type { Compression } from '../oci/compression.ts';
import { type Digest, finishDigest } from '../oci/digest.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import type { LayerForms } from './layer-forms.ts';
import { receiveLayer } from './receive-layer.ts';

/** A layer of an archive, which is in the store. */
export interface ArchivedLayer {
  readonly diffId: Digest;
  /** Of the tar, bytes. */
  readonly size: number;
  /** As it is in the archive: the blob's digest and size, where the archive names it by that. The tar itself if it is not compressed. */
  readonly form: { readonly digest: Digest; readonly size: number } | undefined;
}

/** Takes the layers of an archive into the store as they stream by, compressed ones in both forms. Nothing of it has a name yet. */
export class LayerIntake {
  readonly #content: ContentStore;
  readonly #snapshots: SnapshotDriver;
  readonly #forms: LayerForms;
  readonly #lease: Lease;
  /** Diff IDs of what was received, whether a manifest will name it or not. */
  readonly layers = new Set<Digest>();
  /** Digests of the compressed forms and other blobs that were received. */
  readonly blobs = new Set<Digest>();

  constructor(content: ContentStore, snapshots: SnapshotDriver, forms: LayerForms, lease: Lease) {
    this.#content = content;
    this.#snapshots = snapshots;
    this.#forms = forms;
    this.#lease = lease;
  }

  /** The layer whose stored form has that digest, when it is here: then the archive's copy need not be read. */
  async known(digest: Digest, size: number): Promise<ArchivedLayer | undefined> {
    if ((await this.#content.stat(digest))?.size !== size) return undefined;
    const diffId = (await this.#snapshots.hasLayer(digest)) ? digest : this.#forms.get(digest)?.diffId;
    if (diffId === undefined || !(await this.#snapshots.hasLayer(diffId))) return undefined;
    const tar = await this.#content.stat(diffId);
    return tar && { diffId, size: tar.size, form: { digest, size } };
  }

  /** Receives a layer; `digest` is the one that its bytes must have. */
  async receive(
    context: Context,
    body: AsyncIterable<Uint8Array>,
    { digest, compression }: { readonly digest: Digest | undefined; readonly compression: Compression },
  ): Promise<ArchivedLayer> {
    if (compression === 'none') {
      // A plain tar's name is its diff ID, which the store checks while it hashes.
      const expected = digest === undefined ? {} : { diffId: digest };
      const layer = await receiveLayer(context, this.#snapshots, body, expected);
      this.layers.add(layer.diffId);
      return { ...layer, form: { digest: layer.diffId, size: layer.size } };
    }
    if (digest === undefined) {
      const layer = await receiveLayer(context, this.#snapshots, body);
      this.layers.add(layer.diffId);
      return { ...layer, form: undefined };
    }
    return await this.#receiveBoth(context, body, digest);
  }

  /** A blob that is neither a layer nor small, as statements about an image may be: whether something names it, is seen later. */
  async keep(context: Context, body: AsyncIterable<Uint8Array>, digest: Digest): Promise<void> {
    await using writer = await this.#content.writer(context);
    for await (const chunk of body) {
      context.signal.throwIfAborted();
      await writer.write(chunk);
    }
    await writer.commit({ digest }, this.#lease);
    this.blobs.add(digest);
  }

  /** The bytes become a blob while the layer is made of them. */
  async #receiveBoth(
    context: Context,
    body: AsyncIterable<Uint8Array>,
    digest: Digest,
  ): Promise<ArchivedLayer> {
    await using writer = await this.#content.writer(context);
    async function* kept(): AsyncGenerator<Uint8Array, void, void> {
      for await (const chunk of body) {
        await writer.write(chunk);
        yield chunk;
      }
    }
    const layer = await receiveLayer(context, this.#snapshots, kept());
    this.layers.add(layer.diffId);
    const { size } = await writer.commit({ digest }, this.#lease);
    this.blobs.add(digest);
    return { ...layer, form: { digest, size } };
  }
}

/** The same bytes; fails with `data-loss` at their end when they have not the digest that they should have. */
export async function* verified(
  expected: Digest | undefined,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  const hash = createHash('sha256');
  for await (const chunk of body) {
    hash.update(chunk);
    yield chunk;
  }
  const found = finishDigest(hash);
  if (expected === undefined || expected === found) return;
  throw new SampanError('data-loss', `the archive's blob ${expected} has the digest ${found}`);
}
