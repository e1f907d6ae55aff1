import type { LayersTreeParts } from '../files/layers-tree.ts';
import { identityOf } from '../solver/result.ts';
import type { Step } from '../solver/step.ts';
import type { Owner } from './destination.ts';
import { OpenResults } from './open-result.ts';
import { isNumeric, resolveOwner } from './owner.ts';
import { Remembered } from './remembered.ts';

/** Owners remembered. */
const MAX_KNOWN = 1000;

/** Whom names mean by the account files of filesystems; remembered, as opening those takes its time. */
export class Owners {
  readonly #parts: LayersTreeParts;
  readonly #known = new Remembered<Owner>(MAX_KNOWN);

  constructor(parts: LayersTreeParts) {
    this.#parts = parts;
  }

  /** Whom "user[:group]" means in a step's first input. */
  async of({ context, inputs, surroundings }: Step, owner: string): Promise<Owner> {
    const { style } = surroundings;
    const [base] = inputs;
    if (base === undefined || isNumeric(owner)) return resolveOwner(context, undefined, owner, style);
    return await this.#known.get(JSON.stringify([identityOf(base), owner, style]), async () => {
      await using open = new OpenResults(context, this.#parts);
      return await resolveOwner(context, await open.tree(base), owner, style);
    });
  }
}
