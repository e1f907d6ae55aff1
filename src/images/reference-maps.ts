import type { Digest } from '../oci/digest.ts';

/** What normalised references mean, in both directions: an image each, and for some the index that they stand for. */
export class ReferenceMaps {
  readonly #images = new Map<string, Digest>();
  readonly #ofImage = new Map<Digest, Set<string>>();
  readonly #indexes = new Map<string, Digest>();
  readonly #ofIndex = new Map<Digest, Set<string>>();
  /** Indexes that have lost their last reference. */
  readonly #nameless = new Set<Digest>();

  all(): IterableIterator<string> {
    return this.#images.keys();
  }

  imageOf(reference: string): Digest | undefined {
    return this.#images.get(reference);
  }

  indexOf(reference: string): Digest | undefined {
    return this.#indexes.get(reference);
  }

  /** Of an image, in no order. */
  ofImage(id: Digest): ReadonlySet<string> {
    return this.#ofImage.get(id) ?? none;
  }

  /** Of an index, in no order. */
  ofIndex(digest: Digest): ReadonlySet<string> {
    return this.#ofIndex.get(digest) ?? none;
  }

  set(reference: string, image: Digest, index: Digest | undefined): void {
    this.delete(reference);
    this.#images.set(reference, image);
    addTo(this.#ofImage, image, reference);
    if (index === undefined) return;
    this.#indexes.set(reference, index);
    addTo(this.#ofIndex, index, reference);
    this.#nameless.delete(index);
  }

  delete(reference: string): void {
    const image = this.#images.get(reference);
    if (image === undefined) return;
    this.#images.delete(reference);
    takeFrom(this.#ofImage, image, reference);
    const index = this.#indexes.get(reference);
    if (index === undefined) return;
    this.#indexes.delete(reference);
    takeFrom(this.#ofIndex, index, reference);
    if (!this.#ofIndex.has(index)) this.#nameless.add(index);
  }

  /** The indexes that have lost their last reference since this was asked last. */
  takeNameless(): ReadonlySet<Digest> {
    const taken = new Set(this.#nameless);
    this.#nameless.clear();
    return taken;
  }
}

const none: ReadonlySet<string> = new Set();

function addTo(references: Map<Digest, Set<string>>, digest: Digest, reference: string): void {
  const own = references.get(digest);
  if (own === undefined) references.set(digest, new Set([reference]));
  else own.add(reference);
}

function takeFrom(references: Map<Digest, Set<string>>, digest: Digest, reference: string): void {
  const left = references.get(digest);
  left?.delete(reference);
  if (left?.size === 0) references.delete(digest);
}
