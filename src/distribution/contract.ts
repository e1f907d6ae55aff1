import type { Context } from '../base/context.ts';
import type { Digest } from '../oci/digest.ts';
import type { Descriptor, Manifest, Platform } from '../oci/image.ts';
import type { Reference } from '../oci/reference.ts';

/**
 * Distribution: images in registries, by the OCI distribution specification 1.1.
 *
 * Nothing is stored here. What comes back has been verified: a document has the digest that it was asked by, and a layer's stream fails
 * instead of ending when its bytes are not what the manifest says. Failures: `not-found` in Docker's words when there is none or access
 * is denied, `unauthenticated` for wrong credentials, `internal` when the registry does not do its work.
 */
export interface RegistryClient {
  /** The image that a reference with a tag or a digest names; of an index the one that fits the platform best. */
  resolve(context: Context, reference: Reference, options: ResolveOptions): Promise<RemoteImage>;
  /** What a reference names, without its configuration and layers, whatever platforms it is for. */
  describe(
    context: Context,
    reference: Reference,
    credentials: Credentials | undefined,
  ): Promise<RemoteDescription>;
  /** What a reference names, whether that is an image or not, to be read with whatever it names itself. */
  artifact(
    context: Context,
    reference: Reference,
    credentials: Credentials | undefined,
  ): Promise<RemoteArtifact>;
  /** All tags of the reference's repository. */
  tags(
    context: Context,
    reference: Reference,
    credentials: Credentials | undefined,
  ): Promise<readonly string[]>;
  /** The repository that a reference names, to be pushed to. Mirrors have no part in it. Shows the credentials first. */
  target(
    context: Context,
    reference: Reference,
    credentials: Credentials | undefined,
    onWarning?: (text: string) => void,
  ): Promise<PushTarget>;
  /** Shows the credentials to a registry (its address as `login` takes it). Fails with `unauthenticated` when they are wrong. */
  authenticate(context: Context, address: string, credentials: Credentials): Promise<AuthenticationResult>;
  /** Docker Hub's search, or a registry's catalogue for a term "host/term"; v1 search is asked first. */
  search(context: Context, term: string, options: SearchOptions): Promise<readonly SearchResult[]>;
}

export interface ResolveOptions {
  readonly platform: Platform;
  readonly credentials: Credentials | undefined;
  /** The same is asked again after so many seconds: told when a wait begins, and with each second that is left. */
  readonly onRetry?: (seconds: number) => void;
  /** Hears once each text that the registry wants its users to read. */
  readonly onWarning?: (text: string) => void;
}

/** What a user may show to a registry; sent to nobody but the reference's registry and the token server that it names. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** An OAuth refresh token, instead of the password. */
  readonly identityToken: string;
  /** A bearer token, used as it is. */
  readonly registryToken: string;
}

export interface RemoteImage {
  /** Of what the reference names: an index or a manifest. */
  readonly digest: Digest;
  /** The image's own manifest. */
  readonly manifest: Manifest;
  readonly manifestDigest: Digest;
  /** The bytes of every index and manifest on the way, outermost first. */
  readonly documents: readonly RemoteDocument[];
  /** The configuration's bytes. Fails with `exhausted` above `limit` bytes. */
  config(context: Context, limit: number): Promise<Uint8Array>;
  /**
   * A layer as it is stored, from byte `offset`; a broken connection is taken up again where it broke, and a layer that the registry
   * lacks is sought at the descriptor's `urls`. Fails with `data-loss` when size or (from offset 0) digest are not the descriptor's:
   * whoever has the first bytes already must see to the digest.
   */
  layer(
    context: Context,
    descriptor: Descriptor,
    options?: { readonly offset?: number; readonly onRetry?: (seconds: number) => void },
  ): AsyncIterable<Uint8Array>;
}

export interface RemoteDocument {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

export interface RemoteDescription {
  readonly descriptor: Descriptor;
  /** Of an index its entries', attestations left out; of a manifest its configuration's. */
  readonly platforms: readonly Platform[];
  /** The document's bytes, as the digest says. */
  readonly bytes: Uint8Array;
}

/** A document of a repository that nobody has looked into yet. Of blobs, what `RemoteImage.layer` says holds here too. */
export interface RemoteArtifact {
  /** With the media type that its sender gives it. */
  readonly root: RemoteDocument;
  /** A further manifest or index of the repository. Fails with `not-found`, and with `data-loss` when it is another one. */
  document(context: Context, descriptor: Descriptor): Promise<RemoteDocument>;
  /** The size in bytes of a blob that the repository has. */
  size(context: Context, digest: Digest): Promise<number | undefined>;
  blob(
    context: Context,
    descriptor: Descriptor,
    options?: { readonly offset?: number; readonly onRetry?: (seconds: number) => void },
  ): AsyncIterable<Uint8Array>;
}

/** A repository that is pushed to. Blobs first, then the manifests that name them. */
export interface PushTarget {
  /** The blob's size in bytes when the repository has it. */
  stat(context: Context, digest: Digest): Promise<number | undefined>;
  /** Takes a blob from another repository of the same registry. False when it could not. */
  mount(context: Context, digest: Digest, fromRepository: string): Promise<boolean>;
  /**
   * Uploads a blob in chunks; a broken connection is taken up again at the byte that the registry has. `open` gives the blob's bytes
   * from an offset and may be called again.
   */
  upload(
    context: Context,
    blob: { readonly digest: Digest; readonly size: number },
    open: (offset: number) => AsyncIterable<Uint8Array>,
    onProgress?: (sent: number) => void,
    onRetry?: (seconds: number) => void,
  ): Promise<void>;
  /** Stores a manifest or index under a tag or its digest; the bytes stay as they are. Returns their digest. */
  putManifest(context: Context, name: string, mediaType: string, bytes: Uint8Array): Promise<Digest>;
}

export interface AuthenticationResult {
  /** "Login Succeeded". */
  readonly status: string;
  /** A refresh token to be kept instead of the password, or empty. */
  readonly identityToken: string;
}

export interface SearchOptions {
  readonly limit: number;
  readonly credentials: Credentials | undefined;
}

export interface SearchResult {
  readonly name: string;
  readonly description: string;
  readonly stars: number;
  readonly official: boolean;
}
