import type { BuildEvent } from '../../wire/build-messages.ts';
import type { BuildDisplay } from './display.ts';
import { BuildTrace, type LogLine, logTime, type Step, type Transfer, transferCounts } from './trace.ts';

/** Milliseconds after which a step that says much gives way to others that wait. */
const TURN = 5000;
/** Milliseconds between two lines about one transfer. */
const TRANSFER_INTERVAL = 5000;

interface Waiting {
  readonly step: Step;
  lines: string[];
}

/**
 * Progress as text that only ever grows, in the form of BuildKit's: a step's lines begin with its number, and the lines of steps that run
 * at once stand together as far as that is possible. What others say waits until the one that is shown ends, or has had its turn.
 */
export class PlainDisplay implements BuildDisplay {
  readonly trace: BuildTrace;
  readonly keepsOutput = true;
  readonly #print: (text: string) => void;
  readonly #now: () => number;
  readonly #numbers = new Map<string, number>();
  /** In the order in which they had something to say. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #transferTimes = new Map<string, number>();
  #current: Step | undefined;
  #turnBegan = 0;
  #isFirst = true;

  constructor(print: (text: string) => void, now: () => number = Date.now) {
    this.#print = print;
    this.#now = now;
    this.trace = new BuildTrace({
      onStarted: (step) => this.#say(step, []),
      onLines: (step, lines) => this.#say(step, lines.map(lineText)),
      onTransfer: (step, id, transfer) => this.#sayTransfer(step, id, transfer),
      onDone: (step) => this.#end(step),
    });
  }

  apply(event: BuildEvent): void {
    this.trace.apply(event);
  }

  pause(): void {}
  redraw(): void {}

  lend(): () => void {
    this.close();
    return () => {};
  }

  /** What waits is shown: those that have not ended were given up. */
  close(): void {
    for (const { step } of [...this.#waiting.values()]) this.#show(step);
  }

  #say(step: Step, lines: readonly string[]): void {
    const waiting = this.#waiting.get(step.digest) ?? { step, lines: [] };
    waiting.lines.push(...lines);
    this.#waiting.set(step.digest, waiting);
    const hasTurn = this.#current === undefined || this.#current === step;
    if (hasTurn || this.#now() - this.#turnBegan > TURN) this.#show(step);
  }

  #sayTransfer(step: Step, id: string, transfer: Transfer): void {
    const key = `${step.digest} ${id}`;
    const last = this.#transferTimes.get(key) ?? transfer.started;
    if (!transfer.isDone && transfer.changed - last < TRANSFER_INTERVAL) return;
    this.#transferTimes.set(key, transfer.changed);
    this.#say(step, [transferText(id, transfer)]);
  }

  #end(step: Step): void {
    this.#say(step, [...unfinishedTransfers(step, this.#transferTimes), ending(step)]);
    this.#show(step);
    this.#current = undefined;
    const [next] = [...this.#waiting.values()].sort((left, right) => right.lines.length - left.lines.length);
    if (next !== undefined) this.#show(next.step);
  }

  #show(step: Step): void {
    const number = this.#numberOf(step);
    const prefix = `#${number} `;
    const text = (this.#waiting.get(step.digest)?.lines ?? []).map((line) => `${prefix}${line}\n`).join('');
    this.#waiting.delete(step.digest);
    this.#print(this.#headingOf(step, prefix) + text);
    this.#current = step;
  }

  /** The step's name, where lines of another one are above. */
  #headingOf(step: Step, prefix: string): string {
    if (this.#current === step) return '';
    const left = this.#current === undefined ? '' : `#${this.#numberOf(this.#current)} ...\n`;
    const gap = this.#isFirst ? '' : '\n';
    this.#isFirst = false;
    this.#turnBegan = this.#now();
    return `${left}${gap}${prefix}${step.name}\n`;
  }

  #numberOf({ digest }: Step): number {
    const number = this.#numbers.get(digest) ?? this.#numbers.size + 1;
    this.#numbers.set(digest, number);
    return number;
  }
}

function lineText({ seconds, text }: LogLine): string {
  return `${logTime(seconds)} ${text}`;
}

function transferText(id: string, transfer: Transfer): string {
  const counts = transferCounts(transfer);
  const seconds = (transfer.changed - transfer.started) / 1000;
  return [id, counts, seconds > 0.01 ? `${seconds.toFixed(1)}s` : '', transfer.isDone ? 'done' : '']
    .filter((part) => part !== '')
    .join(' ');
}

/** Those of unknown size end with their step. */
function unfinishedTransfers(step: Step, told: ReadonlyMap<string, number>): string[] {
  return [...step.transfers].flatMap(([id, transfer]) => {
    const isTold = transfer.total > 0 && told.get(`${step.digest} ${id}`) === transfer.changed;
    return transfer.isDone && !isTold ? [transferText(id, transfer)] : [];
  });
}

function ending({ started = 0, done = 0, cached, error }: Step): string {
  if (error !== undefined) return isCancelled(error) ? 'CANCELED' : `ERROR: ${error}`;
  return cached ? 'CACHED' : `DONE ${(Math.max(0, done - started) / 1000).toFixed(1)}s`;
}

/** Whether it was given up since another step had failed, or by its user. */
export function isCancelled(error: string): boolean {
  return /cancell?ed$/.test(error);
}
