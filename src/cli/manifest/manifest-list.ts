import type { Descriptor } from '../../oci/image.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';
import { CommandError } from '../command-error.ts';
import { escapeForHtml } from '../template/json.ts';
import { type ImageManifest, orderPlatform } from './image-manifest.ts';

export interface ListDocument {
  readonly mediaType: string;
  /** Byte for byte what Docker makes of the same images, so that the digest is the same. */
  readonly text: string;
}

/** The list or index that names the images. Its type follows the first one's. */
export function makeManifestList(descriptors: readonly Descriptor[]): ListDocument {
  const isOci = descriptors[0]?.mediaType === mediaTypes.ociManifest;
  const mediaType = isOci ? mediaTypes.ociIndex : mediaTypes.dockerManifestList;
  const manifests = descriptors.map(({ mediaType: type, size, digest, platform }) => ({
    mediaType: type,
    size,
    digest,
    platform: orderPlatform(platform ?? { architecture: '', os: '' }),
  }));
  const text = JSON.stringify({ schemaVersion: 2, mediaType, manifests }, null, 3);
  return { mediaType, text: escapeForHtml(text) };
}

/** A registry stores a list only with images of its own. */
export function checkRegistry(list: Reference, { reference }: ImageManifest): void {
  if (reference.domain === list.domain) return;
  throw new CommandError(
    `cannot use source images from a different registry than the target image: ${reference.domain} != ${list.domain}`,
  );
}

export function checkPlatform({ reference, descriptor }: ImageManifest): void {
  if (descriptor.platform?.architecture && descriptor.platform.os) return;
  throw new CommandError(
    `manifest ${formatReference(reference)} must have an OS and Architecture to be pushed to a registry`,
  );
}
