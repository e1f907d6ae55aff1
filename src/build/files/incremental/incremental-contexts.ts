import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../../base/context.ts';
import { invalid, messageOf } from '../../../base/errors.ts';
import type { TreePart } from '../../../runtime/trees/contract.ts';
import { Pack } from '../pack.ts';
import type { ContextIndex } from './context-index.ts';
import { treeOf } from './context-node.ts';
import { ContextTree, type ReadablePack } from './context-tree.ts';
import { ContextUpdate } from './context-update.ts';
import { FollowingPack } from './following-pack.ts';
import { KeptDirectory, type OpenedContext } from './kept-directory.ts';
import type { StoredListing } from './stored-listing.ts';

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
  /** The listings that have to be sent, by their places. */
  readonly unknown: readonly number[];
  /**
   * Takes them, in this order. Which of all their entries are files whose bytes are wanted, counted from 0. Fails with `invalid-argument` on
   * listings that cannot be, with `exhausted` on too much.
   */
  list(texts: readonly Buffer[]): readonly number[];
  /**
   * Takes those bytes, as headers (what the file is by now) each followed by its data. Fails with `invalid-argument` where some do not come.
   */
  finish(context: Context, parts: AsyncIterable<TreePart>): Promise<CurrentContext>;
}

/** Its files can be read until it is disposed of. */
export interface CurrentContext extends Disposable {
  readonly tree: ContextTree;
  /** Fulfilled when it is kept for the next build, or will not be. */
  readonly kept: Promise<void>;
}

const defaults: IncrementalOptions = { maxTotal: 10 * 2 ** 30, maxBytes: 2 ** 38 };
const idPattern = /^[0-9a-f]{64}$/;
const MAX_LISTINGS = 1_000_000;

/**
 * Local contexts that are kept from build to build, each under a key of its client's, so that only what has changed is sent. Nobody waits for
 * anybody: of several updates of one context at a time the first that brings something is kept.
 */
export class IncrementalContexts {
  readonly #directory: string;
  readonly #options: IncrementalOptions;
  /** Keys of contexts that are being written. */
  readonly #busy = new Set<string>();
  /** Another number for each state that a pack and its index were in. */
  readonly #versions = new Map<string, number>();
  /** What is here already but not durable yet. */
  readonly #fresh = new Map<string, ContextIndex>();

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

