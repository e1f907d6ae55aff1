import { randomBytes } from 'node:crypto';
import type { Context } from '../base/context.ts';
import { notFound } from '../base/errors.ts';
import { decompress } from '../oci/compression.ts';
import { TarReader } from '../oci/tar/reader.ts';
import type { TreePart } from '../runtime/trees/contract.ts';
import type { ComparedContext, ContextRecord, OpenTree } from './contract.ts';
import type { IncrementalContexts, PendingContext } from './files/incremental/incremental-contexts.ts';

/** How long a build may be away after its context was compared, milliseconds: nobody else can bring that context up to date meanwhile. */
const LIFE = 60 * 1_000;

/** Contexts between being compared with what is kept of them and being built from. */
export class ComparedContexts {
  readonly #contexts: Pick<IncrementalContexts, 'begin'>;
  readonly #pending = new Map<string, PendingContext>();

  constructor(contexts: Pick<IncrementalContexts, 'begin'>) {
    this.#contexts = contexts;
  }

  async compare(context: Context, key: string, records: readonly ContextRecord[]): Promise<ComparedContext> {
    const pending = await this.#contexts.begin(context, key, records);
    const id = randomBytes(16).toString('hex');
    this.#pending.set(id, pending);
    setTimeout(() => this.#take(id)?.[Symbol.dispose](), LIFE).unref();
    const paths = new Set(pending.wanted);
    return { id, wanted: records.flatMap(({ path }, index) => (paths.has(path) ? [index] : [])) };
  }

  /** The whole context, once the files that were wanted are here. Fails with `not-found`, and with `invalid-argument` where some are not. */
  async finish(context: Context, id: string, tar: AsyncIterable<Uint8Array>): Promise<OpenTree> {
    const pending = this.#take(id);
    if (pending === undefined)
      throw notFound(`no build context was compared with the ID ${JSON.stringify(id)}`);
    using _given = pending;
    const current = await pending.finish(context, partsOf(tar));
    current.kept.catch((error: unknown) => context.log.warn('cannot keep a build context', { error }));
    return { tree: current.tree, [Symbol.dispose]: () => current[Symbol.dispose]() };
  }

  #take(id: string): PendingContext | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }
}

async function* partsOf(tar: AsyncIterable<Uint8Array>): AsyncGenerator<TreePart, void, void> {
  const reader = new TarReader();
  for await (const chunk of decompress(tar)) yield* reader.feed(chunk);
  reader.finish();
}
