import type { BuildEvent } from '../../wire/build-messages.ts';

/** What is known of one vertex of a build. Times are milliseconds since the epoch, by the daemon's clock. */
export interface Step {
  readonly digest: string;
  readonly name: string;
  started: number | undefined;
  done: number | undefined;
  cached: boolean;
  error: string | undefined;
  readonly log: StepLog;
  readonly transfers: Map<string, Transfer>;
}

/** Bytes that come or go. */
export interface Transfer {
  current: number;
  total: number;
  readonly started: number;
  changed: number;
  isDone: boolean;
}

export interface LogLine {
  /** Seconds after the step's start. */
  readonly seconds: number;
  readonly text: string;
}

/** Of a step that fails, so many last lines are shown. */
const KEPT_LINES = 100;
/** A line that goes on for longer is broken. */
const MAX_LINE = 16 << 10;

/** A step's output by lines; the last ones are kept. */
class StepLog {
  readonly lines: LogLine[] = [];
  /** Output after the last end of a line. */
  partial: LogLine | undefined;
  readonly #decoder = new TextDecoder();

  /** Returns the lines that are complete by now. */
  write(bytes: Uint8Array, seconds: number): readonly LogLine[] {
    const pieces = this.#decoder.decode(bytes, { stream: true }).split('\n');
    const complete: LogLine[] = [];
    for (const [index, piece] of pieces.entries()) {
      const line = { seconds: this.partial?.seconds ?? seconds, text: (this.partial?.text ?? '') + piece };
      const isLast = index === pieces.length - 1;
      this.partial = isLast && line.text !== '' && line.text.length < MAX_LINE ? line : undefined;
      if (!isLast || line.text.length >= MAX_LINE) complete.push(line);
    }
    this.#keep(complete);
    return complete;
  }

  /** The last line, where its end is missing. */
  finish(): readonly LogLine[] {
    const rest = this.partial === undefined ? [] : [this.partial];
    this.partial = undefined;
    this.#keep(rest);
    return rest;
  }

  #keep(lines: readonly LogLine[]): void {
    this.lines.push(...lines);
    if (this.lines.length > KEPT_LINES) this.lines.splice(0, this.lines.length - KEPT_LINES);
  }
}

/** What a display is told, after the trace has taken it in. */
export interface TraceListener {
  onStarted?(step: Step): void;
  onLines?(step: Step, lines: readonly LogLine[]): void;
  onTransfer?(step: Step, id: string, transfer: Transfer): void;
  onDone?(step: Step): void;
}

/** A build as its events tell it. */
export class BuildTrace {
  readonly steps = new Map<string, Step>();
  readonly #listener: TraceListener;

  constructor(listener: TraceListener = {}) {
    this.#listener = listener;
  }

  apply({ vertex, started, output, transfer, done }: BuildEvent): void {
    if (vertex !== undefined) this.#add(vertex.digest, vertex.name);
    if (started !== undefined) this.#start(started.digest, started.time);
    if (output !== undefined) this.#write(output.digest, output.data, output.time);
    if (transfer !== undefined) this.#transfer(transfer);
    if (done !== undefined) this.#finish(done);
  }

  /** Those that have begun, in that order. */
  get begun(): readonly Step[] {
    return [...this.steps.values()]
      .filter(({ started }) => started !== undefined)
      .sort((left, right) => (left.started ?? 0) - (right.started ?? 0));
  }

  #add(digest: string, name: string): Step {
    const known = this.steps.get(digest);
    if (known !== undefined) return known;
    const step: Step = {
      digest,
      // What is on the lines of a heredoc is not told.
      name: name.split('\n', 1)[0] ?? '',
      started: undefined,
      done: undefined,
      cached: false,
      error: undefined,
      log: new StepLog(),
      transfers: new Map(),
    };
    this.steps.set(digest, step);
    return step;
  }

  #start(digest: string, time: number): Step {
    const step = this.#add(digest, digest);
    if (step.started === undefined) {
      step.started = time;
      this.#listener.onStarted?.(step);
    }
    return step;
  }

  #write(digest: string, data: string, time: number): void {
    const step = this.#start(digest, time);
    const seconds = Math.max(0, time - (step.started ?? time)) / 1000;
    const lines = step.log.write(Buffer.from(data, 'base64'), seconds);
    if (lines.length > 0) this.#listener.onLines?.(step, lines);
  }

  #transfer({ digest, id, current, total, time }: NonNullable<BuildEvent['transfer']>): void {
    const step = this.#start(digest, time);
    const transfer = step.transfers.get(id) ?? {
      current,
      total,
      started: time,
      changed: time,
      isDone: false,
    };
    transfer.current = current;
    transfer.total = total;
    transfer.changed = time;
    transfer.isDone = total > 0 && current >= total;
    step.transfers.set(id, transfer);
    this.#listener.onTransfer?.(step, id, transfer);
  }

  #finish({ digest, cached, error, time }: NonNullable<BuildEvent['done']>): void {
    const step = this.#start(digest, time);
    const rest = step.log.finish();
    if (rest.length > 0) this.#listener.onLines?.(step, rest);
    step.done = time;
    step.cached = cached;
    step.error = error === '' ? undefined : error;
    for (const transfer of step.transfers.values()) transfer.isDone = step.error === undefined;
    this.#listener.onDone?.(step);
  }
}

/** Seconds, with as many digits as BuildKit gives them beside a line of output. */
export function logTime(seconds: number): string {
  if (seconds < 10) return seconds.toFixed(3);
  return seconds.toFixed(seconds < 100 ? 2 : 1);
}

/** "1.5MB / 3MB"; empty when nothing is known yet. */
export function transferCounts({ current, total }: Transfer): string {
  if (total > 0) return `${sizeText(current)} / ${sizeText(total)}`;
  return current > 0 ? sizeText(current) : '';
}

const units = ['B', 'kB', 'MB', 'GB', 'TB'];

/** With two decimals from kilobytes on: all sizes of a display are of one width. */
function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(2)}${units[unit]}`;
}
