import type { Context } from '../base/context.ts';
import type { Digest } from '../oci/digest.ts';
import type { Descriptor, Manifest, Platform } from '../oci/image.ts';
import type { Reference } from '../oci/reference.ts';

/**
 * Distribution: images in registries, by the OCI distribution specification 1.1.
 *
 * Nothing is stored here. What comes back has been verified: a document has the digest that it was asked by, and a layer's stream fails
 * instead of ending when its bytes are not what the manifest says.
 */
export interface RegistryClient {
  /**
   * The image that a reference with a tag or a digest names; of an index the one that fits the platform best. Fails with `not-found` in
   * Docker's words when there is none or access is denied, with `internal` when the registry does not do its work.
   */
  resolve(context: Context, reference: Reference, options: ResolveOptions): Promise<RemoteImage>;
  /** All tags of the reference's repository. Fails as `resolve` does. */
  tags(
    context: Context,
    reference: Reference,
    credentials: Credentials | undefined,
  ): Promise<readonly string[]>;
}

export interface ResolveOptions {
  readonly platform: Platform;
  readonly credentials: Credentials | undefined;
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
  /** A layer as it is stored; a broken connection is taken up again where it broke. Fails with `data-loss` on other bytes. */
  layer(context: Context, descriptor: Descriptor): AsyncIterable<Uint8Array>;
}

export interface RemoteDocument {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}
