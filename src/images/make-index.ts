import type { Context } from '../base/context.ts';
import { invalid, notFound } from '../base/errors.ts';
import type { ContentStore, Lease } from '../content/contract.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import type { Descriptor, Platform } from '../oci/image.ts';
import { mediaTypes } from '../oci/media-types.ts';
import type {
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

/** Writes the index and all its manifests, images first and statements after them as BuildKit does, and enters it. */
export async function makeIndex(
  context: Context,
  parts: IndexParts,
  { members, annotations }: CreateIndexRequest,
): Promise<{ readonly record: IndexRecord; readonly index: ImageIndex }> {
  if (members.length === 0) throw invalid('an index needs an image at least');
  using lease = parts.content.lease();
  const writer = new IndexWriter(context, parts, lease);
  const manifests: Descriptor[] = [];
  const attestations: Descriptor[] = [];
  for (const member of members) {
    const manifest = await writer.image(member);
    manifests.push(manifest);
    const statements = member.statements(manifest.digest);
    if (statements.length > 0) attestations.push(await writer.attestation(manifest.digest, statements));
  }
  const document = {
    ...{ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [...manifests, ...attestations] },
    ...annotated(annotations),
  };
  const { digest, bytes } = await writer.document(document);
  const record = await readIndex(parts.content, digest, bytes);
  parts.store.putIndex(record);
  const described = members.flatMap(({ image, platform }, position) => {
    const manifest = manifests[position]?.digest;
    return manifest === undefined ? [] : [{ image, platform, manifest }];
  });
  return { record, index: { digest, size: bytes.length, members: described } };
}

/** Writes the manifest that an image is pushed and saved with from now on, and returns its digest. */
export async function makeManifest(
  context: Context,
  parts: IndexParts,
  image: Digest,
  options: ManifestOptions,
): Promise<Digest> {
  using lease = parts.content.lease();
  const { digest } = await new IndexWriter(context, parts, lease).manifest(image, options);
  parts.store.setManifest(image, digest);
  return digest;
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

  /** The manifest of an image that is here, and its entry in the index. */
  async image(member: IndexMember): Promise<Descriptor> {
    const { store } = this.#parts;
    const { manifestAnnotations: annotations, encoding = 'gzip' } = member;
    const { digest, bytes } = await this.manifest(member.image, { annotations, encoding });
    if (store.get(member.image)?.manifest === undefined) store.setManifest(member.image, digest);
    return {
      ...{ mediaType: mediaTypes.ociManifest, digest, size: bytes.length },
      ...annotated(member.descriptorAnnotations),
      platform: inOrder(member.platform),
    };
  }

  async manifest(
    id: Digest,
    { annotations, encoding }: ManifestOptions,
  ): Promise<{ readonly digest: Digest; readonly bytes: Uint8Array }> {
    const { content, store } = this.#parts;
    const image = store.get(id);
    const config = image && (await content.stat(image.id));
    if (image === undefined || config === undefined) throw notFound(`No such image: ${id}`);
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
    image: ImageRecord,
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
