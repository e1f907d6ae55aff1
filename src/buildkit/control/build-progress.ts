import { randomBytes } from 'node:crypto';
import { messageOf } from '../../base/errors.ts';
import type { BasePull, BuildListener, LintWarning } from '../../build/contract.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import { formatReference, parseReference } from '../../oci/reference.ts';
import type { Timestamp } from '../protobuf/control-messages.ts';
import type { Value } from '../protobuf/message.ts';
import { Standing, type StatusUpdate, UpdateQueue } from './status-updates.ts';

/** Between two messages on the way of the same transfer, milliseconds. */
const PROGRESS_INTERVAL = 100;
const PREFIX = '[internal] ';

/** What happens in one build, as BuildKit tells it: kept until somebody reads it. Who comes later is told how it stands first. */
export class BuildProgress {
  readonly #onUpdate: (update: StatusUpdate) => void;
  readonly #standing = new Standing();
  readonly #queues = new Set<UpdateQueue>();
  /** For the first one who reads. */
  #backlog: UpdateQueue | undefined;
  #ended = false;

  /** `onUpdate` is told everything at once. */
  constructor(onUpdate: (update: StatusUpdate) => void = () => {}) {
    this.#onUpdate = onUpdate;
    this.#backlog = new UpdateQueue();
    this.#queues.add(this.#backlog);
  }

