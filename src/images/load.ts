import type { Context } from '../base/context.ts';
import { invalid, notFound } from '../base/errors.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { Platform } from '../oci/image.ts';
import { formatPlatform, platformFit } from '../oci/platform.ts';
import {
  familiarReference,
  formatReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from '../oci/reference.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import { Archive } from './archive.ts';
import { LayerIntake } from './archive-layers.ts';
import type { ArchivedContents, ArchivedImage, ArchivedIndex } from './archived-image.ts';
import { platformOf } from './config.ts';
import type { LoadedImage, LoadOptions } from './contract.ts';
import { readDockerArchive } from './docker-archive.ts';
import type { ImageLedger } from './image-ledger.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';
import type { LayerForms } from './layer-forms.ts';
import { readLegacyArchive } from './legacy-archive.ts';
import { Layout } from './oci-layout.ts';
import { readIndex } from './read-index.ts';

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
  const { images, indexes } = selected(readContents(archive, options.platform), options.platform);
  const loader = new Loader(context, parts, options);
  // All names are read before anything is added.
  const additions = [
    ...images.map((image) => ({ names: namesIn(image), add: (names: Names) => loader.image(image, names) })),
    ...indexes.map((index) => ({ names: namesIn(index), add: (names: Names) => loader.index(index, names) })),
  ];
  for (const { names, add } of additions) await add(names);
  const all = [...images, ...indexes.flatMap((index) => index.images)];
  const kept = new Set(all.flatMap(({ manifest }) => manifest?.forms ?? []).map(({ digest }) => digest));
  return {
    images: loader.loaded,
    layers: intake.layers,
    blobs: [...intake.blobs, ...indexes.flatMap(({ documents }) => [...documents.keys()])].filter(
      (blob) => !kept.has(blob),
    ),
  };
}

type Names = readonly Reference[];

function namesIn({ references }: Pick<ArchivedImage, 'references'>): Names {
  return references.map((text) => withDefaultTag(parseReference(text)));
}

/** Adds what an archive has, and names it. */
class Loader {
  readonly #context: Context;
  readonly #parts: LoadParts;
  readonly #options: LoadOptions;
  readonly loaded: LoadedImage[] = [];

  constructor(context: Context, parts: LoadParts, options: LoadOptions) {
    this.#context = context;
    this.#parts = parts;
    this.#options = options;
  }

  async image(image: ArchivedImage, names: Names): Promise<void> {
    const record = await addImage(this.#context, this.#parts, image);
    const point = (name: string): ImageRecord | undefined => this.#parts.ledger.name(record, name);
    this.#name(names, point, image.id);
    this.#parts.ledger.announce('load', record, record.id);
  }

  /** The images that are there, and the index with what is said about them. */
  async index({ digest, bytes, images, documents }: ArchivedIndex, names: Names): Promise<void> {
    const { store, ledger, content } = this.#parts;
    const manifests = images.flatMap(({ manifest }) => manifest ?? []);
    for (const document of [...manifests.map((each) => [each.digest, each.bytes] as const), ...documents]) {
      await ledger.addDocument(this.#context, ...document);
    }
    await ledger.addDocument(this.#context, digest, bytes);
    const read = await readIndex(content, digest, bytes);
    const named = new Set(read.manifests.map(({ image }) => image));
    if (!images.every(({ id }) => named.has(id))) {
      throw invalid(`invalid index ${digest}: it has manifests twice, as different things`);
    }
    for (const image of images) await addImage(this.#context, this.#parts, image);
    const record = store.putIndex(read);
    const point = (name: string): ImageRecord | undefined => store.setIndexReference(name, record);
    this.#name(names, point, digest);
    const face = store.faceOf(record);
    if (face !== undefined) ledger.announce('load', face, face.id);
  }

  #name(names: Names, point: (name: string) => ImageRecord | undefined, id: Digest): void {
    for (const name of names) {
      const reference = familiarReference(name);
      const previous = point(formatReference(name));
      const found = this.#parts.store.resolve(formatReference(name))?.id ?? id;
      if (previous !== undefined && previous.id !== found)
        this.#options.onMessage?.(renamed(reference, previous));
      this.loaded.push({ reference, id: found });
    }
    if (names.length === 0) this.loaded.push({ id });
  }
}

function readContents(archive: Archive, platform: Platform | undefined): ArchivedContents {
  const list = archive.json('manifest.json');
  if (list !== undefined) return readDockerArchive(archive, list, platform);
  const index = archive.json('index.json');
  if (index !== undefined) return new Layout(archive, index).contents(platform);
  const legacy = readLegacyArchive(archive);
  if (legacy !== undefined) return { images: legacy, indexes: [] };
  throw invalid('open manifest.json: no such file or directory', {
    hint: 'Expected an archive made by "docker save", or an OCI image layout.',
  });
}

/** Those for the platform, if one is asked for; of indexes they have been chosen. */
function selected({ images, indexes }: ArchivedContents, platform: Platform | undefined): ArchivedContents {
  const foreign = images.find(({ config }) => config.os !== 'linux');
  if (foreign !== undefined) throw invalid(`cannot load ${foreign.config.os} image on linux`);
  if (platform === undefined) return { images, indexes };
  const fitting = images.filter(({ config }) => platformFit(platform, platformOf(config)) > 0);
  if (fitting.length + indexes.length > 0) return { images: fitting, indexes };
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
