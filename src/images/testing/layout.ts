import { type Digest, digestOf } from '../../oci/digest.ts';
import type { Descriptor, Platform } from '../../oci/image.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { tar } from './archives.ts';

/** An OCI layout in the making. */
export class LayoutBuilder {
  /** By path. */
  readonly blobs: Record<string, Uint8Array> = {};

  blob(data: string | Uint8Array, mediaType: string): Descriptor {
    const bytes = Buffer.from(data as string);
    const digest = digestOf(bytes);
    this.blobs[`blobs/sha256/${digest.slice(7)}`] = bytes;
    return { mediaType, digest, size: bytes.length };
  }

  /** An image with these layers as they are stored. */
  manifest(
    config: string,
    layers: readonly Uint8Array[],
    platform?: Platform,
    mediaType: string = mediaTypes.ociManifest,
    layerType: string = mediaTypes.ociLayerGzip,
  ): Descriptor {
    const document = {
      schemaVersion: 2,
      mediaType,
      config: this.blob(config, mediaTypes.ociConfig),
      layers: layers.map((bytes) => this.blob(bytes, layerType)),
      annotations: { 'org.example.kept': 'yes' },
    };
    const manifest = this.blob(JSON.stringify(document), mediaType);
    return platform === undefined ? manifest : { ...manifest, platform };
  }

  index(manifests: readonly Descriptor[]): Descriptor {
    return this.blob(JSON.stringify({ schemaVersion: 2, manifests }), mediaTypes.ociIndex);
  }

  /** The archive, in the order given: blobs first or last. */
  archive(entries: readonly object[], order: 'blobs first' | 'blobs last' = 'blobs first'): Buffer {
    const documents = {
      'index.json': JSON.stringify({ schemaVersion: 2, manifests: entries }),
      'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
    };
    return tar(order === 'blobs first' ? { ...this.blobs, ...documents } : { ...documents, ...this.blobs });
  }
}

export function named(entry: Descriptor, name: string): Descriptor {
  return { ...entry, annotations: { 'io.containerd.image.name': name } };
}

/** An OCI layout of one image with these layers as they are stored, and the digest of its manifest. */
export function layoutOf(
  config: string,
  layers: readonly Uint8Array[],
  name: string,
): { readonly archive: Buffer; readonly manifest: Digest } {
  const layout = new LayoutBuilder();
  const manifest = layout.manifest(config, layers);
  return { archive: layout.archive([named(manifest, name)]), manifest: manifest.digest };
}
