import type { Context } from '../../base/context.ts';
import { messageOf, notFound, SampanError } from '../../base/errors.ts';
import type { ContentStore } from '../../content/contract.ts';
import { type Digest, digestOf, isDigest } from '../../oci/digest.ts';
import { timeOf } from '../control/build-progress.ts';
import type { StatusUpdate } from '../control/status-updates.ts';
import type { GrpcFailure } from '../grpc/status.ts';
import {
  type BuildEvent,
  BuildRecord,
  buildEvent,
  type Descriptor,
  type HistoryRequest,
} from '../protobuf/history-messages.ts';
import type { Value } from '../protobuf/message.ts';
import { Status } from '../protobuf/status-message.ts';
import { recordFilter } from './filters.ts';
import type { HistoryStore, StoredRecord } from './history-store.ts';
import { shownAttributes } from './shown-attributes.ts';
import { readStatusLog, StatusLog } from './status-log.ts';

type Recorded = Partial<Value<typeof BuildRecord>>;
type Event = Partial<Value<typeof BuildEvent>>;

const LOG_TYPE = 'application/vnd.buildkit.status.v0';
/** Spelled as BuildKit spells it. */
const ERROR_TYPE = 'application/vnd.googeapis.google.rpc.status+proto';
/** Characters of a build's attributes, beyond which others are left out. */
const MAX_ATTRIBUTES = 1 << 20;
/** Events that a listener has not read yet. */
export const MAX_WAITING = 1_000;
const TOO_SLOW = `more than ${MAX_WAITING} events of builds are waiting to be read: listen again`;

export interface BuildStart {
  readonly ref: string;
  readonly frontend: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly exporters: readonly {
    readonly type: string;
    readonly attributes: Readonly<Record<string, string>>;
  }[];
}

export interface BuildOutcome {
  readonly failure?: GrpcFailure | undefined;
  readonly response: Readonly<Record<string, string>>;
  readonly results: readonly RecordedResult[];
}

export interface RecordedResult {
  readonly platform: string;
  readonly descriptor: Partial<Value<typeof Descriptor>> | undefined;
  /** What is said about it: predicates by their types. */
  readonly predicates: readonly { readonly type: string; readonly bytes: Uint8Array }[];
}

/** A build under way. */
export interface RecordedBuild {
  tell(update: StatusUpdate): void;
  /** Returns at once; whoever asks for the record waits for what has to be written. */
  end(outcome: BuildOutcome): void;
}

/** Which builds there were and how they went: those under way, and the latest of those that have ended. */
export class BuildHistory {
  readonly #store: HistoryStore;
  readonly #content: ContentStore;
  readonly #active = new Map<string, Recorded>();
  readonly #ending = new Map<string, Promise<void>>();
  readonly #listeners = new Set<(event: Event) => void>();

  constructor(store: HistoryStore, content: ContentStore) {
    this.#store = store;
    this.#content = content;
  }

