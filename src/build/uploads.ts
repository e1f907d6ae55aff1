import { randomBytes } from 'node:crypto';
import { notFound } from '../base/errors.ts';
import type { OpenTree } from './contract.ts';

/** How long a tree waits for its build, milliseconds. */
const LIFE = 10 * 60 * 1_000;

/** Trees that clients brought for builds that follow. */
export class Uploads {
  readonly #trees = new Map<string, OpenTree>();

  add(opened: OpenTree): string {
    const id = randomBytes(16).toString('hex');
    this.#trees.set(id, opened);
    setTimeout(() => this.#remove(id)?.[Symbol.dispose](), LIFE).unref();
    return id;
  }

  /** It is the caller's from now on. Fails with `not-found`. */
  take(id: string): OpenTree {
    const opened = this.#remove(id);
    if (opened === undefined)
      throw notFound(`no build context was uploaded with the ID ${JSON.stringify(id)}`);
    return opened;
  }

  #remove(id: string): OpenTree | undefined {
    const opened = this.#trees.get(id);
    this.#trees.delete(id);
    return opened;
  }
}
