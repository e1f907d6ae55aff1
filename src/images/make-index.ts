import type { Context } from '../base/context.ts';
import { invalid, notFound } from '../base/errors.ts';
import type { ContentStore, Lease } from '../content/contract.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import type { Descriptor, ImageConfig, Platform } from '../oci/image.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { encodeImageConfig } from './config.ts';
import type {
  CreateImageRequest,
  CreateIndexRequest,
  ImageIndex,
  ImageStatement,
  IndexMember,
  LayerEncoding,
  ManifestOptions,
} from './contract.ts';
import type { ImageLedger } from './image-ledger.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';
import type { IndexRecord } from './index-store.ts';
import type { LayerCompression } from './layer-compression.ts';
import type { LayerForm, LayerForms } from './layer-forms.ts';
import { ATTESTATION, inOrder, REFERENCE_DIGEST, REFERENCE_TYPE, readIndex } from './read-index.ts';

export interface IndexParts {
  readonly store: ImageStore;
  readonly ledger: ImageLedger;
  readonly content: ContentStore;
  readonly forms: LayerForms;
  readonly compression: LayerCompression;
}

const IN_TOTO = 'application/vnd.in-toto+json';
const PREDICATE_TYPE = 'in-toto.io/predicate-type';

const layerTypes: Readonly<Record<LayerEncoding, string>> = {
  uncompressed: mediaTypes.ociLayer,
  gzip: mediaTypes.ociLayerGzip,
  zstd: mediaTypes.ociLayerZstd,
};

/** The platform of what is for none. */
const UNKNOWN: Platform = { architecture: 'unknown', os: 'unknown' };

type Annotations = Readonly<Record<string, string>>;

/** Writes the index and all its manifests, images first and statements after them as BuildKit does, and enters it with normalised names. */
export async function makeIndex(
  context: Context,
  parts: IndexParts,
  { members, annotations, references }: CreateIndexRequest,
): Promise<ImageIndex> {
  if (members.length === 0) throw invalid('an index needs an image at least');
  using lease = parts.content.lease();
  const writer = new IndexWriter(context, parts, lease);
  const written: WrittenMember[] = [];
  const attestations: Descriptor[] = [];
  for (const member of members) {
    const { image, descriptor } = await writer.image(member);
    written.push({ image, descriptor, platform: member.platform });
    const statements = member.statements(descriptor.digest);
    if (statements.length > 0) attestations.push(await writer.attestation(descriptor.digest, statements));
  }
  const manifests = [...written.map(({ descriptor }) => descriptor), ...attestations];
  const document = {
    ...{ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests },
    ...annotated(annotations),
  };
  const { digest, bytes } = await writer.document(document);
  const record = await readIndex(parts.content, digest, bytes);
  const added = enter(parts.store, written, record, references);
  const described = written.map(({ image, platform, descriptor }) => ({
    ...{ image: image.id, platform },
    manifest: descriptor.digest,
    isNew: added.includes(image.id),
  }));
  return { digest, size: bytes.length, members: described };
}

interface WrittenMember {
  readonly image: WrittenImage;
  readonly descriptor: Descriptor;
  readonly platform: Platform;
}

/** An image, entered or not, whose configuration is here. */
type WrittenImage = Pick<ImageRecord, 'id' | 'config' | 'layerSizes'>;

/** At once: nobody sees an image of it, and could remove it, before the index has it, nor after a daemon was killed meanwhile. Returns the images that are new. */
function enter(
  store: ImageStore,
  members: readonly WrittenMember[],
  index: IndexRecord,
  references: readonly string[],
): readonly Digest[] {
  const added = members.map(({ image }) => image.id).filter((id) => store.get(id) === undefined);
  try {
    store.together(() => {
      for (const { image, descriptor } of members) {
        store.add({ ...image, parent: undefined, manifest: undefined, lastTagged: undefined });
        if (store.get(image.id)?.manifest === undefined) store.setManifest(image.id, descriptor.digest);
      }
      store.putIndex(index);
      for (const reference of references) store.setIndexReference(reference, index);
    });
  } catch (error) {
    for (const id of added) store.remove(id);
    throw error;
  }
  return added;
}

/** Enters an image with the manifest that it is pushed and saved with from now on, when that has been made. */
export async function makeWithManifest(
  context: Context,
  parts: IndexParts,
  { config, parent }: Pick<CreateImageRequest, 'config' | 'parent'>,
  options: ManifestOptions,
): Promise<{ readonly record: ImageRecord; readonly isNew: boolean }> {
  using lease = parts.content.lease();
  const writer = new IndexWriter(context, parts, lease);
  const image = await writer.configured(config);
  const { digest: manifest } = await writer.manifest(image, options);
  const record = { ...image, parent, manifest, lastTagged: undefined };
  const isNew = parts.store.add(record);
  parts.store.setManifest(image.id, manifest);
  return { record: parts.store.get(image.id) ?? record, isNew };
}

class IndexWriter {
  readonly #context: Context;
  readonly #parts: IndexParts;
  readonly #lease: Lease;

  constructor(context: Context, parts: IndexParts, lease: Lease) {
    this.#context = context;
    this.#parts = parts;
    this.#lease = lease;
  }