  begin(context: Context, { ref, frontend, attributes, exporters }: BuildStart): RecordedBuild {
    const log = new StatusLog(context, this.#content);
    const created = new Date();
    const frontendAttributes = bounded(attributes);
    const record = { ref, frontend, frontendAttributes, exporters, created: timeOf(created) };
    this.#active.set(ref, record);
    this.#announce({ type: buildEvent.started, record });
    return {
      tell: (update) => log.add(update),
      end: (outcome) => {
        const completed = timeOf(new Date());
        const ended = { ...record, completed, exporterResponse: outcome.response, ...log.counts };
        const writing = this.#write(context, { record: ended, created }, outcome, log)
          .catch((error) => context.log.warn('a build is not recorded', { ref, error: messageOf(error) }))
          .finally(() => {
            this.#active.delete(ref);
            this.#ending.delete(ref);
          });
        this.#ending.set(ref, writing);
      },
    };
  }

  /** Those under way first, then those that have ended, newest first; then, if wanted, what happens until `signal`. Fails with `invalid-argument`, and with `exhausted` for whoever reads too slowly. */
  async *listen(
    request: Value<typeof HistoryRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<Event, void, void> {
    const { ref, filters, limit } = request;
    const takes = recordFilter(filters);
    const isWanted = ({ record }: Event): boolean => ref === '' || record?.ref === ref;
    using news = this.#follow(request.earlyExit, isWanted, signal);
    await Promise.all(ref === '' ? this.#ending.values() : [this.#ending.get(ref)]);
    const active = [...this.#active.values()].map((record) => ({ type: buildEvent.started, record }));
    yield* active.filter(isWanted);
    if (!request.activeOnly) {
      const stored =
        ref === '' ? this.#store.list() : [this.#store.get(ref)].filter((one) => one !== undefined);
      const records = stored.map(({ record }) => BuildRecord.decode(record)).filter(takes);
      for (const record of limit > 0 ? records.slice(0, limit) : records) {
        yield { type: buildEvent.complete, record };
      }
    }
    yield* news.events();
  }

  /** Fails with `not-found`. */
  async pin(ref: string, pinned: boolean): Promise<void> {
    const stored = await this.#get(ref);
    const before = BuildRecord.decode(stored.record);
    const record = { ...before, pinned, generation: before.generation + 1 };
    this.#store.put({ ...stored, pinned, record: BuildRecord.encode(record) });
    this.#announce({ type: buildEvent.complete, record });
  }

  /** Fails with `not-found`. */
  async remove(context: Context, ref: string): Promise<void> {
    await this.#drop(context, [await this.#get(ref)]);
  }

  /** All that is known of a build is written when this resolves. */
  async finalize(ref: string): Promise<void> {
    await this.#ending.get(ref);
  }

  /** What an ended build told; undefined when it is not known. */
  async status(ref: string): Promise<AsyncIterable<StatusUpdate> | undefined> {
    await this.#ending.get(ref);
    const stored = this.#store.get(ref);
    if (stored === undefined) return undefined;
    const { logs } = BuildRecord.decode(stored.record);
    const digest = logs?.digest ?? '';
    return readStatusLog(isDigest(digest) ? this.#content.read(digest) : empty());
  }

  async #get(ref: string): Promise<StoredRecord> {
    await this.#ending.get(ref);
    const stored = this.#store.get(ref);
    if (stored === undefined) throw notFound(`no build record ${JSON.stringify(ref)}`);
    return stored;
  }

  async #write(
    context: Context,
    { record, created }: { readonly record: Recorded; readonly created: Date },
    { failure, results }: BuildOutcome,
    log: StatusLog,
  ): Promise<void> {
    using lease = this.#content.lease();
    const blobs: Digest[] = [];
    const keep = async (type: string, bytes: Uint8Array) => {
      await using writer = await this.#content.writer(context);
      await writer.write(bytes);
      const digest = digestOf(bytes);
      await writer.commit({ digest }, lease);
      blobs.push(digest);
      return { mediaType: type, digest, size: bytes.length };
    };
    const { digest, size } = await log.end(lease);
    blobs.push(digest);
    const infos = await Promise.all(results.map(async (result) => infoOf(await this.#sized(result), keep)));
    const [only] = infos;
    const ended: Recorded = {
      ...record,
      logs: { mediaType: LOG_TYPE, digest, size },
      ...(infos.length === 1 ? { result: only?.value } : { results: infos }),
      ...(failure === undefined
        ? {}
        : {
            error: { code: failure.code, message: failure.message },
            externalError: await keep(ERROR_TYPE, Status.encode(failure)),
          }),
    };
    const ref = record.ref ?? '';
    this.#store.put({ ref, created, pinned: false, blobs, record: BuildRecord.encode(ended) });
    this.#announce({ type: buildEvent.complete, record: ended });
    await this.#drop(context, this.#store.excess());
  }

  /** A descriptor's size is the blob's; a blob that is not here has no descriptor. */
  async #sized(result: RecordedResult): Promise<RecordedResult> {
    const { digest = '' } = result.descriptor ?? {};
    const size = isDigest(digest) ? (await this.#content.stat(digest))?.size : undefined;
    return { ...result, descriptor: size === undefined ? undefined : { ...result.descriptor, size } };
  }

  async #drop(context: Context, records: readonly StoredRecord[]): Promise<void> {
    if (records.length === 0) return;
    for (const { ref } of records) {
      this.#store.remove(ref);
      this.#announce({ type: buildEvent.deleted, record: { ref } });
    }
    const kept = new Set(this.#store.blobs());
    const dropped = records.flatMap(({ blobs }) => blobs);
    await this.#content.collect(context, (digest) => kept.has(digest), dropped);
  }

  #announce(event: Event): void {
    for (const listener of this.#listeners) listener(event);
  }

  #follow(
    isOver: boolean,
    isWanted: (event: Event) => boolean,
    signal: AbortSignal,
  ): Disposable & { events(): AsyncGenerator<Event, void, void> } {
    const waiting: Event[] = [];
    let wake = (): void => {};
    let isBehind = false;
    const listener = (event: Event): void => {
      if (!isWanted(event)) return;
      if (waiting.length < MAX_WAITING) waiting.push(event);
      else isBehind = true;
      wake();
    };
    if (!isOver) this.#listeners.add(listener);
    const stop = (): void => wake();
    signal.addEventListener('abort', stop, { once: true });
    return {
      async *events() {
        while (!isOver && !signal.aborted) {
          if (isBehind) throw new SampanError('exhausted', TOO_SLOW);
          const event = waiting.shift();
          if (event !== undefined) yield event;
          if (event !== undefined || signal.aborted) continue;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      },
      [Symbol.dispose]: () => {
        this.#listeners.delete(listener);
        signal.removeEventListener('abort', stop);
      },
    };
  }
}

/** What there is room for, as everybody may see it. */
function bounded(attributes: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  let size = 0;
  const kept = Object.entries(shownAttributes(attributes)).filter(([name, value]) => {
    size += name.length + value.length;
    return size <= MAX_ATTRIBUTES;
  });
  return Object.fromEntries(kept);
}

async function infoOf(
  { platform, descriptor, predicates }: RecordedResult,
  keep: (type: string, bytes: Uint8Array) => Promise<Partial<Value<typeof Descriptor>>>,
) {
  const attestations = await Promise.all(
    predicates.map(async ({ type, bytes }) => ({
      ...(await keep('application/vnd.in-toto+json', bytes)),
      annotations: { 'in-toto.io/predicate-type': type },
    })),
  );
  const results = descriptor === undefined ? [] : [{ key: 0, value: descriptor }];
  return { key: platform, value: { attestations, results } };
}

async function* empty(): AsyncGenerator<Uint8Array, void, void> {}
