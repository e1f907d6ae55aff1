import type { Image } from '../../images/contract.ts';
import type { Digest } from '../../oci/digest.ts';
import type { HistoryEntry } from './history.ts';

/** A long-lived daemon does not remember every instruction that it ever carried out. */
const MAX_STEPS = 10_000;

/** Instructions that changed a configuration only and of which nothing is kept: the steps that were told of lately. */
export class ToldSteps {
  readonly #told = new Set<Digest>();

  add(id: Digest): void {
    this.#told.add(id);
    const oldest = this.#told.size > MAX_STEPS ? this.#told.values().next().value : undefined;
    if (oldest !== undefined) this.#told.delete(oldest);
  }

  has(id: Digest): boolean {
    return this.#told.has(id);
  }
}

/** Whether an image began with these steps: then the classic builder would have found the image between in its cache. */
export function leadsTo(
  { config: { history: whole = [], rootfs } }: Image,
  history: readonly HistoryEntry[],
  layers: readonly Digest[],
): boolean {
  return (
    history.every(({ created_by: line }, index) => whole[index]?.created_by === line) &&
    layers.every((layer, index) => rootfs.diff_ids[index] === layer)
  );
}