  /** The manifest of an image, and its entry in the index. */
  async image(
    member: IndexMember,
  ): Promise<{ readonly image: WrittenImage; readonly descriptor: Descriptor }> {
    const { manifestAnnotations: annotations, encoding = 'gzip' } = member;
    const image =
      typeof member.image === 'string' ? this.known(member.image) : await this.configured(member.image);
    const { digest, bytes } = await this.manifest(image, { annotations, encoding });
    const descriptor = {
      ...{ mediaType: mediaTypes.ociManifest, digest, size: bytes.length },
      ...annotated(member.descriptorAnnotations),
      platform: inOrder(member.platform),
    };
    return { image, descriptor };
  }

  /** An image that is here. Fails with `not-found`. */
  known(id: Digest): WrittenImage {
    const image = this.#parts.store.get(id);
    if (image === undefined) throw notFound(`No such image: ${id}`);
    for (const digest of [image.id, ...image.config.rootfs.diff_ids]) this.#lease.hold(digest);
    return image;
  }

  /** An image of which nothing is here yet but its layers. */
  async configured(config: ImageConfig): Promise<WrittenImage> {
    const { content } = this.#parts;
    const { bytes, id } = encodeImageConfig(config);
    const layerSizes: number[] = [];
    for (const layer of config.rootfs.diff_ids) {
      this.#lease.hold(layer);
      const blob = await content.stat(layer);
      if (blob === undefined) throw notFound(`layer ${layer} does not exist`);
      layerSizes.push(blob.size);
    }
    await this.#write(id, bytes);
    return { id, config, layerSizes };
  }

  async manifest(
    image: WrittenImage,
    { annotations, encoding }: ManifestOptions,
  ): Promise<{ readonly digest: Digest; readonly bytes: Uint8Array }> {
    const config = await this.#parts.content.stat(image.id);
    if (config === undefined) throw notFound(`No such image: ${image.id}`);
    const layers = await this.#layersOf(image, encoding);
    return this.document({
      ...{ schemaVersion: 2, mediaType: mediaTypes.ociManifest },
      config: { mediaType: mediaTypes.ociConfig, digest: image.id, size: config.size },
      layers: layers.map(({ digest, size }) => ({ mediaType: layerTypes[encoding], digest, size })),
      ...annotated(annotations),
    });
  }

  /** An attestation manifest, and its entry in the index. */
  async attestation(subject: Digest, statements: readonly ImageStatement[]): Promise<Descriptor> {
    const layers: Descriptor[] = [];
    for (const { predicateType, bytes } of statements) {
      const digest = digestOf(bytes);
      await this.#write(digest, bytes);
      const annotations = { [PREDICATE_TYPE]: predicateType };
      layers.push({ mediaType: IN_TOTO, digest, size: bytes.length, annotations });
    }
    const config = await this.document({
      ...{ ...UNKNOWN, config: {} },
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    });
    const { digest, bytes } = await this.document({
      ...{ schemaVersion: 2, mediaType: mediaTypes.ociManifest },
      config: { mediaType: mediaTypes.ociConfig, digest: config.digest, size: config.bytes.length },
      layers,
    });
    return {
      ...{ mediaType: mediaTypes.ociManifest, digest, size: bytes.length },
      annotations: { [REFERENCE_DIGEST]: subject, [REFERENCE_TYPE]: ATTESTATION },
      platform: UNKNOWN,
    };
  }

  async document(document: object): Promise<{ readonly digest: Digest; readonly bytes: Uint8Array }> {
    const bytes = new TextEncoder().encode(JSON.stringify(document));
    const digest = digestOf(bytes);
    await this.#write(digest, bytes);
    return { digest, bytes };
  }

  async #write(digest: Digest, bytes: Uint8Array): Promise<void> {
    this.#lease.hold(digest);
    await this.#parts.ledger.addDocument(this.#context, digest, bytes);
  }

  async #layersOf(
    image: WrittenImage,
    encoding: LayerEncoding,
  ): Promise<Pick<LayerForm, 'digest' | 'size'>[]> {
    const { diff_ids: diffIds } = image.config.rootfs;
    if (encoding === 'uncompressed') {
      return diffIds.map((digest, position) => ({ digest, size: image.layerSizes[position] ?? 0 }));
    }
    const forms: LayerForm[] = [];
    for (const diffId of diffIds) {
      const known = await this.#knownForm(diffId, encoding);
      const { compression } = this.#parts;
      forms.push(known ?? (await compression.compress(this.#context, diffId, this.#lease, encoding)));
    }
    return forms;
  }

  /** What a layer was pulled as, so that registries that have it already need not get it again. */
  async #knownForm(diffId: Digest, encoding: LayerEncoding): Promise<LayerForm | undefined> {
    for (const form of this.#parts.forms.of(diffId)) {
      if (!form.mediaType.endsWith(encoding)) continue;
      this.#lease.hold(form.digest);
      if ((await this.#parts.content.stat(form.digest))?.size === form.size) return form;
    }
    return undefined;
  }
}

/** In the order of their names; nothing when there are none. */
function annotated(annotations: Annotations): { readonly annotations?: Annotations } {
  const entries = Object.entries(annotations).sort(([one], [other]) => (one < other ? -1 : 1));
  return entries.length === 0 ? {} : { annotations: Object.fromEntries(entries) };
}