  send(update: StatusUpdate): void {
    if (this.#ended) return;
    this.#onUpdate(update);
    this.#standing.note(update);
    for (const queue of this.#queues) queue.add(update);
  }

  output(vertex: string, stream: number, data: Uint8Array): void {
    this.send({ logs: [{ vertex, stream, data, timestamp: now() }] });
  }

  end(): void {
    this.#ended = true;
    for (const queue of this.#queues) queue.end();
  }

  /** All that was not read before, and what follows until the end. */
  async *follow(signal: AbortSignal): AsyncGenerator<StatusUpdate, void, void> {
    const queue = this.#backlog ?? this.#lateQueue();
    this.#backlog = undefined;
    try {
      yield* queue.read(signal);
    } finally {
      this.#queues.delete(queue);
    }
  }

  #lateQueue(): UpdateQueue {
    const queue = new UpdateQueue();
    queue.add(this.#standing.update());
    if (this.#ended) queue.end();
    this.#queues.add(queue);
    return queue;
  }

  /** A step of the build's own: "[internal] load build context". */
  async step<T>(name: string, work: (tell: TellTransfer) => Promise<T>): Promise<T> {
    const digest = digestOf(randomBytes(32));
    const vertex = { digest, name, inputs: [] };
    const started = now();
    this.send({ vertexes: [{ ...vertex, started }] });
    const transfers = new Map<string, { readonly current: number; readonly total: number }>();
    let told = 0;
    const tell: TellTransfer = (id, current, total = 0) => {
      const isNew = !transfers.has(id);
      transfers.set(id, { current, total });
      // The end of each is told in any case.
      if (!isNew && Date.now() - told < PROGRESS_INTERVAL) return;
      told = Date.now();
      this.send({ statuses: [{ id, vertex: digest, current, total, timestamp: now(), started }] });
    };
    try {
      const value = await work(tell);
      const timestamp = now();
      const statuses = [...transfers].map(([id, counts]) => ({
        ...{ id, vertex: digest, ...counts, timestamp, started, completed: timestamp },
      }));
      this.send({ statuses, vertexes: [{ ...vertex, started, completed: timestamp }] });
      return value;
    } catch (error) {
      this.send({ vertexes: [{ ...vertex, started, completed: now(), error: messageOf(error) }] });
      throw error;
    }
  }
}

/** How much of something has come; `total` 0 when that is not known. */
export type TellTransfer = (id: string, current: number, total?: number) => void;

/** Tells what a builder does. `source` is the Dockerfile, for warnings. */
export function progressListener(
  progress: BuildProgress,
  source: { readonly filename: string; readonly text: string },
): BuildListener {
  const known = new Map<string, { readonly name: string; readonly inputs: readonly string[] }>();
  const started = new Map<string, Time>();
  const pulls = new Map<string, ReturnType<typeof pull>>();
  const vertexOf = (digest: Digest) => ({ digest, ...(known.get(digest) ?? { name: digest, inputs: [] }) });
  return {
    onWarnings(warnings) {
      const digest = digestOf(Buffer.from(`${PREFIX}${source.text}`));
      progress.send({ warnings: warnings.map((warning) => warningOf(warning, digest, source)) });
    },
    onPull(event) {
      const found = pulls.get(event.reference) ?? pull(progress, event.reference);
      pulls.set(event.reference, found);
      found.tell(event);
    },
    onPlan(vertices) {
      // Contexts were told of when they came.
      const shown = vertices.filter(({ name }) => !name.startsWith(PREFIX));
      const digests = new Set(shown.map(({ digest }) => digest));
      for (const { digest, name, inputs } of shown)
        known.set(digest, { name, inputs: inputs.filter((input) => digests.has(input)) });
      progress.send({ vertexes: shown.map(({ digest }) => vertexOf(digest)) });
    },
    onStart(digest) {
      if (!known.has(digest)) return;
      started.set(digest, now());
      progress.send({ vertexes: [{ ...vertexOf(digest), started: started.get(digest) }] });
    },
    onOutput: (digest, stream, bytes) => progress.output(digest, stream === 'stdout' ? 1 : 2, bytes),
    onProgress(digest, id, current, total) {
      const isWhole = total > 0 && current >= total;
      const status = transfer(digest, id, current, total);
      progress.send({ statuses: [{ ...status, ...(isWhole ? { completed: now() } : {}) }] });
    },
    onDone(digest, { cached, error = '' }) {
      if (!known.has(digest)) return;
      const completed = now();
      // Two beginnings would be two runs.
      const begun = started.get(digest) ?? completed;
      progress.send({ vertexes: [{ ...vertexOf(digest), cached, error, started: begun, completed }] });
    },
  };
}

function pull(progress: BuildProgress, reference: string): { tell(event: BasePull): void } {
  const started = now();
  const digest = digestOf(randomBytes(32));
  const vertex = {
    digest,
    name: `${PREFIX}load metadata for ${formatReference(parseReference(reference))}`,
    inputs: [],
    started,
  };
  progress.send({ vertexes: [vertex] });
  return {
    tell(event) {
      if (event.type === 'layer') {
        const { layer, current, total, step } = event.progress;
        const isWhole = step === 'unpacked' || step === 'known';
        const status = transfer(digest, layer, current, total);
        progress.send({ statuses: [{ ...status, ...(isWhole ? { completed: now() } : {}) }] });
      } else if (event.type !== 'found' && event.type !== 'sought') {
        const error = event.type === 'failed' ? event.error : '';
        progress.send({ vertexes: [{ ...vertex, completed: now(), error }] });
      }
    },
  };
}

function transfer(vertex: string, id: string, current: number, total: number) {
  return { id, vertex, current, total, timestamp: now(), started: now() };
}

function warningOf(
  { rule, description, url, detail, lines }: LintWarning,
  vertex: string,
  { filename, text }: { readonly filename: string; readonly text: string },
) {
  return {
    ...{
      vertex,
      level: 1,
      url,
      short: Buffer.from(`${rule}: ${detail} (line ${lines.first})`),
      detail: [Buffer.from(description)],
    },
    info: { filename, data: Buffer.from(text), language: 'Dockerfile' },
    ranges: [{ start: { line: lines.first }, end: { line: lines.last } }],
  };
}

type Time = Partial<Value<typeof Timestamp>>;

function now(): Time {
  return timeOf(new Date());
}

export function timeOf(date: Date): Time {
  const milliseconds = date.getTime();
  const seconds = Math.floor(milliseconds / 1_000);
  return { seconds: BigInt(seconds), nanoseconds: Math.round((milliseconds - seconds * 1_000) * 1_000_000) };
}
