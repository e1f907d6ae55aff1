import { invalid, SampanError } from '../base/errors.ts';
import type { Digest } from '../oci/digest.ts';
import { digestOf } from '../oci/digest.ts';
import type { Descriptor, ImageConfig } from '../oci/image.ts';
import type { Archive } from './archive.ts';
import type { ArchivedLayer } from './archive-layers.ts';
import { parseImageConfig } from './config.ts';
import type { LayerForm } from './layer-forms.ts';

/** An image as an archive holds it; its layers are in the store already. */
export interface ArchivedImage {
  readonly id: Digest;
  readonly config: ImageConfig;
  readonly configBytes: Uint8Array;
  /** References as written: to be parsed. */
  readonly references: readonly string[];
  /** Of each layer's tar, bottom first, bytes. */
  readonly layerSizes: readonly number[];
  /** ID of the image that it was made from, if the archive says so. */
  readonly parent: Digest | undefined;
  /** The manifest that comes with it, and what it names. */
  readonly manifest: ArchivedManifest | undefined;
}

export interface ArchivedManifest {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly forms: readonly LayerForm[];
}

/** An index as an archive holds it. */
export interface ArchivedIndex {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  /** References as written: to be parsed. */
  readonly references: readonly string[];
  /** Those of its images that are in the archive, each with its manifest. */
  readonly images: readonly ArchivedImage[];
  /** What else is there for it: manifests of statements, and what they name. */
  readonly documents: ReadonlyMap<Digest, Uint8Array>;
}

/** All that an archive has. */
export interface ArchivedContents {
  readonly images: readonly ArchivedImage[];
  readonly indexes: readonly ArchivedIndex[];
}

/** Puts an image together and checks that its layers are what its configuration says. Fails with dockerd's words. */
export function assembleImage(
  archive: Archive,
  configPath: string,
  layerPaths: readonly string[],
): Omit<ArchivedImage, 'references' | 'parent' | 'manifest'> {
  const configBytes = archive.bytes(configPath);
  if (configBytes === undefined) throw missing(configPath);
  const config = parseImageConfig(configBytes);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== layerPaths.length) {
    throw invalid(
      `invalid manifest, layers length mismatch: expected ${diffIds.length}, got ${layerPaths.length}`,
    );
  }
  const layerSizes = layerPaths.map((path, position) => {
    const layer = archive.layer(path);
    if (layer === undefined) throw missing(path);
    const expected = diffIds[position];
    if (layer.diffId === expected) return layer.size;
    throw new SampanError(
      'data-loss',
      `invalid diffID for layer ${position}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(layer.diffId)}`,
    );
  });
  return { id: digestOf(configBytes), config, configBytes, layerSizes };
}

/** The forms that a manifest's layers are known by; undefined when the archive has one of them not, or not as described. */
export function formsOf(
  layers: readonly Descriptor[],
  layerAt: (descriptor: Descriptor) => ArchivedLayer | undefined,
): LayerForm[] | undefined {
  const forms: LayerForm[] = [];
  for (const descriptor of layers) {
    const layer = layerAt(descriptor);
    const { digest, size, mediaType } = descriptor;
    if (layer?.form?.digest !== digest || layer.form.size !== size) return undefined;
    forms.push({ digest, diffId: layer.diffId, mediaType, size });
  }
  return forms;
}

export function missing(path: string): SampanError {
  return invalid(`open ${path}: no such file or directory`);
}