  /** `ids`: of the listings that the client has, all of them or (`isPart`) those that a build needs. Fails with `invalid-argument` on what cannot be, with `exhausted` on too much. */
  async begin(key: string, ids: readonly string[], isPart = false): Promise<PendingContext> {
    if (!idPattern.test(key)) throw invalid(`invalid key ${JSON.stringify(key.slice(0, 100))} of a context`);
    if (ids.length > MAX_LISTINGS) throw invalid(`the context has more than ${MAX_LISTINGS} listings`);
    if (!ids.every((id) => idPattern.test(id))) throw invalid('a name of a listing is no SHA-256');
    const fresh = this.#fresh.get(key);
    const version = this.#versionOf(key) + (fresh === undefined ? 0 : 1);
    const directory = new KeptDirectory(join(this.#directory, key));
    const opened = await directory.open(fresh);
    try {
      const { maxBytes } = this.#options;
      const update = new ContextUpdate(opened?.index.listings ?? [], ids, { isPart, maxBytes });
      return this.#pending({ key, version, directory, opened, update });
    } catch (error) {
      opened?.pack[Symbol.dispose]();
      throw error;
    }
  }

  async list(): Promise<readonly KeptContext[]> {
    const keys = (await readdir(this.#directory)).filter((name) => idPattern.test(name));
    const kept = keys.map(async (key) => {
      const directory = new KeptDirectory(join(this.#directory, key));
      return { key, size: await directory.size(), lastUsed: await directory.lastUsed() };
    });
    return Promise.all(kept);
  }

  /** False while it is being updated. */
  async remove(key: string): Promise<boolean> {
    if (!idPattern.test(key) || this.#busy.has(key)) return false;
    this.#versions.set(key, this.#versionOf(key) + 1);
    await new KeptDirectory(join(this.#directory, key)).remove();
    return true;
  }

  #versionOf(key: string): number {
    return this.#versions.get(key) ?? 0;
  }

  #pending(work: Work): PendingContext {
    const { update, opened } = work;
    let isOver = false;
    return {
      unknown: update.unknown,
      list: (texts) => update.list(texts),
      finish: async (context, parts) => {
        if (isOver) throw invalid('the context was finished before');
        isOver = true;
        return this.#finish(context, work, parts);
      },
      [Symbol.dispose]: () => {
        if (!isOver) opened?.pack[Symbol.dispose]();
        isOver = true;
      },
    };
  }

  async #finish(context: Context, work: Work, parts: AsyncIterable<TreePart>): Promise<CurrentContext> {
    const { key, update } = work;
    if (!update.isChanged) return this.#unchanged(context, work);
    const isFree = !this.#busy.has(key) && this.#versionOf(key) === work.version;
    return isFree ? this.#keeping(context, work, parts) : this.#apart(context, work, parts);
  }

  #unchanged(context: Context, { directory, opened, update }: Work): CurrentContext {
    const pack = opened?.pack ?? Pack.temporary(this.#directory);
    return currentOf(update.listings(), pack, directory.touch().catch(telling(context)));
  }

  /** Alone at it: for the next build too. */
  async #keeping(context: Context, work: Work, parts: AsyncIterable<TreePart>): Promise<CurrentContext> {
    const { key, directory, update } = work;
    this.#busy.add(key);
    let opened = work.opened;
    const endTurn = (isAsBegun: boolean): void => {
      this.#busy.delete(key);
      this.#fresh.delete(key);
      this.#versions.set(key, this.#versionOf(key) + (isAsBegun ? 1 : 2));
    };
    try {
      opened ??= await directory.begin();
      const { pack } = opened;
      if (update.isWanting) await update.receive(context, parts, pack);
      const current = update.listings();
      const listings = [...current, ...update.others()];
      const index = { pack: opened.index.pack, size: pack.size, listings };
      this.#fresh.set(key, index);
      const kept = this.#keep(context, directory, index, pack).then(endTurn);
      return currentOf(current, pack, kept);
    } catch (error) {
      // Nobody else may write to the pack while a write is under way.
      await opened?.pack.close();
      if (work.opened === undefined) await directory.remove().catch(telling(context));
      endTurn(false);
      throw error;
    }
  }

  /** Somebody else has brought it up to date, or does: what comes is for this build alone. */
  async #apart(
    context: Context,
    { opened, update }: Work,
    parts: AsyncIterable<TreePart>,
  ): Promise<CurrentContext> {
    const pack = new FollowingPack(opened?.pack, Pack.temporary(this.#directory));
    try {
      await update.receive(context, parts, pack);
      return currentOf(update.listings(), pack, Promise.resolve());
    } catch (error) {
      pack[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Beside the build, which needs nothing of it: a context that cannot be kept is sent again. Whether pack and index are what they were meant
   * to be, and not packed anew or gone.
   */
  async #keep(context: Context, directory: KeptDirectory, index: ContextIndex, pack: Pack): Promise<boolean> {
    try {
      const isAsBegun = await directory.save(index, pack);
      await directory.touch();
      await this.#makeRoom();
      return isAsBegun;
    } catch (error) {
      telling(context)(error);
      // The next update must not write over what this one's tree reads.
      await directory.remove().catch(telling(context));
      return false;
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

interface Work {
  readonly key: string;
  /** Of what is here at the beginning. */
  readonly version: number;
  readonly directory: KeptDirectory;
  /** Undefined where nothing is kept. */
  readonly opened: OpenedContext | undefined;
  readonly update: ContextUpdate;
}

function currentOf(
  listings: readonly StoredListing[],
  pack: ReadablePack & Disposable,
  kept: Promise<void>,
): CurrentContext {
  const tree = new ContextTree(treeOf(listings), pack);
  return { tree, kept, [Symbol.dispose]: () => void kept.then(() => pack[Symbol.dispose]()) };
}

function telling({ log }: Context): (error: unknown) => void {
  return (error) => log.warn('a build context cannot be kept', { error: messageOf(error) });
}
