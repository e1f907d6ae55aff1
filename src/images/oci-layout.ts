import { invalid, notFound } from '../base/errors.ts';
import { isJsonObject, type JsonObject } from '../base/json.ts';
import { type Digest, hexOf, isDigest } from '../oci/digest.ts';
import type { Descriptor, Manifest, Platform } from '../oci/image.ts';
import { isIndexType, mediaTypes } from '../oci/media-types.ts';
import { formatPlatform, hostPlatform, platformFit } from '../oci/platform.ts';
import type { Archive } from './archive.ts';
import {
  type ArchivedContents,
  type ArchivedImage,
  type ArchivedIndex,
  type ArchivedManifest,
  assembleImage,
  formsOf,
  missing,
} from './archived-image.ts';
import { platformOf } from './config.ts';
import { asManifest, isDescriptor, ORIGINAL_MANIFEST, parseManifest } from './manifest.ts';
import { ATTESTATION, kindOf, parseIndex, REFERENCE_DIGEST, REFERENCE_TYPE } from './read-index.ts';

/** Depth of nested indexes that a layout may have, which ends cycles too. */
const MAX_NESTING = 4;

/** Descriptors that are looked at in all: indexes that name one another many times make a small archive long work. */
const MAX_DESCRIPTORS = 4_096;

/** A manifest of a layout, as it is written there. */
interface FoundManifest {
  readonly digest: Digest;
  readonly manifest: Manifest;
  /** Whether the archive says that the image came with it. */
  readonly isOriginal: boolean;
}

/** The indexes and manifests of an OCI layout, from its `index.json` on. */
export class Layout {
  readonly #archive: Archive;
  readonly #entries: readonly JsonObject[];
  readonly #manifests = new Map<Digest, FoundManifest>();
  #left = MAX_DESCRIPTORS;

  constructor(archive: Archive, index: unknown) {
    this.#archive = archive;
    this.#entries = this.#entriesOf(index);
  }

