import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { Manifest } from '../oci/image.ts';
import { mediaTypes } from '../oci/media-types.ts';
import type { ImageRecord } from './image-store.ts';
import type { LayerForm } from './layer-forms.ts';
import { MAX_MANIFEST_BYTES, parseManifest } from './manifest.ts';

/** The manifest that an image came with, or was pushed with first. */
export interface StoredManifest {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly manifest: Manifest;
  readonly mediaType: string;
  /** The layers as it names them, bottom first. */
  readonly forms: readonly LayerForm[];
}

/** One of an image's manifests, the one that it came with last by default. Undefined when it is not here, or describes another image. */
export async function readStoredManifest(
  content: ContentStore,
  image: ImageRecord,
  digest: Digest | undefined = image.manifest,
): Promise<StoredManifest | undefined> {
  if (digest === undefined || (await content.stat(digest)) === undefined) return undefined;
  const bytes = await content.readAll(digest, MAX_MANIFEST_BYTES);
  const manifest = parseManifest(bytes);
  const diffIds = image.config.rootfs.diff_ids;
  if (manifest.config.digest !== image.id || manifest.layers.length !== diffIds.length) return undefined;
  const forms = diffIds.flatMap((diffId, position): LayerForm[] => {
    const layer = manifest.layers[position];
    return layer === undefined
      ? []
      : [{ digest: layer.digest, diffId, mediaType: layer.mediaType, size: layer.size }];
  });
  return { digest, bytes, manifest, mediaType: typeOf(manifest), forms };
}

/** What the manifest calls itself; without a name of its own its configuration's type tells the family. */
function typeOf({ mediaType, config }: Manifest): string {
  if (mediaType !== undefined) return mediaType;
  return config.mediaType === mediaTypes.ociConfig ? mediaTypes.ociManifest : mediaTypes.dockerManifest;
}
