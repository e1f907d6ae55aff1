import type { Images } from '../../images/contract.ts';
import type { Digest } from '../../oci/digest.ts';
import type { HistoryEntry } from './history.ts';

/** A long-lived daemon does not remember every instruction that it ever carried out. */
const MAX_STEPS = 10_000;

/**
 * Instructions that were carried out before, though nothing is kept of them: those that change a configuration only. The classic builder
 * finds their images in its cache; here those count that lead to an image that is here, or were told of lately.
 */
export class KnownSteps {
  readonly #images: Pick<Images, 'list'>;
  readonly #told = new Set<Digest>();

  constructor(images: Pick<Images, 'list'>) {
    this.#images = images;
  }

  add(id: Digest): void {
    this.#told.add(id);
    const oldest = this.#told.size > MAX_STEPS ? this.#told.values().next().value : undefined;
    if (oldest !== undefined) this.#told.delete(oldest);
  }

  /** `among`: only these images count, if given. */
  has(
    id: Digest,
    history: readonly HistoryEntry[],
    layers: readonly Digest[],
    among: ReadonlySet<Digest> | undefined,
  ): boolean {
    if (among === undefined && this.#told.has(id)) return true;
    return this.#images.list().some((image) => {
      if (among !== undefined && !among.has(image.id)) return false;
      const { history: whole = [], rootfs } = image.config;
      return (
        history.every(({ created_by: line }, index) => whole[index]?.created_by === line) &&
        layers.every((layer, index) => rootfs.diff_ids[index] === layer)
      );
    });
  }
}
