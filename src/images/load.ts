import type { Context } from '../base/context.ts';
import { invalid, notFound } from '../base/errors.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { Platform } from '../oci/image.ts';
import { formatPlatform, hostPlatform, platformFit } from '../oci/platform.ts';
import { familiarReference, formatReference, parseReference, withDefaultTag } from '../oci/reference.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import { Archive } from './archive.ts';
import { LayerIntake } from './archive-layers.ts';
import type { ArchivedImage } from './archived-image.ts';
import { platformOf } from './config.ts';
import type { LoadedImage, LoadOptions } from './contract.ts';
import { readDockerArchive } from './docker-archive.ts';
import type { ImageLedger } from './image-ledger.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';
import type { LayerForms } from './layer-forms.ts';
import { readLegacyArchive } from './legacy-archive.ts';
import { Layout } from './oci-layout.ts';

export interface LoadParts {
  readonly store: ImageStore;
  readonly ledger: ImageLedger;
  readonly content: ContentStore;
  readonly snapshots: SnapshotDriver;
  readonly forms: LayerForms;
}

export interface Loaded {
  readonly images: readonly LoadedImage[];
  /** What was received and that no image needs, as far as is known here: layers by diff ID, and blobs. */
  readonly layers: Iterable<Digest>;
  readonly blobs: Iterable<Digest>;
}

/**
 * Loads the images of a docker-save archive of any Docker version or of an OCI layout. None is added before all have been read and
 * verified. Fails with `invalid-argument` or `data-loss`.
 */
export async function loadImages(
  context: Context,
  parts: LoadParts,
  source: AsyncIterable<Uint8Array>,
  options: LoadOptions,
): Promise<Loaded> {
  using lease = parts.content.lease();
  const intake = new LayerIntake(parts.content, parts.snapshots, parts.forms, lease);
  const archive = await Archive.read(context, intake, source, options.onProgress ?? (() => {}));
  const images = selected(readImages(archive, options.platform ?? hostPlatform()), options.platform);
  const names = images.map(({ references }) =>
    references.map((text) => withDefaultTag(parseReference(text))),
  );
  const loaded: LoadedImage[] = [];
  for (const [position, image] of images.entries()) {
    const record = await addImage(context, parts, image);
    for (const name of names[position] ?? []) {
      const reference = familiarReference(name);
      const previous = parts.ledger.name(record, formatReference(name));
      if (previous !== undefined && previous.id !== image.id)
        options.onMessage?.(renamed(reference, previous));
      loaded.push({ reference, id: image.id });
    }
    if (names[position]?.length === 0) loaded.push({ id: image.id });
    parts.ledger.announce('load', record, image.id);
  }
  const kept = new Set(images.flatMap(({ manifest }) => manifest?.forms ?? []).map(({ digest }) => digest));
  return {
    images: loaded,
    layers: intake.layers,
    blobs: [...intake.blobs].filter((blob) => !kept.has(blob)),
  };
}

function readImages(archive: Archive, platform: Platform): ArchivedImage[] {
  const list = archive.json('manifest.json');
  if (list !== undefined) return readDockerArchive(archive, list);
  const index = archive.json('index.json');
  if (index !== undefined) return new Layout(archive, index).images(platform);
  const legacy = readLegacyArchive(archive);
  if (legacy !== undefined) return legacy;
  throw invalid('open manifest.json: no such file or directory', {
    hint: 'Expected an archive made by "docker save", or an OCI image layout.',
  });
}

/** Those for the platform, if one is asked for. */
function selected(images: ArchivedImage[], platform: Platform | undefined): ArchivedImage[] {
  const foreign = images.find(({ config }) => config.os !== 'linux');
  if (foreign !== undefined) throw invalid(`cannot load ${foreign.config.os} image on linux`);
  if (platform === undefined) return images;
  const fitting = images.filter(({ config }) => platformFit(platform, platformOf(config)) > 0);
  if (fitting.length > 0) return fitting;
  throw notFound(`the archive has no image for the platform ${formatPlatform(platform)}`);
}

async function addImage(
  context: Context,
  { store, ledger, forms }: LoadParts,
  { id, config, configBytes, layerSizes, parent, manifest }: ArchivedImage,
): Promise<ImageRecord> {
  const record = await ledger.add(context, { id, config, layerSizes, parent }, configBytes);
  if (manifest === undefined) return record;
  await ledger.addDocument(context, manifest.digest, manifest.bytes);
  for (const form of manifest.forms) forms.add(form);
  store.setManifest(id, manifest.digest);
  return record;
}

/** dockerd's words, whether the old image has other names or not. */
function renamed(reference: string, previous: ImageRecord): string {
  return `The image ${reference} already exists, renaming the old one with ID ${previous.id} to empty string`;
}
