import type { Context } from '../base/context.ts';
import type { EventSink } from '../base/events.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import { familiarReference, familiarRepository, parseReference, type Reference } from '../oci/reference.ts';
import { platformOf } from './config.ts';
import type { Image } from './contract.ts';
import { familiarDigests, familiarTags } from './history.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';
import type { IndexRecord } from './index-store.ts';

/** What is known of an image that is to be added. */
export type NewImage = Pick<ImageRecord, 'id' | 'config' | 'layerSizes'> &
  Partial<Pick<ImageRecord, 'parent'>>;

/** Enters images and names, with the documents that they need, and tells the world. */
export class ImageLedger {
  readonly #store: ImageStore;
  readonly #content: ContentStore;
  readonly #events: EventSink;

  constructor(store: ImageStore, content: ContentStore, events: EventSink) {
    this.#store = store;
    this.#content = content;
    this.#events = events;
  }

  /** A manifest, an index or a configuration. */
  async addDocument(context: Context, digest: Digest, bytes: Uint8Array): Promise<void> {
    await using writer = await this.#content.writer(context);
    await writer.write(bytes);
    await writer.commit({ digest, size: bytes.length });
  }

  /** Adds an image whose layers are here; one that is known stays as it is. */
  async add(context: Context, image: NewImage, configBytes: Uint8Array): Promise<ImageRecord> {
    return (await this.enter(context, image, configBytes)).record;
  }

  /** The same, and says whether it was not known. */
  async enter(
    context: Context,
    image: NewImage,
    configBytes: Uint8Array,
  ): Promise<{ readonly record: ImageRecord; readonly isNew: boolean }> {
    const known = this.#store.get(image.id);
    if (known !== undefined) return { record: known, isNew: false };
    await this.addDocument(context, image.id, configBytes);
    const record = { parent: undefined, ...image, manifest: undefined, lastTagged: undefined };
    return { isNew: this.#store.add(record), record };
  }

  /** Points a normalised reference at an image; returns the image that had it. */
  name(image: ImageRecord, reference: string): ImageRecord | undefined {
    return this.#store.setReference(reference, image.id);
  }

  /** The same, told as an event. */
  tag(image: ImageRecord, reference: string): void {
    this.name(image, reference);
    this.announce('tag', image, familiarReference(parseReference(reference)));
  }

  /** The same for an index: the event is that of the image that suits this host. */
  tagIndex(index: IndexRecord, reference: string): void {
    this.#store.setIndexReference(reference, index);
    this.announceTag(reference);
  }

  /** That a normalised reference has been given to what it finds. */
  announceTag(reference: string): void {
    const image = this.#store.resolve(reference);
    if (image !== undefined) this.announce('tag', image, familiarReference(parseReference(reference)));
  }

  announce(action: string, image: ImageRecord, name: string): void {
    const attributes = { ...image.config.config?.Labels, name };
    this.#events.publish({ type: 'image', action, id: image.id, attributes });
  }

  /** For what goes on between here and a registry: the event is the reference's. */
  announceTransfer(action: 'pull' | 'push', image: ImageRecord | undefined, reference: Reference): void {
    const attributes = { ...image?.config.config?.Labels, name: familiarRepository(reference) };
    this.#events.publish({ type: 'image', action, id: familiarReference(reference), attributes });
  }

  announcePrune(bytes: number): void {
    this.#events.publish({
      type: 'image',
      action: 'prune',
      id: '',
      attributes: { reclaimed: String(bytes) },
    });
  }

  describe(record: ImageRecord): Image {
    const { id, config, lastTagged, parent, manifest } = record;
    const listedAs = this.#store.listedAs(id);
    return {
      ...{ id, config, lastTagged, parent, manifest },
      ...(listedAs === undefined ? {} : { listedAs }),
      tags: familiarTags(this.#store, record),
      digests: familiarDigests(this.#store, record),
      size: record.layerSizes.reduce((sum, size) => sum + size, 0),
      created: config.created === undefined ? undefined : new Date(config.created),
      platform: platformOf(config),
    };
  }
}
