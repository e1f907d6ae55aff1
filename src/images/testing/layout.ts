import { type Digest, digestOf } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { tar } from './archives.ts';

/** An OCI layout of one image with these layers as they are stored, and the digest of its manifest. */
export function layoutOf(
  config: string,
  layers: readonly Uint8Array[],
  name?: string,
): { readonly archive: Buffer; readonly manifest: Digest; readonly blobs: Record<string, Uint8Array> } {
  const blobs: Record<string, Uint8Array> = {};
  const put = (data: string | Uint8Array, mediaType: string) => {
    const bytes = Buffer.from(data as string);
    const digest = digestOf(bytes);
    blobs[`blobs/sha256/${digest.slice(7)}`] = bytes;
    return { mediaType, digest, size: bytes.length };
  };
  const document = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: put(config, mediaTypes.ociConfig),
    layers: layers.map((bytes) => put(bytes, mediaTypes.ociLayerGzip)),
    annotations: { 'org.example.kept': 'yes' },
  };
  const manifest = put(JSON.stringify(document), mediaTypes.ociManifest);
  const annotations = name === undefined ? {} : { 'io.containerd.image.name': name };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  const files = {
    ...blobs,
    'index.json': JSON.stringify(index),
    'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
  };
  return { archive: tar(files), manifest: manifest.digest, blobs };
}
