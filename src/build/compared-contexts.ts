import { randomBytes } from 'node:crypto';
import type { Context } from '../base/context.ts';
import { notFound } from '../base/errors.ts';
import { decompress } from '../oci/compression.ts';
import { TarReader } from '../oci/tar/reader.ts';
import type { TreePart } from '../runtime/trees/contract.ts';
import type { ComparedContext, OpenTree } from './contract.ts';
import type { IncrementalContexts, PendingContext } from './files/incremental/incremental-contexts.ts';

/** How long a build may be away after its context was compared, milliseconds. */
const LIFE = 5 * 60 * 1_000;
/** More are not waited for: each holds what is kept of a context. */
const MAX_PENDING = 64;

/** Contexts between being compared with what is kept of them and being built from. */
export class ComparedContexts {
  readonly #contexts: Pick<IncrementalContexts, 'begin'>;
  readonly #pending = new Map<string, PendingContext>();

  constructor(contexts: Pick<IncrementalContexts, 'begin'>) {
    this.#contexts = contexts;
  }

  async compare(key: string, listings: readonly string[], isPart: boolean): Promise<ComparedContext> {
    const pending = await this.#contexts.begin(key, listings, isPart);
    const id = randomBytes(16).toString('hex');
    const [oldest] = this.#pending.keys();
    if (oldest !== undefined && this.#pending.size >= MAX_PENDING) this.#take(oldest)?.[Symbol.dispose]();
    this.#pending.set(id, pending);
    setTimeout(() => this.#take(id)?.[Symbol.dispose](), LIFE).unref();
    return { id, unknown: pending.unknown };
  }

  /** Which files' bytes are wanted. Fails with `not-found`, and with `invalid-argument` on other listings than are wanted. */
  list(id: string, listings: readonly Buffer[]): readonly number[] {
    return existing(id, this.#pending.get(id)).list(listings);
  }

  /** The whole context, once the files that were wanted are here. Fails with `not-found`, and with `invalid-argument` where some are not. */
  async finish(context: Context, id: string, tar: AsyncIterable<Uint8Array>): Promise<OpenTree> {
    using pending = existing(id, this.#take(id));
    const current = await pending.finish(context, partsOf(tar));
    return { tree: current.tree, [Symbol.dispose]: () => current[Symbol.dispose]() };
  }

  #take(id: string): PendingContext | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }
}

function existing(id: string, pending: PendingContext | undefined): PendingContext {
  if (pending !== undefined) return pending;
  throw notFound(`no build context was compared with the ID ${JSON.stringify(id)}`);
}

async function* partsOf(tar: AsyncIterable<Uint8Array>): AsyncGenerator<TreePart, void, void> {
  const reader = new TarReader();
  for await (const chunk of decompress(tar)) yield* reader.feed(chunk);
  reader.finish();
}
