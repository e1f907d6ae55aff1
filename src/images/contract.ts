import type { Context } from '../base/context.ts';
import type { Credentials } from '../distribution/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { Descriptor, ImageConfig, ImageProcess, Platform } from '../oci/image.ts';

export type { LayerForm } from './layer-forms.ts';
export type {
  CreatedImage,
  CreateImageRequest,
  CreateIndexRequest,
  ImageIndex,
  ImageMaker,
  ImageStatement,
  IndexMember,
  LayerEncoding,
  LayerExchange,
  LayerLease,
  LayerOffer,
  ManifestOptions,
} from './maker-contract.ts';

/**
 * Images: configurations over layers, and the names that people gave them.
 *
 * An image's ID is the digest of its configuration's bytes. A *reference* is a normalised name ("docker.io/library/busybox:latest") or a
 * digest reference ("docker.io/library/busybox@sha256:…"). An image without references is dangling. Everything returned is plain data.
 *
 * A reference may stand for an *index*: the same for several platforms, with what is said about them. It finds the image that suits this
 * host, or the platform that is asked for; the others stay with it. Not all that an index names need be here. An index's digest is as good
 * as an ID where a text names it whole.
 */
export interface Images {
  /**
   * By name, ID or unique ID prefix. Fails with `not-found` "No such image: X" (with the tag spelled out for a name), and in Docker's words
   * when there is none for the platform.
   */
  get(reference: string, platform?: Platform): Image;
  /** Undefined when there is none, or none for the platform. */
  find(reference: string, platform?: Platform): Image | undefined;
  list(): readonly Image[];
  /** What a reference stands for, or what an image is listed with: an index and its manifests, or one manifest. Of a platform its own. */
  manifests(context: Context, reference: string, platform?: Platform): Promise<ImageManifests>;
  /** Gives `source` the further name `target`, taking it from the image that had it. A name for an index becomes another one for it. */
  tag(context: Context, source: string, target: string): Promise<void>;
  /** Docker's rules for names, IDs, force and containers in use; see `ImageUsers`. */
  remove(context: Context, reference: string, options: RemoveOptions): Promise<readonly RemovedItem[]>;
  /** A docker-save archive or OCI layout, in any compression that is supported. */
  load(
    context: Context,
    archive: AsyncIterable<Uint8Array>,
    options: LoadOptions,
  ): Promise<readonly LoadedImage[]>;
  /** One layer made of a root filesystem's tar. Returns the new image. */
  import(context: Context, tar: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<Image>;
  /**
   * Brings an image from its registry; nothing of it is visible before all of it is there and verified. Fails with `not-found` when there
   * is none, or none for the platform.
   */
  pull(context: Context, reference: string, options: PullOptions): Promise<PulledImage>;
  /** The tags that a repository has in its registry. */
  remoteTags(
    context: Context,
    repository: string,
    credentials: Credentials | undefined,
  ): Promise<readonly string[]>;
  /** Newest first. */
  history(reference: string, platform?: Platform): readonly HistoryItem[];
  /**
   * Brings an image, or all tags of a repository for a name without a tag, to its registry. What it was pulled or loaded with - manifest
   * and compressed layers - goes back as it was; for what has none a Docker schema 2 manifest with gzip layers is made, the same each time.
   * An index goes whole; where only one of its images is here, that one.
   */
  push(context: Context, reference: string, options: PushOptions): Promise<readonly PushedImage[]>;
  /**
   * A docker-save archive that is an OCI layout too; the same images give the same bytes. All names are checked before the first byte. Of an
   * index all that is here.
   */
  save(context: Context, references: readonly string[], options: SaveOptions): AsyncIterable<Uint8Array>;
  /** A new image: a parent's layers (none for an empty parent) with one more made of a tar, unless that is empty. */
  commit(context: Context, request: CommitRequest): Promise<Image>;
  /** What each layer adds, changes, removes and wastes, bottom first. */
  layers(context: Context, reference: string): Promise<readonly LayerReport[]>;
  /** The paths that one layer adds, changes and removes, against the layers below it, sorted. */
  layerChanges(context: Context, reference: string, layer: Digest): AsyncIterable<PathChange>;
  /** Mounts a read-only view of the image on the host (the same one for each call) and returns its path. */
  mount(context: Context, reference: string): Promise<ImageMount>;
  /** False when it was not mounted. */
  unmount(context: Context, reference: string): Promise<boolean>;
  mounts(): readonly ImageMount[];
  /** Bytes on disk of all that is kept for images, and for each image what it shares with others. */
  usage(context: Context): Promise<ImagesUsage>;
  /** Removes the images that the filter takes and no container uses, and what is kept of pulls that were given up. */
  prune(context: Context, options: PruneImagesOptions): Promise<PrunedImages>;
}

export interface Image {
  readonly id: Digest;
  readonly config: ImageConfig;
  /** Normalised "name:tag" references, in familiar form ("busybox:latest"), sorted. */
  readonly tags: readonly string[];
  /** Familiar "name@sha256:…" references. */
  readonly digests: readonly string[];
  /** Sum of the layers' uncompressed tars, bytes. */
  readonly size: number;
  /** Of the configuration; undefined when it has none. */
  readonly created: Date | undefined;
  readonly lastTagged: Date | undefined;
  /** Image that this one was built from here, if known. */
  readonly parent: Digest | undefined;
  readonly platform: Platform;
  /** Digest of the manifest that it came with or that describes it here. */
  readonly manifest: Digest | undefined;
  /** The image that is listed for this one: names have it only in an index that finds another on this host. */
  readonly listedAs?: Digest;
}

export interface ImageManifests {
  /** Of the index, or of the only manifest; undefined for an image without any. */
  readonly target: Descriptor | undefined;
  /** As the index has them. */
  readonly manifests: readonly ImageManifest[];
}

export interface ImageManifest {
  readonly descriptor: Descriptor;
  readonly kind: 'image' | 'attestation' | 'unknown';
  /** Whether all that it names is here. */
  readonly available: boolean;
  /** Bytes of what is here: the manifest, and the blobs that it names. */
  readonly contentSize: number;
  /** Of an image. */
  readonly platform: Platform | undefined;
  readonly image: Digest | undefined;
  /** Bytes of its layers' tars, if it is here. */
  readonly unpackedSize: number;
  /** Of an attestation: the manifest that it is about. */
  readonly subject: Digest | undefined;
}

export interface RemoveOptions {
  readonly force: boolean;
  readonly prune: boolean;
  /** Only these of an index's; all by default. */
  readonly platforms?: readonly Platform[];
}

export type RemovedItem = { readonly Untagged: string } | { readonly Deleted: string };

export interface LoadOptions {
  readonly platform: Platform | undefined;
  /** Progress of one layer in bytes, for the message stream. */
  readonly onProgress?: (layer: Digest, current: number, total: number) => void;
  /** "The image x already exists, renaming the old one with ID y to empty string". */
  readonly onMessage?: (text: string) => void;
}

/** By name, or by ID where the archive named none. */
export type LoadedImage = { readonly reference: string; readonly id: Digest } | { readonly id: Digest };

export interface PullOptions {
  /** Of an image that has several; the host's by default. */
  readonly platform: Platform | undefined;
  readonly credentials: Credentials | undefined;
  /** The image has been found: its layers follow. */
  readonly onFound?: () => void;
  readonly onLayer?: (progress: LayerProgress) => void;
}

/** How a layer gets on, in the order of the steps. */
export interface LayerProgress {
  /** Of the layer as the registry has it. */
  readonly layer: Digest;
  readonly step:
    | 'found'
    | 'known'
    | 'waiting'
    | 'receiving'
    /** Asked again after `seconds`. */
    | 'retrying'
    | 'verifying'
    | 'received'
    | 'unpacking'
    | 'unpacked';
  /** Bytes of the layer as the registry has it. */
  readonly current: number;
  readonly total: number;
  readonly seconds?: number;
}

export interface PulledImage {
  readonly image: Image;
  /** Of the index or manifest that the reference names in the registry. */
  readonly digest: Digest;
  /** The whole reference, in familiar form. */
  readonly reference: string;
  /** False when the reference named this very image before. */
  readonly isNew: boolean;
}

export interface ImportOptions {
  /** "name" or "name:tag", or empty. */
  readonly reference: string;
  readonly message: string;
  /** Dockerfile instructions: CMD, ENV, … */
  readonly changes: readonly string[];
  readonly platform: Platform | undefined;
  /** For the comment: "Imported from -". */
  readonly source: string;
}

export interface HistoryItem {
  readonly id: string;
  readonly created: Date | undefined;
  readonly createdBy: string;
  readonly size: number;
  readonly comment: string;
  readonly tags: readonly string[];
}

export interface PushOptions {
  readonly credentials: Credentials | undefined;
  /** Only that one of an index; an image must be for it: `not-found` in Docker's words otherwise. */
  readonly platform: Platform | undefined;
  /** What is brought there instead of what has a tag, known by its digest alone: an image by its ID, or an index by its digest. */
  readonly source?: Digest | undefined;
  /** The repository and the tags to come. */
  readonly onFound?: (repository: string) => void;
  readonly onLayer?: (progress: PushProgress) => void;
  readonly onPushed?: (pushed: PushedImage) => void;
}

export interface PushProgress {
  /** The diff ID, which is what is known of a layer before it is compressed. */
  readonly layer: Digest;
  readonly step: 'preparing' | 'waiting' | 'pushing' | 'pushed' | 'exists' | 'mounted' | 'retrying';
  /** For 'mounted': the repository. */
  readonly from?: string;
  /** Bytes of the blob that is sent; total 0 when not known yet. */
  readonly current: number;
  readonly total: number;
  readonly seconds?: number;
}

export interface PushedImage {
  /** Empty for what has only its digest there. */
  readonly tag: string;
  /** Of the manifest or index, and its bytes' number. */
  readonly digest: Digest;
  readonly size: number;
  /** The name stands for an index of which no other image is here. */
  readonly insteadOf?: { readonly index: Descriptor; readonly manifest: Descriptor };
}

export interface SaveOptions {
  readonly platform: Platform | undefined;
  /** What all of it is called in the archive, whatever its names are here: "name:tag" each. */
  readonly names?: readonly string[] | undefined;
}

export interface CommitRequest {
  /** ID of the image whose layers are below; undefined for none. */
  readonly parent: Digest | undefined;
  /** The layer's tar, whiteouts as the image specification has them; undefined for a step without a layer. */
  readonly layer: AsyncIterable<Uint8Array> | undefined;
  /** The finished `config` object. */
  readonly config: ImageProcess;
  readonly platform: Platform;
  readonly author: string;
  readonly comment: string;
  /** For the history: "/bin/sh -c …". */
  readonly createdBy: string;
  readonly created: Date;
  /** A name for it, or empty. */
  readonly reference: string;
}

export interface LayerReport {
  readonly diffId: Digest;
  /** Compressed forms that are kept, as registries name them. */
  readonly digests: readonly Digest[];
  readonly createdBy: string;
  /** Bytes of the tar, and on disk: tar, index and compressed forms. */
  readonly size: number;
  readonly diskSize: number;
  readonly files: number;
  readonly added: ChangeSum;
  readonly changed: ChangeSum;
  readonly removed: ChangeSum;
  /** Bytes below it that nobody sees any more because of this layer. */
  readonly wasted: number;
}

export interface ChangeSum {
  readonly count: number;
  /** Of regular files; for what is removed, of those that are gone. */
  readonly bytes: number;
}

export interface PathChange {
  readonly kind: 'added' | 'changed' | 'removed';
  readonly path: string;
  readonly bytes: number;
}

export interface ImageMount {
  readonly id: Digest;
  readonly path: string;
}

export interface ImagesUsage {
  /** Blobs, indexes and unpacked layers, whether an image needs them or not. */
  readonly total: number;
  /** Of it, what no image needs: partial downloads and what is about to be collected. */
  readonly unused: number;
  readonly images: ReadonlyMap<Digest, { readonly shared: number; readonly unique: number }>;
}

export interface PruneImagesOptions {
  /** Images with a name are spared by whoever asks, by this. */
  readonly filter: (image: Image) => boolean;
}

export interface PrunedImages {
  readonly items: readonly RemovedItem[];
  /** Bytes of disk that are free now. */
  readonly bytes: number;
}

/** Who uses an image: asked before it is removed. */
export interface ImageUsers {
  /** Containers made from the image, by its ID. */
  containersOf(id: Digest): readonly { readonly id: string; readonly running: boolean }[];
}
