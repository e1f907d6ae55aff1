import { notFound } from '../base/errors.ts';
import type { ContentStore, Lease } from '../content/contract.ts';
import { type Digest, digestOf, hexOf } from '../oci/digest.ts';
import type { Descriptor } from '../oci/image.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { familiarReference, familiarRepository, formatReference } from '../oci/reference.ts';
import type { ImageStore } from './image-store.ts';
import { ORIGINAL_MANIFEST } from './manifest.ts';
import type { SavedImage } from './save.ts';
import { readStoredManifest, type StoredManifest } from './stored-manifest.ts';
import { type IndexHere, readIndexHere } from './whole-index.ts';

/** What an archive has. */
export interface ArchivePlan {
  /** By digest: the bytes of those made for the archive, the size of those in the store. */
  readonly blobs: ReadonlyMap<Digest, number | Uint8Array>;
  /** Beside the blobs, by name and in the names' order. */
  readonly documents: Readonly<Record<string, unknown>>;
}

/** One image in the archive. */
interface PlannedImage {
  readonly saved: SavedImage;
  /** Of the manifest or index, as the layout has it. */
  readonly entry: Descriptor;
  /** As they are in the archive, bottom first. */
  readonly layers: readonly Digest[];
}

/**
 * Decides what an archive has so that it reads as Docker's and as an OCI layout, with one copy of each layer for both.
 *
 * An image that came with a manifest is saved with its layers as they came: manifest.json then names the compressed blobs, which dockerd,
 * podman and skopeo decompress whatever the member's name (dockerd's containerd store writes them so too). All others are saved over
 * their plain tars, as in dockerd's classic store.
 *
 * The layout names an OCI manifest always, because OCI's own tools read no other. The one that the image came with, if it is Docker's, lies
 * beside it and an annotation names it: so the image has its digest again once it is loaded. A name that stands for an index has it in the
 * layout, as it is, with what of it is here; manifest.json, which knows no indexes, has the image that suits this host.
 */
export async function planArchive(
  store: ImageStore,
  content: ContentStore,
  images: readonly SavedImage[],
  lease: Lease,
): Promise<ArchivePlan> {
  const planner = new Planner(content);
  for (const { image } of images) {
    for (const digest of [image.id, ...image.config.rootfs.diff_ids]) lease.hold(digest);
    if (image.manifest !== undefined) lease.hold(image.manifest);
  }
  const indexes = new Map<SavedImage, IndexHere>();
  const originals = new Map<SavedImage, StoredManifest>();
  for (const saved of images) {
    const index = saved.index && (await readIndexHere(store, content, saved.index, lease));
    // Of an index of which one image is here that one is saved, as if it had come alone.
    if (index !== undefined && (index.isWhole || index.images.size > 1)) indexes.set(saved, index);
    const stored = await wholeManifest(content, saved, indexes.get(saved), lease);
    if (stored === undefined) continue;
    originals.set(saved, stored);
    planner.share(stored);
  }
  const planned: PlannedImage[] = [];
  for (const saved of images) {
    planned.push(await planner.add(saved, originals.get(saved), indexes.get(saved)));
  }
  await planner.check();
  return { blobs: planner.blobs, documents: documentsOf(planned) };
}

/** The manifest that an image came with, or that the index names, when all that it names is here. */
async function wholeManifest(
  content: ContentStore,
  { image }: SavedImage,
  index: IndexHere | undefined,
  lease: Lease,
): Promise<StoredManifest | undefined> {
  const indexed = [...(index?.images.values() ?? [])].find(
    ({ manifest }) => manifest.config.digest === image.id,
  );
  const stored = indexed ?? (await readStoredManifest(content, image));
  for (const form of stored?.forms ?? []) {
    lease.hold(form.digest);
    if ((await content.stat(form.digest))?.size !== form.size) return undefined;
  }
  return stored;
}

class Planner {
  readonly blobs = new Map<Digest, number | Uint8Array>();
  readonly #content: ContentStore;
  /** Layers that the archive has compressed, by their diff IDs: nobody needs their tars as well. */
  readonly #shared = new Map<Digest, Descriptor>();

  constructor(content: ContentStore) {
    this.#content = content;
  }

  share({ forms }: StoredManifest): void {
    for (const { diffId, digest, size, mediaType } of forms) {
      this.#shared.set(diffId, describe(mediaType, digest, size));
    }
  }

