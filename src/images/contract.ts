import type { Context } from '../base/context.ts';
import type { Credentials } from '../distribution/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { ImageConfig, Platform } from '../oci/image.ts';

/**
 * Images: configurations over layers, and the names that people gave them.
 *
 * An image's ID is the digest of its configuration's bytes. A *reference* is a normalised name ("docker.io/library/busybox:latest") or a
 * digest reference ("docker.io/library/busybox@sha256:…"). An image without references is dangling. Everything returned is plain data.
 */
export interface Images {
  /** By name, ID or unique ID prefix. Fails with `not-found` "No such image: X" (with the tag spelled out for a name). */
  get(reference: string): Image;
  find(reference: string): Image | undefined;
  list(): readonly Image[];
  /** Gives `source` the further name `target`, taking it from the image that had it. */
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
  history(reference: string): readonly HistoryItem[];
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
}

export interface RemoveOptions {
  readonly force: boolean;
  readonly prune: boolean;
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
    | 'verifying'
    | 'received'
    | 'unpacking'
    | 'unpacked';
  /** Bytes of the layer as the registry has it. */
  readonly current: number;
  readonly total: number;
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

/** Who uses an image: asked before it is removed. */
export interface ImageUsers {
  /** Containers made from the image, by its ID. */
  containersOf(id: Digest): readonly { readonly id: string; readonly running: boolean }[];
}
