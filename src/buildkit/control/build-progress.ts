import { randomBytes } from 'node:crypto';
import { messageOf } from '../../base/errors.ts';
import type { BasePull, BuildListener, LintWarning } from '../../build/contract.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import type { StatusResponse, Timestamp } from '../protobuf/control-messages.ts';
import type { Value } from '../protobuf/message.ts';

export type StatusUpdate = Partial<Value<typeof StatusResponse>>;

/** What nobody has read yet: beyond that, output of steps is left out. */
const MAX_KEPT_OUTPUT = 16 << 20;
/** Between two messages on the way of the same transfer, milliseconds. */
const PROGRESS_INTERVAL = 100;
const CLIPPED = Buffer.from('\n[output clipped]\n');
const PREFIX = '[internal] ';

/** What happens in one build, as BuildKit tells it: kept until it is read. */
export class BuildProgress {
  #updates: StatusUpdate[] = [];
  #output = 0;
  #ended = false;
  #wake: (() => void)[] = [];

  send(update: StatusUpdate): void {
    if (this.#ended) return;
    this.#updates.push(update);
    this.#wakeAll();
  }

  output(vertex: string, stream: number, data: Uint8Array): void {
    if (this.#output > MAX_KEPT_OUTPUT) return;
    this.#output += data.length;
    const kept = this.#output > MAX_KEPT_OUTPUT ? CLIPPED : data;
    this.send({ logs: [{ vertex, stream, data: kept, timestamp: now() }] });
  }

  end(): void {
    this.#ended = true;
    this.#wakeAll();
  }

  /** All that was not read before, and what follows until the end. */
  async *follow(signal: AbortSignal): AsyncGenerator<StatusUpdate, void, void> {
    const stop = (): void => this.#wakeAll();
    signal.addEventListener('abort', stop);
    try {
      for (;;) {
        signal.throwIfAborted();
        const updates = this.#updates;
        this.#updates = [];
        this.#output = 0;
        if (updates.length > 0) yield merged(updates);
        else if (this.#ended) return;
        else await new Promise<void>((resolve) => this.#wake.push(resolve));
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
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

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
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
      progress.send({ statuses: [transfer(digest, id, current, total)] });
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
  const vertex = { digest, name: `${PREFIX}load metadata for ${reference}`, inputs: [], started };
  progress.send({ vertexes: [vertex] });
  return {
    tell(event) {
      if (event.type === 'layer') {
        const { layer, current, total, step } = event.progress;
        const isWhole = step === 'unpacked' || step === 'known';
        const status = transfer(digest, layer, current, total);
        progress.send({ statuses: [{ ...status, ...(isWhole ? { completed: now() } : {}) }] });
      } else if (event.type !== 'found') {
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

function merged(updates: readonly StatusUpdate[]): StatusUpdate {
  return {
    vertexes: updates.flatMap(({ vertexes = [] }) => vertexes),
    statuses: updates.flatMap(({ statuses = [] }) => statuses),
    logs: updates.flatMap(({ logs = [] }) => logs),
    warnings: updates.flatMap(({ warnings = [] }) => warnings),
  };
}
