import { type Context, throwIfAborted } from '../base/context.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import type { ImagesUsage } from './contract.ts';
import type { ImageStore } from './image-store.ts';
import { blobsOfIndex } from './index-store.ts';
import type { LayerForms } from './layer-forms.ts';

export interface UsageParts {
  readonly store: ImageStore;
  readonly content: ContentStore;
  readonly snapshots: SnapshotDriver;
  readonly forms: LayerForms;
}

/** Files take whole blocks of the filesystem, nearly always of this size. */
const DISK_BLOCK = 4_096;

/** Bytes on disk of all blobs and layers, used or not. */
export async function totalUsage(context: Context, { content, snapshots }: UsageParts): Promise<number> {
  const { blobs, partials } = await content.usage();
  let layers = 0;
  for await (const layer of snapshots.layers()) {
    throwIfAborted(context);
    layers += await snapshots.layerUsage(layer);
  }
  return blobs + partials + layers;
}

/** What is kept, and who needs it; `isNeeded` knows the blobs that images need. */
export async function measureUsage(
  context: Context,
  parts: UsageParts,
  isNeeded: (digest: Digest) => boolean,
): Promise<ImagesUsage> {
  const sizes = new Map<Digest, number>();
  for await (const { digest, size } of parts.content.list()) sizes.set(digest, onDisk(size));
  const layers = new Map<Digest, number>();
  for await (const layer of parts.snapshots.layers()) {
    throwIfAborted(context);
    layers.set(layer, await parts.snapshots.layerUsage(layer));
  }
  const { partials } = await parts.content.usage();
  let unused = partials;
  for (const [digest, size] of sizes) if (!isNeeded(digest)) unused += size;
  for (const [layer, size] of layers) if (!isNeeded(layer)) unused += size;
  const layerBytes = (diffId: Digest): number => {
    const blobs = new Set([diffId, ...parts.forms.of(diffId).map(({ digest }) => digest)]);
    const stored = [...blobs].reduce((sum, blob) => sum + (sizes.get(blob) ?? 0), 0);
    return stored + (layers.get(diffId) ?? 0);
  };
  const images = imageUsage(parts.store, sizes, layerBytes);
  return { total: await totalUsage(context, parts), unused, images };
}

/** A layer that more than one image has is shared by them; what lists show as one image is one. */
function imageUsage(
  store: ImageStore,
  sizes: ReadonlyMap<Digest, number>,
  layerBytes: (diffId: Digest) => number,
): Map<Digest, { shared: number; unique: number }> {
  const rows = new Map<Digest, { readonly layers: Set<Digest>; readonly documents: Set<Digest> }>();
  for (const { id, manifest, config } of store.all()) {
    const row = store.listedAs(id) ?? id;
    const { layers, documents } = rows.get(row) ?? { layers: new Set(), documents: new Set() };
    for (const layer of config.rootfs.diff_ids) layers.add(layer);
    for (const document of [id, manifest, ...documentsOf(store, id)]) {
      if (document !== undefined) documents.add(document);
    }
    rows.set(row, { layers, documents });
  }
  const users = new Map<Digest, number>();
  for (const { layers } of rows.values()) {
    for (const layer of layers) users.set(layer, (users.get(layer) ?? 0) + 1);
  }
  return new Map(
    [...rows].map(([id, { layers, documents }]) => {
      const usage = { shared: 0, unique: 0 };
      for (const document of documents) usage.unique += sizes.get(document) ?? 0;
      for (const layer of layers) {
        usage[(users.get(layer) ?? 0) > 1 ? 'shared' : 'unique'] += layerBytes(layer);
      }
      return [id, usage] as const;
    }),
  );
}

/** What is kept of the indexes that show the image: they, their manifests, and what is said about images. */
function documentsOf(store: ImageStore, id: Digest): Digest[] {
  const named = store.referencesOf(id).flatMap((name) => store.indexOf(name) ?? []);
  return [...new Set(named)].flatMap(blobsOfIndex);
}

function onDisk(size: number): number {
  return Math.ceil(size / DISK_BLOCK) * DISK_BLOCK;
}
