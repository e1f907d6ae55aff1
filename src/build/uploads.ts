import { randomBytes } from 'node:crypto';
import { notFound } from '../base/errors.ts';
import type { OpenTree } from './contract.ts';
import type { FileTree } from './file-tree.ts';

/** How long a tree waits for its build, milliseconds. */
const LIFE = 10 * 60 * 1_000;

/** Trees that clients brought for builds that follow. */
export class Uploads {
  readonly #trees = new Map<string, OpenTree>();

  add(opened: OpenTree): string {
    const id = randomBytes(16).toString('hex');
    this.#trees.set(id, opened);
    const forget = (): void => {
      this.#trees.delete(id);
      opened[Symbol.dispose]();
    };
    setTimeout(forget, LIFE).unref();
    return id;
  }

  /** Fails with `not-found`. */
  get(id: string): FileTree {
    const opened = this.#trees.get(id);
    if (opened === undefined)
      throw notFound(`no build context was uploaded with the ID ${JSON.stringify(id)}`);
    return opened.tree;
  }
}
