import type { Database } from 'bun:sqlite';
import { background, type Context } from '../base/context.ts';
import { invalid } from '../base/errors.ts';
import type { EventSink } from '../base/events.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Credentials, RegistryClient } from '../distribution/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { Platform } from '../oci/image.ts';
import { hostPlatform } from '../oci/platform.ts';
import {
  familiarReference,
  formatReference,
  parseReference,
  repositoryOf,
  withDefaultTag,
} from '../oci/reference.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import { writeArchive } from './archive-writer.ts';
import { commitLayer } from './commit.ts';
import { encodeImageConfig, MAX_CONFIG_BYTES, parseImageConfig } from './config.ts';
import type {
  CommitRequest,
  HistoryItem,
  Image,
  ImageMaker,
  ImageManifests,
  ImageMount,
  Images,
  ImagesUsage,
  ImageUsers,
  ImportOptions,
  LayerExchange,
  LayerReport,
  LoadedImage,
  LoadOptions,
  PathChange,
  PrunedImages,
  PruneImagesOptions,
  PulledImage,
  PullOptions,
  PushedImage,
  PushOptions,
  RemovedItem,
  RemoveOptions,
  SaveOptions,
} from './contract.ts';
import { historyOf } from './history.ts';
import { ImageLedger } from './image-ledger.ts';
import { createImageMaker } from './image-maker.ts';
import { ImageStore } from './image-store.ts';
import { importLayer } from './import.ts';
import { blobsOfIndex } from './index-store.ts';
import { LayerCompression } from './layer-compression.ts';
import { StoredLayerExchange } from './layer-exchange.ts';
import { LayerForms } from './layer-forms.ts';
import { ALWAYS, LayerKeeper } from './layer-keeper.ts';
import { LayerPulls } from './layer-pulls.ts';
import { layerChangesOf, reportLayers } from './layer-report.ts';
import { loadImages } from './load.ts';
import { describeManifests, describeOnly } from './manifests.ts';
import { ImageMounts } from './mounts.ts';
import { pruneImages } from './prune.ts';
import { layersOf, pullLayers } from './pull.ts';
import { pushPlanned } from './push.ts';
import { PushDestination } from './push-destination.ts';
import { LayerPushes } from './push-layers.ts';
import { plannedPushes } from './push-plan.ts';
import { addPulled, addPushed, type NamingParts } from './registry-names.ts';
import { type ImageHolders, type Removal, removeImage } from './remove.ts';
import { requireImage, requireTarget, resolveImage } from './resolve.ts';
import { imagesToSave } from './save.ts';
import { measureUsage, totalUsage, type UsageParts } from './usage.ts';

export interface ImagesOptions {
  readonly database: Database;
  readonly content: ContentStore;
  readonly snapshots: SnapshotDriver;
  readonly events: EventSink;
  readonly users: ImageUsers;
  readonly registries: RegistryClient;
  /** Layers that are pulled at the same time, over all pulls; 3 by default. */
  readonly maxConcurrentDownloads?: () => number;
  /** Layers that are pushed at the same time, over all pushes; 5 by default. */
  readonly maxConcurrentUploads?: () => number;
  /** Layers that are kept for more than images. */
  readonly otherLayers?: () => Iterable<Digest>;
}

const DEFAULT_UPLOADS = 5;

/** Opens the images that the database knows. */
export async function openImages(options: ImagesOptions): Promise<StoredImages> {
  const store = await ImageStore.open(options.database, options.content);
  return new StoredImages(store, options);
}

export class StoredImages implements Images {
  readonly maker: ImageMaker;
  readonly exchange: LayerExchange;
  readonly #store: ImageStore;
  readonly #options: ImagesOptions;
  readonly #ledger: ImageLedger;
  readonly #forms: LayerForms;
  readonly #layers: LayerKeeper;
  readonly #pulls: LayerPulls;
  readonly #pushes: LayerPushes;
  readonly #mounts: ImageMounts;
  readonly #parts: UsageParts;
  readonly #naming: NamingParts;
  readonly #holders: ImageHolders;