  async add(
    saved: SavedImage,
    original: StoredManifest | undefined,
    index: IndexHere | undefined,
  ): Promise<PlannedImage> {
    const { id, config, layerSizes } = saved.image;
    const configBlob = describe(mediaTypes.ociConfig, id, (await this.#content.stat(id))?.size ?? 0);
    const layers =
      original?.forms.map(({ mediaType, digest, size }) => describe(mediaType, digest, size)) ??
      config.rootfs.diff_ids.map(
        (diffId, position) =>
          this.#shared.get(diffId) ?? describe(mediaTypes.ociLayer, diffId, layerSizes[position] ?? 0),
      );
    this.blobs.set(id, configBlob.size);
    for (const { digest, size } of layers) this.blobs.set(digest, size);
    if (original !== undefined) this.blobs.set(original.digest, original.bytes.length);
    const entry =
      index === undefined ? this.#manifestOf(original, configBlob, layers) : await this.#addIndex(index);
    return { saved, entry, layers: layers.map(({ digest }) => digest) };
  }

  #manifestOf(
    original: StoredManifest | undefined,
    config: Descriptor,
    layers: readonly Descriptor[],
  ): Descriptor {
    const manifest =
      original?.mediaType === mediaTypes.ociManifest
        ? describe(mediaTypes.ociManifest, original.digest, original.bytes.length)
        : this.#addManifest(config, layers);
    return original === undefined
      ? manifest
      : { ...manifest, annotations: { [ORIGINAL_MANIFEST]: original.digest } };
  }

  /** All that is here of an index, as it is. */
  async #addIndex({ record, images, others }: IndexHere): Promise<Descriptor> {
    const { digest, mediaType, size } = record;
    this.blobs.set(digest, size);
    for (const stored of images.values()) {
      this.blobs.set(stored.digest, stored.bytes.length);
      await this.#addStored([stored.manifest.config.digest, ...stored.forms.map((form) => form.digest)]);
    }
    for (const { descriptor, blobs = [] } of others) await this.#addStored([descriptor.digest, ...blobs]);
    return { mediaType, digest, size };
  }

  async #addStored(digests: readonly Digest[]): Promise<void> {
    for (const digest of digests) this.blobs.set(digest, (await this.#content.stat(digest))?.size ?? 0);
  }

  /** Fails with `not-found` when an image was removed before its blobs were held. */
  async check(): Promise<void> {
    for (const [digest, blob] of this.blobs) {
      if (typeof blob === 'number' && (await this.#content.stat(digest))?.size !== blob) {
        throw notFound(`content ${digest}: not found`);
      }
    }
  }

  #addManifest(config: Descriptor, layers: readonly Descriptor[]): Descriptor {
    const document = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
    const bytes = new TextEncoder().encode(JSON.stringify(document));
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    return describe(mediaTypes.ociManifest, digest, bytes.length);
  }
}

const ociTypes: Readonly<Record<string, string>> = {
  [mediaTypes.dockerLayer]: mediaTypes.ociLayer,
  [mediaTypes.dockerLayerGzip]: mediaTypes.ociLayerGzip,
};

function describe(mediaType: string, digest: Digest, size: number): Descriptor {
  return { mediaType: ociTypes[mediaType] ?? mediaType, digest, size };
}

function documentsOf(images: readonly PlannedImage[]): ArchivePlan['documents'] {
  const repositories = repositoriesOf(images);
  return {
    'index.json': {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: images.flatMap(indexEntries),
    },
    'manifest.json': manifestItems(images),
    'oci-layout': { imageLayoutVersion: '1.0.0' },
    ...(Object.keys(repositories).length === 0 ? {} : { repositories }),
  };
}

/** One for each name. */
function indexEntries({ saved, entry }: PlannedImage): Descriptor[] {
  if (saved.names.length === 0) return [entry];
  return saved.names.map((name) => ({
    ...entry,
    annotations: {
      ...entry.annotations,
      'io.containerd.image.name': formatReference(name),
      'org.opencontainers.image.ref.name': name.tag ?? '',
    },
  }));
}

function manifestItems(images: readonly PlannedImage[]): object[] {
  const ids = new Set<Digest | undefined>(images.map(({ saved }) => saved.image.id));
  return images.map(({ saved: { image, names }, layers }) => ({
    Config: blobPath(image.id),
    RepoTags: names.length === 0 ? null : names.map(familiarReference),
    Layers: layers.map(blobPath),
    ...(ids.has(image.parent) ? { Parent: image.parent } : {}),
  }));
}

/** What readers from before manifest.json look for first. */
function repositoriesOf(images: readonly PlannedImage[]): Record<string, Record<string, string>> {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { saved } of images) {
    const top = saved.image.config.rootfs.diff_ids.at(-1);
    for (const name of saved.names) {
      if (name.tag === undefined || top === undefined) continue;
      const repository = familiarRepository(name);
      repositories[repository] = { ...repositories[repository], [name.tag]: hexOf(top) };
    }
  }
  return repositories;
}

export function blobPath(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}
