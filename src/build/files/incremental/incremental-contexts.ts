import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../../base/context.ts';
import { invalid, messageOf } from '../../../base/errors.ts';
import type { TreePart } from '../../../runtime/trees/contract.ts';
import type { Pack } from '../pack.ts';
import type { PackedTree } from '../packed-tree.ts';
import { ContextDirectory } from './context-directory.ts';
import type { ContextIndex } from './context-index.ts';
import { type ContextRecord, ContextUpdate } from './context-update.ts';
import { Turns } from './turns.ts';

export interface IncrementalOptions {
  /** Bytes on disk of all contexts together: those used longest ago go first. */
  readonly maxTotal: number;
  /** Bytes of one context's files. */
  readonly maxBytes: number;
}

export interface KeptContext {
  readonly key: string;
  /** Bytes on disk. */
  readonly size: number;
  readonly lastUsed: Date;
}

/** A context about to be up to date. Disposing gives it up, unless it is finished. */
export interface PendingContext extends Disposable {
  /** Paths of the files whose bytes are wanted: byte strings. */
  readonly wanted: readonly string[];
  /**
   * Takes those bytes, as headers (what the file is by now) each followed by its data. Fails with `invalid-argument` where some do not come.
   */
  finish(context: Context, parts: AsyncIterable<TreePart>): Promise<CurrentContext>;
}

/** Its files can be read until it is disposed of. */
export interface CurrentContext extends Disposable {
  readonly tree: PackedTree;
  /** Fulfilled when it is kept for the next build. */
  readonly kept: Promise<void>;
}

const defaults: IncrementalOptions = { maxTotal: 10 * 2 ** 30, maxBytes: 2 ** 38 };
const keyPattern = /^[0-9a-f]{64}$/;

/**
 * Local contexts that are kept from build to build, each under a key of its client's, so that only what has changed is sent. A context has one
 * update at a time: a second begins when the first is kept or given up.
 */
export class IncrementalContexts {
  readonly #directory: string;
  readonly #options: IncrementalOptions;
  readonly #turns = new Turns();

  private constructor(directory: string, options: IncrementalOptions) {
    this.#directory = directory;
    this.#options = options;
  }

  static async open(
    directory: string,
    options: Partial<IncrementalOptions> = {},
  ): Promise<IncrementalContexts> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return new IncrementalContexts(directory, { ...defaults, ...options });
  }

  /** `records`: what the client has. Fails with `invalid-argument` on records that cannot be, with `exhausted` on too much. */
  async begin(context: Context, key: string, records: Iterable<ContextRecord>): Promise<PendingContext> {
    if (!keyPattern.test(key)) throw invalid(`invalid key ${JSON.stringify(key.slice(0, 100))} of a context`);
    const endTurn = await this.#turns.take(context.signal, key);
    let opened: Opened | undefined;
    // Nobody else may write to the pack while a write is under way.
    const giveUp = (): void => {
      if (opened === undefined) endTurn();
      else void opened.pack.close().then(endTurn);
    };
    try {
      const directory = new ContextDirectory(join(this.#directory, key));
      const { index, pack } = await directory.open();
      opened = { directory, index, pack };
      const update = new ContextUpdate(pack, index.files, this.#options.maxBytes);
      const wanted = update.compare(records);
      return this.#pending({ ...opened, update, wanted, endTurn, giveUp });
    } catch (error) {
      giveUp();
      throw error;
    }
  }

  async list(): Promise<readonly KeptContext[]> {
    const keys = (await readdir(this.#directory)).filter((name) => keyPattern.test(name));
    const kept = keys.map(async (key) => {
      const directory = new ContextDirectory(join(this.#directory, key));
      return { key, size: await directory.size(), lastUsed: await directory.lastUsed() };
    });
    return Promise.all(kept);
  }

  /** False while it is being updated. */
  async remove(key: string): Promise<boolean> {
    if (!keyPattern.test(key) || this.#turns.has(key)) return false;
    await new ContextDirectory(join(this.#directory, key)).remove();
    return true;
  }

  #pending(work: Work): PendingContext {
    let isOver = false;
    return {
      wanted: work.wanted,
      finish: async (context, parts) => {
        if (isOver) throw invalid('the context was finished before');
        isOver = true;
        try {
          return await this.#finish(context, work, parts);
        } catch (error) {
          work.giveUp();
          throw error;
        }
      },
      [Symbol.dispose]: () => {
        if (!isOver) work.giveUp();
        isOver = true;
      },
    };
  }

  async #finish(context: Context, work: Work, parts: AsyncIterable<TreePart>): Promise<CurrentContext> {
    const { update, pack } = work;
    if (work.wanted.length > 0) await update.receive(context, parts);
    const tree = update.tree();
    const kept = this.#keep(context, work).finally(work.endTurn);
    const close = (): void => pack[Symbol.dispose]();
    return { tree, kept, [Symbol.dispose]: () => void kept.then(close) };
  }

  /** Beside the build, which needs nothing of it: a context that cannot be kept is sent again. */
  async #keep(context: Context, { directory, index, pack, update }: Work): Promise<void> {
    try {
      const now = { pack: index.pack, size: pack.size, files: update.files };
      if (update.isChanged) await directory.save(now, pack);
      await directory.touch();
      await this.#makeRoom();
    } catch (error) {
      context.log.warn('a build context cannot be kept', { error: messageOf(error) });
      // The next update must not write over what this one's tree reads.
      await directory.remove();
    }
  }

  async #makeRoom(): Promise<void> {
    const kept = [...(await this.list())].sort((a, b) => a.lastUsed.getTime() - b.lastUsed.getTime());
    let total = kept.reduce((sum, { size }) => sum + size, 0);
    for (const { key, size } of kept) {
      if (total <= this.#options.maxTotal) return;
      if (await this.remove(key)) total -= size;
    }
  }
}

interface Opened {
  readonly directory: ContextDirectory;
  readonly index: ContextIndex;
  readonly pack: Pack;
}

interface Work extends Opened {
  readonly update: ContextUpdate;
  readonly wanted: readonly string[];
  readonly endTurn: () => void;
  readonly giveUp: () => void;
}
