import type { ContentStore, Lease } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { ImageStore } from './image-store.ts';
import { blobsOfIndex, type IndexedManifest, type IndexRecord } from './index-store.ts';
import { readStoredManifest, type StoredManifest } from './stored-manifest.ts';

/** An index of which all is here, as it was when it was held. */
export interface WholeIndex {
  readonly record: IndexRecord;
  /** Of its images, by digest. */
  readonly images: ReadonlyMap<Digest, StoredManifest>;
}

/** What of an index is here to be taken elsewhere, with the manifests of its images; all of it is held. */
export interface IndexHere {
  readonly record: IndexRecord;
  readonly isWhole: boolean;
  /** Of its images that are here in the form that it names, by digest. */
  readonly images: ReadonlyMap<Digest, StoredManifest>;
  /** Everything else of it that is here whole. */
  readonly others: readonly IndexedManifest[];
}

/** Undefined when something that the index names is not here. */
export async function readWholeIndex(
  store: ImageStore,
  content: ContentStore,
  record: IndexRecord,
  lease: Lease,
): Promise<WholeIndex | undefined> {
  const { isWhole, images } = await readIndexHere(store, content, record, lease);
  return isWhole ? { record, images } : undefined;
}

export async function readIndexHere(
  store: ImageStore,
  content: ContentStore,
  record: IndexRecord,
  lease: Lease,
): Promise<IndexHere> {
  for (const digest of blobsOfIndex(record)) lease.hold(digest);
  const images = new Map<Digest, StoredManifest>();
  const others: IndexedManifest[] = [];
  for (const one of record.manifests) {
    const stored = await imageHere(store, content, one, lease);
    if (stored !== undefined) images.set(one.descriptor.digest, stored);
    else if (one.kind !== 'image' && (await areHere(content, one))) others.push(one);
  }
  const isWhole = record.manifests.every((one) => images.has(one.descriptor.digest) || others.includes(one));
  return { record, isWhole, images, others };
}

async function imageHere(
  store: ImageStore,
  content: ContentStore,
  { image, kind, descriptor }: IndexedManifest,
  lease: Lease,
): Promise<StoredManifest | undefined> {
  const record = image === undefined || kind !== 'image' ? undefined : store.get(image);
  if (record === undefined) return undefined;
  for (const digest of [record.id, ...record.config.rootfs.diff_ids]) lease.hold(digest);
  const stored = await readStoredManifest(content, record, descriptor.digest);
  for (const form of stored?.forms ?? []) {
    lease.hold(form.digest);
    if ((await content.stat(form.digest))?.size !== form.size) return undefined;
  }
  return stored;
}

async function areHere(content: ContentStore, { descriptor, blobs }: IndexedManifest): Promise<boolean> {
  if (blobs === undefined) return false;
  const found = await Promise.all([descriptor.digest, ...blobs].map((blob) => content.stat(blob)));
  return found.every((blob) => blob !== undefined);
}