  /**
   * What the layout names. Of an index all images that the archive has, or only the one that fits the platform best; an index of indexes is
   * the image in it that does, or that fits this host.
   */
  contents(platform: Platform | undefined): ArchivedContents {
    const images = new Map<Digest, ArchivedImage>();
    const indexes = new Map<Digest, ArchivedIndex>();
    for (const entry of this.#entries) {
      if (this.#archive.bytes(blobPath(entry)) === undefined) throw missing(blobPath(entry));
      const index = this.#index(entry, platform);
      if (index !== undefined) {
        indexes.set(index.digest, withNames(index, indexes.get(index.digest)));
        continue;
      }
      const found = this.#choose(entry, platform ?? hostPlatform(), MAX_NESTING);
      if (found === undefined) continue;
      const image = { ...this.#assemble(found), references: namesOf(entry) };
      images.set(image.id, withNames(image, images.get(image.id)));
    }
    if (images.size + indexes.size > 0 || this.#entries.length === 0) {
      return { images: [...images.values()], indexes: [...indexes.values()] };
    }
    throw notFound(`no matching manifest for ${formatPlatform(platform ?? hostPlatform())} in the archive`);
  }

  /** The indexes alone, for an archive whose images are named elsewhere. */
  indexes(platform: Platform | undefined): ArchivedIndex[] {
    return this.#entries.flatMap((entry) => this.#index(entry, platform) ?? []);
  }

  /** Undefined for what is no index, and for one of which the archive has no image. */
  #index(entry: JsonObject, platform: Platform | undefined): ArchivedIndex | undefined {
    const document = this.#document(entry);
    const bytes = this.#archive.bytes(blobPath(entry));
    if (document === undefined || bytes === undefined || !isIndex(entry, document)) return undefined;
    const entries = this.#entriesOf(document);
    const found = entries.flatMap((candidate) => this.#member(candidate, platform) ?? []);
    const best = Math.max(...found.map(({ fit }) => fit));
    const chosen = platform === undefined ? found : found.filter(({ fit }) => fit === best).slice(0, 1);
    if (chosen.length === 0) return undefined;
    const subjects = new Set(chosen.map(({ digest }) => digest));
    const documents = new Map(
      parseIndex(bytes).descriptors.flatMap((descriptor) => this.#statements(descriptor, subjects)),
    );
    const images = chosen.map(({ image }) => image);
    return { digest: digestIn(entry), bytes, references: namesOf(entry), images, documents };
  }

  /** An image of an index, when all of it is in the archive and it is for the platform. */
  #member(
    entry: JsonObject,
    platform: Platform | undefined,
  ): { readonly digest: Digest; readonly fit: number; readonly image: ArchivedImage } | undefined {
    if (!isDescriptor(entry)) return undefined;
    const document = this.#document(entry);
    if (document === undefined || isIndex(entry, document) || !isImage(document)) return undefined;
    const found = { digest: digestIn(entry), manifest: asManifest(document), isOriginal: false };
    const isSized = this.#archive.bytes(blobPath(entry))?.length === entry.size;
    if (!isSized || kindOf(entry, found.manifest) !== 'image') return undefined;
    const hasConfig = this.#archive.bytes(blobPath(found.manifest.config)) !== undefined;
    if (!hasConfig || this.#complete(found) === undefined) return undefined;
    const image = { ...this.#assemble(found), references: [] };
    const offered = isJsonObject(entry['platform']) ? entry : { platform: { ...platformOf(image.config) } };
    const fit = platform === undefined ? 1 : fitOf(offered, platform);
    return image.config.os === 'linux' && fit > 0 ? { digest: found.digest, fit, image } : undefined;
  }

  /** The manifest of statements about one of the subjects, and what it names, as far as these are documents here. */
  #statements(descriptor: Descriptor, subjects: ReadonlySet<string>): [Digest, Uint8Array][] {
    const subject = descriptor.annotations?.[REFERENCE_DIGEST] ?? '';
    if (!isAttestation({ ...descriptor }) || !subjects.has(subject)) return [];
    const bytes = this.#archive.bytes(blobPath(descriptor));
    if (bytes === undefined) return [];
    const { config, layers } = parseManifest(bytes);
    const blobs = [config, ...layers].flatMap(({ digest }): [Digest, Uint8Array][] => {
      const blob = this.#archive.bytes(blobPath({ digest }));
      return blob === undefined ? [] : [[digest, blob]];
    });
    return [[descriptor.digest, bytes], ...blobs];
  }

  /**
   * The manifest worth keeping for an image, by its configuration's digest: one that it came with, or with compressed layers. dockerd's
   * classic store writes one over plain tars for images that never had any; pushing by it would send the tars as they are.
   */
  manifestOf(config: Digest): ArchivedManifest | undefined {
    const found = this.#manifests.get(config);
    const whole = found && this.#complete(found);
    const isCompressed = whole?.forms.some((form) => form.digest !== form.diffId);
    return found?.isOriginal || isCompressed ? whole : undefined;
  }

  /** Looks at all manifests, whatever their platforms, for `manifestOf`. */
  readManifests(): void {
    const visit = (entry: JsonObject, depth: number): void => {
      const document = this.#document(entry);
      if (document === undefined || depth === 0) return;
      if (isIndex(entry, document)) {
        for (const nested of this.#entriesOf(document)) visit(nested, depth - 1);
      } else if (isImage(document)) {
        const found = this.#toFound(entry, document);
        this.#manifests.set(found.manifest.config.digest, found);
      }
    };
    for (const entry of this.#entries) visit(entry, MAX_NESTING);
  }

  /** The manifest with its bytes, when all its layers are in the archive as it says. */
  #complete({ digest, manifest }: FoundManifest): ArchivedManifest | undefined {
    const bytes = this.#archive.bytes(blobPath({ digest }));
    const forms = formsOf(manifest.layers, (layer) => this.#archive.layer(blobPath(layer)));
    return bytes === undefined || forms === undefined ? undefined : { digest, bytes, forms };
  }

  /** The manifest that an entry names, or the one that its image came with, if that is of the same image. */
  #toFound(entry: JsonObject, document: JsonObject): FoundManifest {
    const named = { digest: digestIn(entry), manifest: asManifest(document), isOriginal: false };
    const digest = annotationsOf(entry)[ORIGINAL_MANIFEST];
    const original = typeof digest === 'string' ? this.#document({ digest }) : undefined;
    if (original === undefined) return named;
    const manifest = asManifest(original);
    const isSame = manifest.config.digest === named.manifest.config.digest;
    return isSame ? { digest: digestIn({ digest }), manifest, isOriginal: true } : named;
  }

  #assemble(found: FoundManifest): ArchivedImage {
    const { config, layers } = found.manifest;
    const image = assembleImage(this.#archive, blobPath(config), layers.map(blobPath));
    return { ...image, references: [], parent: undefined, manifest: this.#complete(found) };
  }

  /** The image manifest that an entry names, through nested indexes the one that fits the platform best; undefined when none does. */
  #choose(entry: JsonObject, platform: Platform, depth: number): FoundManifest | undefined {
    if (depth === 0) throw invalid('invalid index: nested too deeply');
    const document = this.#document(entry);
    if (document === undefined) return undefined;
    if (!isIndex(entry, document)) return isImage(document) ? this.#toFound(entry, document) : undefined;
    const fitting = this.#entriesOf(document)
      .map((candidate) => ({ candidate, fit: fitOf(candidate, platform) }))
      .filter(({ fit }) => fit > 0)
      .sort((a, b) => b.fit - a.fit);
    for (const { candidate } of fitting) {
      const chosen = this.#choose(candidate, platform, depth - 1);
      if (chosen !== undefined) return chosen;
    }
    return undefined;
  }

  #document(entry: JsonObject): JsonObject | undefined {
    const path = blobPath(entry);
    const document = this.#archive.json(path);
    if (document === undefined) return undefined;
    if (!isJsonObject(document)) throw invalid(`invalid manifest ${path}: not an object`);
    // What could be taken for both is read differently by different readers (CVE-2021-41190).
    if ('manifests' in document && ('layers' in document || 'config' in document)) {
      throw invalid(`invalid manifest ${path}: it has both layers and manifests`);
    }
    return document;
  }

  #entriesOf(index: unknown): JsonObject[] {
    const manifests = isJsonObject(index) ? index['manifests'] : undefined;
    if (!Array.isArray(manifests) || !manifests.every(isJsonObject)) {
      throw invalid('invalid index: manifests must be a list of descriptors');
    }
    this.#left -= manifests.length;
    if (this.#left < 0) throw invalid(`invalid index: more than ${MAX_DESCRIPTORS} manifests`);
    return manifests;
  }
}

function isIndex(entry: JsonObject, document: JsonObject): boolean {
  return isIndexType(text(entry['mediaType'])) || 'manifests' in document;
}

function isAttestation(entry: JsonObject): boolean {
  return annotationsOf(entry)[REFERENCE_TYPE] === ATTESTATION;
}

/** The names of both, each once. */
function withNames<T extends { readonly references: readonly string[] }>(one: T, other: T | undefined): T {
  return { ...one, references: [...new Set([...(other?.references ?? []), ...one.references])] };
}

/** Attestations, signatures and other artifacts are stored beside images. */
function isImage(document: JsonObject): boolean {
  const config = isJsonObject(document['config']) ? document['config'] : {};
  const type = config['mediaType'];
  if (document['artifactType'] !== undefined) return false;
  return type === undefined || type === mediaTypes.ociConfig || type === mediaTypes.dockerConfig;
}

function fitOf(entry: JsonObject, platform: Platform): number {
  const offered = entry['platform'];
  if (!isJsonObject(offered)) return 1;
  return platformFit(platform, {
    os: text(offered['os']),
    architecture: text(offered['architecture']),
    ...(typeof offered['variant'] === 'string' ? { variant: offered['variant'] } : {}),
  });
}

function digestIn(descriptor: { readonly digest?: unknown }): Digest {
  const digest = text(descriptor.digest);
  if (isDigest(digest)) return digest;
  throw invalid(`invalid descriptor: ${JSON.stringify(digest)} is not a sha256 digest`);
}

function blobPath(descriptor: { readonly digest?: unknown }): string {
  return `blobs/sha256/${hexOf(digestIn(descriptor))}`;
}

/** A full name from containerd's annotation; OCI's own holds a name or just a tag, which alone names nothing. */
function namesOf(entry: JsonObject): string[] {
  const annotations = annotationsOf(entry);
  const full = text(annotations['io.containerd.image.name']);
  const name = full || text(annotations['org.opencontainers.image.ref.name']);
  return full !== '' || /[:/]/.test(name) ? [name] : [];
}

function annotationsOf(entry: JsonObject): JsonObject {
  return isJsonObject(entry['annotations']) ? entry['annotations'] : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
