import type { BuildEvent } from '../../wire/build-messages.ts';
import { cutTo } from '../progress/bar.ts';
import { LiveLines, type Screen } from '../progress/live-lines.ts';
import type { BuildDisplay } from './display.ts';
import { isCancelled } from './plain-display.ts';
import { BuildTrace, type Step, type Transfer, transferCounts } from './trace.ts';

/** Milliseconds between two pictures: times have one decimal. */
const INTERVAL = 100;
/** Lines of output that are shown of each running step, where there is room. */
const TAIL = 6;
/** Of the lines above, so many must be left. */
const MIN_ROOM = 4;
/** On narrower terminals names are all that fits. */
const MIN_WIDTH = 20;

/** A line of a picture: what it says, how long that took, and how it is painted. */
interface Row {
  readonly text: string;
  /** Milliseconds; undefined for output. */
  readonly time: number | undefined;
  readonly paint: Paint;
  readonly isRunning: boolean;
}

type Paint = 'plain' | 'done' | 'failed' | 'cancelled' | 'output';

const sequences: Readonly<Record<Paint, string>> = {
  plain: '',
  done: '\x1b[34m',
  failed: '\x1b[31m',
  cancelled: '\x1b[33m',
  output: '\x1b[2m',
};
const RESET = '\x1b[0m';

export interface LiveDisplayOptions {
  readonly screen: Screen;
  readonly colours: boolean;
  readonly now?: () => number;
}

/** All steps on a terminal, redrawn in place, those that run with their time and the end of their output, as BuildKit shows them. */
export class LiveDisplay implements BuildDisplay {
  readonly trace = new BuildTrace();
  readonly keepsOutput = false;
  readonly #screen: Screen;
  readonly #live: LiveLines;
  readonly #colours: boolean;
  readonly #now: () => number;
  readonly #began: number;
  /** What the daemon's clock is ahead of ours. */
  #ahead: number | undefined;
  #isLent = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor({ screen, colours, now = Date.now }: LiveDisplayOptions) {
    this.#screen = screen;
    this.#live = new LiveLines(screen);
    this.#colours = colours;
    this.#now = now;
    this.#began = now();
    this.#timer = setInterval(() => this.redraw(), INTERVAL);
  }

  apply(event: BuildEvent): void {
    if (event.started !== undefined) this.#ahead ??= event.started.time - this.#now();
    this.trace.apply(event);
  }

  redraw(): void {
    if (this.#timer === undefined || this.#isLent) return;
    const { rows, columns } = this.#screen.size();
    const room = Math.max(rows - 2, 1);
    this.#live.draw(this.#painted('', choose(this.#rows(true, room), room), columns));
  }

  lend(): () => void {
    this.pause();
    this.#isLent = true;
    return () => {
      this.#isLent = false;
    };
  }

  pause(): void {
    if (this.#isLent) return;
    this.#live.leave(this.#painted('', this.#rows(false, 0), this.#screen.size().columns));
  }

  close(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    const steps = [...this.trace.steps.values()];
    const isFinished = steps.every(({ done, error }) => done !== undefined && error === undefined);
    const ending = isFinished ? ' FINISHED' : '';
    this.#live.leave(this.#painted(ending, this.#rows(false, 0), this.#screen.size().columns));
  }

  #painted(ending: string, rows: readonly Row[], columns: number): string[] {
    const steps = [...this.trace.steps.values()];
    const done = steps.filter((step) => step.done !== undefined).length;
    const seconds = ((this.#now() - this.#began) / 1000).toFixed(1);
    const heading = cutTo(`[+] Building ${seconds}s (${done}/${steps.length})${ending}`, columns - 1);
    return [heading, ...rows.map((row) => this.#paint(row, columns - 1))];
  }

  #paint({ text, time, paint }: Row, columns: number): string {
    const seconds = time === undefined || columns < MIN_WIDTH ? '' : ` ${(time / 1000).toFixed(1)}s`;
    const name = cutTo(text, columns - seconds.length);
    const gap = seconds === '' ? 0 : Math.max(columns - seconds.length - Bun.stringWidth(name), 0);
    const line = name + ' '.repeat(gap) + seconds;
    return this.#colours && sequences[paint] !== '' ? sequences[paint] + line + RESET : line;
  }

  /** `room` is how many rows there are for the ends of outputs too, if these are wanted. */
  #rows(withOutput: boolean, room: number): Row[] {
    const now = this.#now() + (this.#ahead ?? 0);
    const { begun } = this.trace;
    const groups = begun.map((step) => ({ step, rows: rowsOf(step, now) }));
    let left = room - groups.reduce((sum, { rows }) => sum + rows.filter((row) => row.isRunning).length, 0);
    return groups.flatMap(({ step, rows }) => {
      const tail = withOutput && step.done === undefined && left >= TAIL + MIN_ROOM ? tailOf(step) : [];
      left -= tail.length;
      return [...rows, ...tail];
    });
  }
}

/** The step, and what it transfers. */
function rowsOf(step: Step, now: number): Row[] {
  const { started = now, done } = step;
  const isRunning = done === undefined;
  const own = {
    text: ` => ${headOf(step)}${step.name}`,
    time: elapsed(started, done ?? now),
    paint: paintOf(step),
    isRunning,
  };
  return [own, ...[...step.transfers].map(([id, transfer]) => transferRow(id, transfer, isRunning, now))];
}

function transferRow(id: string, transfer: Transfer, isRunning: boolean, now: number): Row {
  const counts = transferCounts(transfer);
  const isMoving = isRunning && !transfer.isDone;
  return {
    text: ` => => ${id}${counts === '' ? '' : ` ${counts}`}`,
    time: elapsed(transfer.started, isMoving ? now : transfer.changed),
    paint: isMoving ? 'plain' : 'done',
    isRunning: isMoving,
  };
}

/** What takes no time at all is not told as a tenth of a second. */
function elapsed(from: number, to: number): number {
  return to - from < 50 ? 0 : to - from;
}

function headOf({ cached, error }: Step): string {
  if (error !== undefined) return isCancelled(error) ? 'CANCELED ' : 'ERROR ';
  return cached ? 'CACHED ' : '';
}

function paintOf({ done, error }: Step): Paint {
  if (error !== undefined) return isCancelled(error) ? 'cancelled' : 'failed';
  return done === undefined ? 'plain' : 'done';
}

function tailOf({ log }: Step): Row[] {
  const lines = [...log.lines.slice(-TAIL), ...(log.partial === undefined ? [] : [log.partial])];
  return lines.slice(-TAIL).flatMap(({ text }) => {
    // A line that a program has drawn over and over is what it was last.
    const last = text.replace(/\r+$/, '').split('\r').at(-1) ?? '';
    if (last.trim() === '') return [];
    return [{ text: ` => => # ${last}`, time: undefined, paint: 'output' as const, isRunning: true }];
  });
}

/** No more than there is room for: what has ended goes first, from the top. */
function choose(rows: readonly Row[], room: number): readonly Row[] {
  let excess = rows.length - room;
  if (excess <= 0) return rows;
  const kept = rows.filter(({ isRunning }) => isRunning || --excess < 0);
  return kept.slice(-room);
}
