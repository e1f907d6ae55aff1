import type { Context } from '../base/context.ts';
import { isCode } from '../base/errors.ts';
import type { ContentStore } from '../content/contract.ts';
import type { RemoteImage } from '../distribution/contract.ts';
import type { Digest } from '../oci/digest.ts';
import { formatReference, type Reference } from '../oci/reference.ts';
import type { ImageLedger } from './image-ledger.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';
import type { IndexRecord } from './index-store.ts';
import type { PushedManifest } from './push.ts';
import { readIndex } from './read-index.ts';

export interface NamingParts {
  readonly store: ImageStore;
  readonly ledger: ImageLedger;
  readonly content: ContentStore;
}

/**
 * Enters what was pulled, and names it by its tag, unless a digest was asked for, and by its digest. A name stands for the index that the
 * image was found in: another platform of the same index, pulled before or later, stays with it. False when it was all so before.
 */
export async function addPulled(
  context: Context,
  parts: NamingParts,
  reference: Reference,
  remote: RemoteImage,
  image: Pick<ImageRecord, 'id' | 'config' | 'layerSizes'>,
  configBytes: Uint8Array,
): Promise<boolean> {
  const { store, ledger } = parts;
  const byDigest = formatReference({ ...reference, tag: undefined, digest: remote.digest });
  const asked = reference.digest === undefined ? formatReference(reference) : byDigest;
  const isKnown = finds(store, asked, remote.digest, image.id);
  for (const { digest, bytes } of remote.documents) {
    if (digest === remote.digest || digest === remote.manifestDigest) {
      await ledger.addDocument(context, digest, bytes);
    }
  }
  const found = await indexOf(parts, remote, image.id);
  // From here on nothing may come between: nameless, the image could be removed.
  const { id } = await ledger.add(context, image, configBytes);
  store.setManifest(id, remote.manifestDigest);
  const index = found && store.putIndex(found);
  const isNamed = isKnown && store.indexOf(asked)?.digest === index?.digest;
  for (const name of isNamed ? [byDigest] : new Set([byDigest, asked])) {
    if (index === undefined) store.setReference(name, id);
    else store.setIndexReference(name, index);
  }
  return !isKnown;
}

/** Whether a reference finds an image that is here, by itself or in that index. */
function finds(store: ImageStore, reference: string, index: Digest, id: Digest): boolean {
  if (store.resolve(reference)?.id === id) return true;
  const named = store.indexOf(reference);
  return named?.digest === index && store.imagesOf(named).some((image) => image.id === id);
}

/** The index that the image was found in, if it is named there itself. One that is out of order names nothing, but what it led to may do. */
async function indexOf(
  { content }: NamingParts,
  remote: RemoteImage,
  id: Digest,
): Promise<IndexRecord | undefined> {
  const document = remote.documents.find(({ digest }) => digest === remote.digest);
  if (document === undefined || remote.digest === remote.manifestDigest) return undefined;
  const index = await readIndex(content, document.digest, document.bytes).catch((error: unknown) => {
    if (isCode(error, 'invalid-argument')) return undefined;
    throw error;
  });
  return index?.manifests.some(({ image }) => image === id) ? index : undefined;
}

/** What was pushed is known by its digest in that repository from now on, and an image by the same manifest wherever it is pushed. */
export async function addPushed(
  context: Context,
  { store, ledger }: NamingParts,
  reference: Reference,
  { image, index, digest, bytes }: PushedManifest,
): Promise<void> {
  const name = formatReference({ ...reference, tag: undefined, digest });
  // They may have been removed meanwhile.
  const known = store.get(image.id);
  if (index !== undefined) {
    if (store.indexes.get(index.digest) !== undefined) store.setIndexReference(name, index);
  } else if (known !== undefined) {
    if (known.manifest !== digest) {
      await ledger.addDocument(context, digest, bytes);
      store.setManifest(image.id, digest);
    }
    store.setReference(name, image.id);
  }
}
