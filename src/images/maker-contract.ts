import type { Context } from '../base/context.ts';
import type { Digest } from '../oci/digest.ts';
import type { Descriptor, ImageConfig, Platform } from '../oci/image.ts';
import type { Image, LayerProgress } from './contract.ts';
import type { LayerForm } from './layer-forms.ts';

/** For whoever makes images layer by layer. */
export interface ImageMaker {
  /** What it holds stays, whether an image has it or not. */
  leaseLayers(context: Context): LayerLease;
  /** Takes a layer's tar in. Its diff ID is held by the lease before anything could collect it. */
  receiveLayer(
    context: Context,
    lease: LayerLease,
    tar: AsyncIterable<Uint8Array>,
  ): Promise<{ readonly diffId: Digest; readonly size: number }>;
  /** Drops those of the layers that nothing needs any more. */
  dropLayers(context: Context, layers: Iterable<Digest>): Promise<void>;
  /** The ID of the image that a configuration makes. */
  idOf(config: ImageConfig): Digest;
  /** An image of layers that are here, and its names. Fails with `not-found` when a layer is missing. */
  create(context: Context, request: CreateImageRequest): Promise<CreatedImage>;
  /**
   * An OCI index of images, with statements about them. Its names find the image that suits this host; push and save take all of it. The
   * same images, annotations and statements give the same bytes. Fails with `not-found` when an image or a layer is missing; then it has
   * made no image either.
   */
  createIndex(context: Context, request: CreateIndexRequest): Promise<ImageIndex>;
}

/** Layers on their way, without images: for whoever keeps them elsewhere, as a build's cache is kept. */
export interface LayerExchange {
  /**
   * Brings a layer that somebody offers, unless it is here in the very form that is offered. Held by the lease. Fails with `data-loss` when
   * it is another one than its digests say, by then nothing of it is left.
   */
  bring(
    context: Context,
    lease: LayerLease,
    offer: LayerOffer,
    onLayer?: (progress: LayerProgress) => void,
  ): Promise<void>;
  /** A form of a layer that is here: one that is kept, or else a new one. It stays while the lease, which holds the layer. */
  form(context: Context, lease: LayerLease, layer: Digest, encoding: LayerEncoding): Promise<LayerForm>;
  /** Bytes of a form that is here. */
  read(form: LayerForm, offset: number): AsyncIterable<Uint8Array>;
}

export type LayerEncoding = 'uncompressed' | 'gzip' | 'zstd';

/** A layer as somebody else has it. */
export interface LayerOffer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  /** The repository that has it, "host/path"; undefined for another kind of place. */
  readonly place: string | undefined;
  /** The layer's bytes as that place has them, from an offset on; see `RemoteImage.layer`. */
  open(
    context: Context,
    options: { readonly offset: number; readonly onRetry: (seconds: number) => void },
  ): AsyncIterable<Uint8Array>;
}

/** Held until disposed. */
export interface LayerLease extends Disposable {
  hold(layer: Digest): void;
}

export interface CreateImageRequest {
  /** Names its layers; its bytes are encoded always in the same way. */
  readonly config: ImageConfig;
  readonly parent: Digest | undefined;
  /** "name" or "name:tag" each. */
  readonly references: readonly string[];
  /** The OCI manifest that the image is to be pushed and saved with; without it one is made when it is pushed. */
  readonly manifest?: ManifestOptions | undefined;
}

export interface CreatedImage extends Image {
  /** Whether it was not here before. */
  readonly isNew: boolean;
}

export interface ManifestOptions {
  readonly annotations: Readonly<Record<string, string>>;
  /** Of all its layers. */
  readonly encoding: LayerEncoding;
}

export interface CreateIndexRequest {
  /** In the index's order. */
  readonly members: readonly IndexMember[];
  /** Of the index itself. */
  readonly annotations: Readonly<Record<string, string>>;
  /** "name" or "name:tag" each. */
  readonly references: readonly string[];
}

export interface IndexMember {
  /** One that is here, or the configuration of one that is to be here together with its index. */
  readonly image: Digest | ImageConfig;
  readonly platform: Platform;
  /** Of the image's manifest, and of the index's entry for it. */
  readonly manifestAnnotations: Readonly<Record<string, string>>;
  readonly descriptorAnnotations: Readonly<Record<string, string>>;
  /** Of its layers; gzip by default. */
  readonly encoding?: LayerEncoding | undefined;
  /** What is said about the image, once its manifest is known: in-toto statements, which become its attestation manifest. */
  readonly statements: (manifest: Digest) => readonly ImageStatement[];
}

export interface ImageStatement {
  /** "https://slsa.dev/provenance/v1". */
  readonly predicateType: string;
  /** JSON. */
  readonly bytes: Uint8Array;
}

export interface ImageIndex {
  readonly digest: Digest;
  readonly size: number;
  readonly members: readonly {
    readonly image: Digest;
    readonly platform: Platform;
    readonly manifest: Digest;
    /** Whether the image was not here before. */
    readonly isNew: boolean;
  }[];
}