  constructor(store: ImageStore, options: ImagesOptions) {
    const { content, snapshots, events, database } = options;
    this.#store = store;
    this.#options = options;
    this.#ledger = new ImageLedger(store, content, events);
    this.#forms = new LayerForms(database);
    this.#mounts = new ImageMounts(store, snapshots);
    this.#parts = { store, content, snapshots, forms: this.#forms };
    this.#naming = { store, content, ledger: this.#ledger };
    this.#holders = {
      containersOf: (id) => options.users.containersOf(id),
      mountOf: (id) => this.#mounts.pathOf(id),
    };
    this.#layers = new LayerKeeper(store, content, snapshots, this.#forms, options.otherLayers);
    const compression = new LayerCompression(content, this.#forms);
    this.maker = createImageMaker({
      ...{ ...this.#parts, compression },
      ...{ ledger: this.#ledger, keeper: this.#layers },
    });
    this.#pulls = new LayerPulls({ ...options, forms: this.#forms });
    const [keeper, pulls, forms] = [this.#layers, this.#pulls, this.#forms];
    this.exchange = new StoredLayerExchange({ content, keeper, pulls, forms, compression });
    this.#pushes = new LayerPushes(
      content,
      this.#forms,
      compression,
      options.maxConcurrentUploads ?? (() => DEFAULT_UPLOADS),
    );
  }

  get(reference: string, platform?: Platform): Image {
    return this.#ledger.describe(requireImage(this.#store, reference, platform));
  }

  find(reference: string, platform?: Platform): Image | undefined {
    const record = resolveImage(this.#store, reference, platform);
    return record === undefined ? undefined : this.#ledger.describe(record);
  }

  list(): readonly Image[] {
    return [...this.#store.all()].map((record) => this.#ledger.describe(record));
  }

  manifests(_context: Context, reference: string, platform?: Platform): Promise<ImageManifests> {
    const describe = platform === undefined ? describeManifests : describeOnly;
    return describe(this.#parts, requireTarget(this.#store, reference, platform));
  }

  async tag(context: Context, source: string, target: string): Promise<void> {
    const { image, index } = requireTarget(this.#store, source);
    const reference = parseReference(target);
    if (reference.digest !== undefined) throw invalid('refusing to create a tag with a digest reference');
    const name = formatReference(withDefaultTag(reference));
    if (index === undefined) this.#ledger.tag(image, name);
    else this.#ledger.tagIndex(index, name);
    await this.#dropLostIndexes(context);
  }

  async remove(context: Context, reference: string, options: RemoveOptions): Promise<readonly RemovedItem[]> {
    const removal = removeImage(this.#store, this.#holders, reference, options);
    await this.#finishRemovals(context, [removal]);
    return removal.items;
  }

  async load(
    context: Context,
    archive: AsyncIterable<Uint8Array>,
    options: LoadOptions,
  ): Promise<readonly LoadedImage[]> {
    const parts = { ...this.#parts, ledger: this.#ledger };
    const loaded = await this.#layers.receiving(context, () => loadImages(context, parts, archive, options));
    await this.#layers.dropUnused(context, loaded.layers, loaded.blobs);
    await this.#dropLostIndexes(context);
    return loaded.images;
  }

  async import(context: Context, tar: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<Image> {
    const reference = options.reference === '' ? undefined : parseReference(options.reference);
    if (reference?.digest !== undefined) throw invalid('cannot import digest reference');
    const record = await this.#layers.receiving(context, async () => {
      const { config, layer } = await importLayer(context, this.#options.snapshots, tar, options);
      const { bytes, id } = encodeImageConfig(config);
      return this.#ledger.add(context, { id, config, layerSizes: [layer.size] }, bytes);
    });
    if (reference !== undefined) this.#ledger.tag(record, formatReference(withDefaultTag(reference)));
    this.#ledger.announce('import', record, record.id);
    return this.#ledger.describe(record);
  }

  async commit(context: Context, request: CommitRequest): Promise<Image> {
    const reference = request.reference === '' ? undefined : parseReference(request.reference);
    if (reference?.digest !== undefined) throw invalid('refusing to create a tag with a digest reference');
    const record = await this.#layers.receiving(context, async () => {
      const { image, configBytes } = await commitLayer(
        context,
        this.#store,
        this.#options.snapshots,
        request,
      );
      return await this.#ledger.add(context, image, configBytes);
    });
    if (reference !== undefined) this.#ledger.tag(record, formatReference(withDefaultTag(reference)));
    return this.get(record.id);
  }

  async pull(context: Context, text: string, options: PullOptions): Promise<PulledImage> {
    const reference = withDefaultTag(parseReference(text));
    const remote = await this.#options.registries.resolve(context, reference, {
      platform: options.platform ?? hostPlatform(),
      credentials: options.credentials,
    });
    const configBytes = await remote.config(context, MAX_CONFIG_BYTES);
    const config = parseImageConfig(configBytes);
    const layers = layersOf(remote, config, repositoryOf(reference));
    options.onFound?.();
    const id = remote.manifest.config.digest;
    const isNew = await this.#layers.receiving(context, async () => {
      const listener = options.onLayer ?? (() => {});
      const layerSizes = await pullLayers(context, this.#pulls, layers, listener);
      const image = { id, config, layerSizes };
      return addPulled(context, this.#naming, reference, remote, image, configBytes);
    });
    await this.#dropLostIndexes(context);
    this.#ledger.announceTransfer('pull', this.#store.get(id), reference);
    return { image: this.get(id), digest: remote.digest, reference: familiarReference(reference), isNew };
  }

  push(context: Context, text: string, options: PushOptions): Promise<readonly PushedImage[]> {
    return this.#layers.reading(context, () => this.#push(context, text, options));
  }

  async #push(context: Context, text: string, options: PushOptions): Promise<readonly PushedImage[]> {
    const reference = parseReference(text);
    if (options.platform !== undefined) {
      requireImage(this.#store, options.source ?? text, options.platform);
    }
    options.onFound?.(repositoryOf(reference));
    const { content, registries } = this.#options;
    using lease = content.lease();
    const pushes = await plannedPushes(this.#parts, reference, options, lease);
    const target = await registries.target(context, reference, options.credentials);
    const destination = new PushDestination(target, reference, content, this.#forms);
    const listener = options.onLayer ?? (() => {});
    const parts = { content, layers: this.#pushes, destination, listener, lease };
    const pushed: PushedImage[] = [];
    for (const push of pushes) {
      const made = await pushPlanned(context, parts, push);
      await addPushed(context, this.#naming, reference, made);
      const { tag, digest, bytes } = made;
      const { insteadOf } = push;
      const result = { tag, digest, size: bytes.length, ...(insteadOf === undefined ? {} : { insteadOf }) };
      options.onPushed?.(result);
      pushed.push(result);
    }
    this.#ledger.announceTransfer('push', pushes.at(-1)?.image, reference);
    return pushed;
  }

  save(context: Context, references: readonly string[], options: SaveOptions): AsyncIterable<Uint8Array> {
    const images = imagesToSave(this.#store, references, options);
    for (const { image } of images) this.#ledger.announce('save', image, image.id);
    const archive = writeArchive(context, this.#store, this.#options.content, images);
    return this.#layers.streaming(context, archive);
  }

  remoteTags(
    context: Context,
    repository: string,
    credentials: Credentials | undefined,
  ): Promise<readonly string[]> {
    return this.#options.registries.tags(context, parseReference(repository), credentials);
  }

  history(reference: string, platform?: Platform): readonly HistoryItem[] {
    return historyOf(this.#store, requireImage(this.#store, reference, platform));
  }

  layers(context: Context, reference: string): Promise<readonly LayerReport[]> {
    return reportLayers(context, this.#parts, requireImage(this.#store, reference));
  }

  layerChanges(context: Context, reference: string, layer: Digest): AsyncIterable<PathChange> {
    return layerChangesOf(context, this.#options.content, requireImage(this.#store, reference), layer);
  }

  mount(context: Context, reference: string): Promise<ImageMount> {
    // A removal that comes meanwhile would take the layers away.
    return this.#layers.receiving(context, () =>
      this.#mounts.mount(context, requireImage(this.#store, reference)),
    );
  }

  unmount(context: Context, reference: string): Promise<boolean> {
    return this.#mounts.unmount(context, requireImage(this.#store, reference));
  }

  mounts(): readonly ImageMount[] {
    return this.#mounts.list();
  }

  usage(context: Context): Promise<ImagesUsage> {
    return measureUsage(context, this.#parts, this.#layers.neededBlobs());
  }

  async prune(context: Context, options: PruneImagesOptions): Promise<PrunedImages> {
    const before = await totalUsage(context, this.#parts);
    const removals = pruneImages(this.#store, this.#ledger, this.#holders, options.filter);
    this.#store.sweepIndexes();
    await this.#finishRemovals(context, removals);
    await this.#layers.collect(background(context.log));
    await this.#options.content.dropPartials(background(context.log), ALWAYS);
    const bytes = Math.max(0, before - (await totalUsage(context, this.#parts)));
    this.#ledger.announcePrune(bytes);
    return { items: removals.flatMap(({ items }) => items), bytes };
  }

  /** Deletes layers and blobs that no image and no snapshot needs: what a killed daemon left behind. */
  async collect(context: Context): Promise<void> {
    await this.#layers.collect(context);
  }

  /** Tells of what was removed, and deletes what nothing needs any more. */
  async #finishRemovals({ log }: Context, removals: readonly Removal[]): Promise<void> {
    const untagged = removals.flatMap((removal) => removal.untagged);
    const deleted = removals.flatMap((removal) => removal.deleted);
    for (const { image } of untagged) this.#ledger.announce('untag', image, image.id);
    for (const image of deleted) this.#ledger.announce('delete', image, image.id);
    const layers = deleted.flatMap((image) => image.config.rootfs.diff_ids);
    const documents = deleted.flatMap(({ id, manifest }) => [
      id,
      ...(manifest === undefined ? [] : [manifest]),
    ]);
    const digests = untagged.flatMap(({ reference }) => parseReference(reference).digest ?? []);
    const indexes = this.#store.takeLostIndexes().flatMap(blobsOfIndex);
    // Whoever asked for it may have gone: what is removed is removed.
    await this.#layers.dropUnused(background(log), layers, [...documents, ...digests, ...indexes]);
  }

  /** What indexes named whose last name went to another image. */
  async #dropLostIndexes({ log }: Context): Promise<void> {
    const lost = this.#store.takeLostIndexes();
    if (lost.length > 0) await this.#layers.dropUnused(background(log), [], lost.flatMap(blobsOfIndex));
  }
}
