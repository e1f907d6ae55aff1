import type { Context } from '../base/context.ts';
import { throwIfAborted } from '../base/context.ts';
import type { ContentStore } from '../content/contract.ts';
import { type Digest, digestOf, hexOf } from '../oci/digest.ts';
import type { Descriptor } from '../oci/image.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { familiarReference, familiarRepository, formatReference } from '../oci/reference.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../oci/tar/writer.ts';
import type { SavedImage } from './save.ts';
import { readStoredManifest } from './stored-manifest.ts';

/**
 * An archive that is both what `docker save` writes and an OCI layout, streamed. Its bytes depend on nothing but the images: members are
 * in the order of their names, times are zero.
 *
 * Both readings share one copy of each layer. An image that came with a manifest is saved with that very manifest and its compressed
 * layers, so its digest survives; manifest.json then names the compressed blobs, which dockerd, podman and skopeo decompress whatever
 * the member's name (dockerd's containerd store writes them so too). All others get an OCI manifest over the plain tars, as in
 * dockerd's classic store.
 */
export async function* writeArchive(
  context: Context,
  content: ContentStore,
  images: readonly SavedImage[],
): AsyncGenerator<Uint8Array, void, void> {
  using lease = content.lease();
  const contents = await describeAll(content, images);
  for (const digest of contents.blobs.keys()) lease.hold(digest);
  yield formatTarHeader({ type: 'directory', name: 'blobs/', mode: 0o755 });
  yield formatTarHeader({ type: 'directory', name: 'blobs/sha256/', mode: 0o755 });
  for (const [digest, blob] of [...contents.blobs].sort(([one], [other]) => (one < other ? -1 : 1))) {
    throwIfAborted(context);
    const size = typeof blob === 'number' ? blob : blob.length;
    yield formatTarHeader({ type: 'file', name: blobPath(digest), mode: 0o644, size });
    if (typeof blob === 'number') yield* content.read(digest);
    else yield blob;
    yield tarPadding(size);
  }
  for (const [name, document] of Object.entries(contents.documents)) {
    yield* smallMember(name, JSON.stringify(document));
  }
  yield tarEnd;
}

/** Beside the blobs, by name and in order. */
interface Documents {
  readonly 'index.json': object;
  readonly 'manifest.json': readonly object[];
  readonly 'oci-layout': object;
  readonly repositories?: Record<string, Record<string, string>>;
}

/** Blobs by digest: the bytes of those made for the archive, the size of those in the store. */
type Blobs = Map<Digest, number | Uint8Array>;

/** One image in the archive. */
interface Described {
  readonly saved: SavedImage;
  readonly manifest: { readonly mediaType: string; readonly digest: Digest; readonly size: number };
  /** Bottom first. */
  readonly layers: readonly Digest[];
}

async function describeAll(
  content: ContentStore,
  images: readonly SavedImage[],
): Promise<{ readonly blobs: Blobs; readonly documents: Documents }> {
  const blobs: Blobs = new Map();
  const described = new Map<SavedImage, Described>();
  /** Layers that are in the archive already, by their diff IDs: nobody needs them a second time. */
  const shared = new Map<Digest, Descriptor>();
  for (const saved of images) {
    const original = await describeOriginal(content, saved, blobs, shared);
    if (original !== undefined) described.set(saved, original);
  }
  for (const saved of images) {
    if (!described.has(saved)) described.set(saved, await describeMade(content, saved, blobs, shared));
  }
  return { blobs, documents: documentsOf(images.flatMap((saved) => described.get(saved) ?? [])) };
}

/** Undefined unless the manifest that the image came with is here with all that it names. */
async function describeOriginal(
  content: ContentStore,
  saved: SavedImage,
  blobs: Blobs,
  shared: Map<Digest, Descriptor>,
): Promise<Described | undefined> {
  const stored = await readStoredManifest(content, saved.image);
  if (stored === undefined) return undefined;
  const { digest, bytes, mediaType, forms, manifest } = stored;
  for (const form of forms) {
    if ((await content.stat(form.digest))?.size !== form.size) return undefined;
  }
  blobs.set(digest, bytes.length).set(saved.image.id, manifest.config.size);
  for (const form of forms) {
    blobs.set(form.digest, form.size);
    shared.set(form.diffId, { mediaType: ociType(form.mediaType), digest: form.digest, size: form.size });
  }
  return {
    saved,
    manifest: { mediaType, digest, size: bytes.length },
    layers: forms.map((form) => form.digest),
  };
}

async function describeMade(
  content: ContentStore,
  saved: SavedImage,
  blobs: Blobs,
  shared: Map<Digest, Descriptor>,
): Promise<Described> {
  const { id, config, layerSizes } = saved.image;
  const layers = config.rootfs.diff_ids.map((digest, position): Descriptor => {
    return shared.get(digest) ?? { mediaType: mediaTypes.ociLayer, digest, size: layerSizes[position] ?? 0 };
  });
  for (const { digest, size } of layers) blobs.set(digest, size);
  const configSize = (await content.stat(id))?.size ?? 0;
  blobs.set(id, configSize);
  const document = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: id, size: configSize },
    layers,
  };
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  const digest = digestOf(bytes);
  blobs.set(digest, bytes);
  return {
    saved,
    manifest: { mediaType: mediaTypes.ociManifest, digest, size: bytes.length },
    layers: layers.map((layer) => layer.digest),
  };
}

const ociTypes: Readonly<Record<string, string>> = {
  [mediaTypes.dockerLayer]: mediaTypes.ociLayer,
  [mediaTypes.dockerLayerGzip]: mediaTypes.ociLayerGzip,
};

function ociType(mediaType: string): string {
  return ociTypes[mediaType] ?? mediaType;
}

function documentsOf(images: readonly Described[]): Documents {
  const repositories: Record<string, Record<string, string>> = {};
  const ids = new Set<Digest | undefined>(images.map(({ saved }) => saved.image.id));
  for (const { saved } of images) {
    const top = saved.image.config.rootfs.diff_ids.at(-1);
    for (const name of saved.names) {
      if (name.tag === undefined || top === undefined) continue;
      const repository = familiarRepository(name);
      repositories[repository] = { ...repositories[repository], [name.tag]: hexOf(top) };
    }
  }
  return {
    'index.json': {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: images.flatMap(indexEntries),
    },
    'manifest.json': images.map(({ saved, layers }) => ({
      Config: blobPath(saved.image.id),
      RepoTags: saved.names.length === 0 ? null : saved.names.map(familiarReference),
      Layers: layers.map(blobPath),
      ...(ids.has(saved.image.parent) ? { Parent: saved.image.parent } : {}),
    })),
    'oci-layout': { imageLayoutVersion: '1.0.0' },
    ...(Object.keys(repositories).length === 0 ? {} : { repositories }),
  };
}

function indexEntries({ saved, manifest }: Described): object[] {
  if (saved.names.length === 0) return [manifest];
  return saved.names.map((name) => ({
    ...manifest,
    annotations: {
      'io.containerd.image.name': formatReference(name),
      'org.opencontainers.image.ref.name': name.tag,
    },
  }));
}

function blobPath(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

function* smallMember(name: string, text: string): Generator<Uint8Array, void, void> {
  const bytes = new TextEncoder().encode(text);
  yield formatTarHeader({ type: 'file', name, mode: 0o644, size: bytes.length });
  yield bytes;
  yield tarPadding(bytes.length);
}
