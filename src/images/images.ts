import type { Database } from 'bun:sqlite';
import type { Context } from '../base/context.ts';
import { invalid } from '../base/errors.ts';
import type { EventSink } from '../base/events.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Credentials, RegistryClient, RemoteImage } from '../distribution/contract.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import { hostPlatform } from '../oci/platform.ts';
import {
  familiarReference,
  familiarRepository,
  formatReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from '../oci/reference.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import { encodeImageConfig, MAX_CONFIG_BYTES, parseImageConfig } from './config.ts';
import type {
  HistoryItem,
  Image,
  Images,
  ImageUsers,
  ImportOptions,
  LoadedImage,
  LoadOptions,
  PulledImage,
  PullOptions,
  RemovedItem,
  RemoveOptions,
} from './contract.ts';
import { familiarDigests, familiarTags, historyOf } from './history.ts';
import { type ImageRecord, ImageStore } from './image-store.ts';
import { importLayer } from './import.ts';
import { LayerKeeper } from './layer-keeper.ts';
import { LayerPulls } from './layer-pulls.ts';
import { type ArchivedImage, readImages } from './load.ts';
import { layersOf, pullLayers } from './pull.ts';
import { removeImage } from './remove.ts';
import { requireImage, resolveImage } from './resolve.ts';

export interface ImagesOptions {
  readonly database: Database;
  readonly content: ContentStore;
  readonly snapshots: SnapshotDriver;
  readonly events: EventSink;
  readonly users: ImageUsers;
  readonly registries: RegistryClient;
}

/** Opens the images that the database knows. */
export async function openImages(options: ImagesOptions): Promise<StoredImages> {
  const store = await ImageStore.open(options.database, options.content);
  return new StoredImages(store, options);
}

export class StoredImages implements Images {
  readonly #store: ImageStore;
  readonly #options: ImagesOptions;
  readonly #layers: LayerKeeper;
  readonly #pulls: LayerPulls;

  constructor(store: ImageStore, options: ImagesOptions) {
    this.#store = store;
    this.#options = options;
    this.#layers = new LayerKeeper(store, options.content, options.snapshots);
    this.#pulls = new LayerPulls(options.content, options.snapshots);
  }

  get(reference: string): Image {
    return this.#describe(requireImage(this.#store, reference));
  }

  find(reference: string): Image | undefined {
    const record = resolveImage(this.#store, reference);
    return record === undefined ? undefined : this.#describe(record);
  }

  list(): readonly Image[] {
    return [...this.#store.all()].map((record) => this.#describe(record));
  }

  async tag(_context: Context, source: string, target: string): Promise<void> {
    const image = requireImage(this.#store, source);
    const reference = parseReference(target);
    if (reference.digest !== undefined) throw invalid('refusing to create a tag with a digest reference');
    this.#name(image, formatReference(withDefaultTag(reference)), 'tag');
  }

  async remove(context: Context, reference: string, options: RemoveOptions): Promise<readonly RemovedItem[]> {
    const removal = removeImage(this.#store, this.#options.users, reference, options);
    for (const { image } of removal.untagged) this.#announce('untag', image, image.id);
    for (const image of removal.deleted) this.#announce('delete', image, image.id);
    await this.#layers.dropUnused(
      context,
      removal.deleted.flatMap((image) => [...image.config.rootfs.diff_ids]),
      [
        ...removal.deleted.flatMap(({ id, manifest }) => [id, ...(manifest === undefined ? [] : [manifest])]),
        ...removal.untagged.flatMap(({ reference }) => parseReference(reference).digest ?? []),
      ],
    );
    return removal.items;
  }

  async load(
    context: Context,
    archive: AsyncIterable<Uint8Array>,
    options: LoadOptions,
  ): Promise<readonly LoadedImage[]> {
    const received: Digest[] = [];
    const loaded = await this.#layers.receiving(context, async () => {
      const images = await readImages(context, this.#options.snapshots, archive, {
        platform: options.platform,
        onLayer: (layer) => received.push(layer),
      });
      const added: LoadedImage[] = [];
      for (const image of images) added.push(...(await this.#addLoaded(context, image, options)));
      return added;
    });
    await this.#layers.dropUnused(context, received, []);
    return loaded;
  }

  async import(context: Context, tar: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<Image> {
    const reference = options.reference === '' ? undefined : parseReference(options.reference);
    if (reference?.digest !== undefined) throw invalid('cannot import digest reference');
    const record = await this.#layers.receiving(context, async () => {
      const { config, layer } = await importLayer(context, this.#options.snapshots, tar, options);
      const { bytes, id } = encodeImageConfig(config);
      return this.#add(context, { id, config, layerSizes: [layer.size] }, bytes);
    });
    if (reference !== undefined) this.#name(record, formatReference(withDefaultTag(reference)), 'tag');
    this.#announce('import', record, record.id);
    return this.#describe(record);
  }

  async pull(context: Context, text: string, options: PullOptions): Promise<PulledImage> {
    const reference = withDefaultTag(parseReference(text));
    const remote = await this.#options.registries.resolve(context, reference, {
      platform: options.platform ?? hostPlatform(),
      credentials: options.credentials,
    });
    const configBytes = await remote.config(context, MAX_CONFIG_BYTES);
    const config = parseImageConfig(configBytes);
    const layers = layersOf(remote, config);
    options.onFound?.();
    const id = remote.manifest.config.digest;
    const isNew = await this.#layers.receiving(context, async () => {
      const listener = options.onLayer ?? (() => {});
      const layerSizes = await pullLayers(context, this.#pulls, layers, listener);
      return this.#addPulled(context, reference, remote, { id, config, layerSizes }, configBytes);
    });
    const familiar = familiarReference(reference);
    const attributes = { ...config.config?.Labels, name: familiarRepository(reference) };
    this.#options.events.publish({ type: 'image', action: 'pull', id: familiar, attributes });
    return { image: this.get(id), digest: remote.digest, reference: familiar, isNew };
  }

  remoteTags(
    context: Context,
    repository: string,
    credentials: Credentials | undefined,
  ): Promise<readonly string[]> {
    return this.#options.registries.tags(context, parseReference(repository), credentials);
  }

  history(reference: string): readonly HistoryItem[] {
    return historyOf(this.#store, requireImage(this.#store, reference));
  }

  /** Deletes layers and blobs that no image and no snapshot needs: what a killed daemon left behind. */
  async collect(context: Context): Promise<void> {
    await this.#layers.collect(context);
  }

  async #addLoaded(context: Context, image: ArchivedImage, options: LoadOptions): Promise<LoadedImage[]> {
    const id = digestOf(image.configBytes);
    const record = await this.#add(
      context,
      { id, config: image.config, layerSizes: image.layerSizes },
      image.configBytes,
    );
    const named = image.references.map((text) => {
      const reference = withDefaultTag(parseReference(text));
      const previous = this.#name(record, formatReference(reference), undefined);
      if (previous !== undefined && previous.id !== id) {
        options.onMessage?.(
          `The image ${familiarReference(reference)} already exists, renaming the old one with ID ${previous.id} to empty string\n`,
        );
      }
      return { reference: familiarReference(reference), id };
    });
    this.#announce('load', record, id);
    return named.length === 0 ? [{ id }] : named;
  }

  /** Names what was pulled by its tag, unless a digest was asked for, and by its digest. False when it had the name before. */
  async #addPulled(
    context: Context,
    reference: Reference,
    remote: RemoteImage,
    image: Pick<ImageRecord, 'id' | 'config' | 'layerSizes'>,
    configBytes: Uint8Array,
  ): Promise<boolean> {
    for (const { digest, bytes } of remote.documents) {
      if (digest === remote.digest || digest === remote.manifestDigest) {
        await this.#addContent(context, digest, bytes);
      }
    }
    const { id } = await this.#add(context, image, configBytes);
    this.#store.setManifest(id, remote.manifestDigest);
    const byDigest = formatReference({ ...reference, tag: undefined, digest: remote.digest });
    const asked = reference.digest === undefined ? formatReference(reference) : byDigest;
    const isNew = this.#store.resolve(asked)?.id !== id;
    this.#store.setReference(byDigest, id);
    if (isNew && asked !== byDigest) this.#store.setReference(asked, id);
    return isNew;
  }

  async #addContent(context: Context, digest: Digest, bytes: Uint8Array): Promise<void> {
    await using writer = await this.#options.content.writer(context);
    await writer.write(bytes);
    await writer.commit({ digest, size: bytes.length });
  }

  async #add(
    context: Context,
    image: Pick<ImageRecord, 'id' | 'config' | 'layerSizes'>,
    configBytes: Uint8Array,
  ): Promise<ImageRecord> {
    const known = this.#store.get(image.id);
    if (known !== undefined) return known;
    await this.#addContent(context, image.id, configBytes);
    const record = { ...image, parent: undefined, manifest: undefined, lastTagged: undefined };
    this.#store.add(record);
    return record;
  }

  /** Points a name at an image; returns the image that had it. */
  #name(image: ImageRecord, reference: string, action: 'tag' | undefined): ImageRecord | undefined {
    const previous = this.#store.setReference(reference, image.id);
    if (action !== undefined) this.#announce(action, image, familiarReference(parseReference(reference)));
    return previous;
  }

  #announce(action: string, image: ImageRecord, name: string): void {
    const attributes = { ...image.config.config?.Labels, name };
    this.#options.events.publish({ type: 'image', action, id: image.id, attributes });
  }

  #describe(record: ImageRecord): Image {
    const { config } = record;
    return {
      id: record.id,
      config,
      tags: familiarTags(this.#store, record),
      digests: familiarDigests(this.#store, record),
      size: record.layerSizes.reduce((sum, size) => sum + size, 0),
      created: config.created === undefined ? undefined : new Date(config.created),
      lastTagged: record.lastTagged,
      parent: record.parent,
      platform: {
        os: config.os,
        architecture: config.architecture,
        ...(config.variant === undefined ? {} : { variant: config.variant }),
      },
      manifest: record.manifest,
    };
  }
}
