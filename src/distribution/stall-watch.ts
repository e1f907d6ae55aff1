import type { Context } from '../base/context.ts';
import { SampanError } from '../base/errors.ts';
import { Transient, Unreachable } from './failures.ts';
import type { Patience } from './retries.ts';

/** A transfer counts as broken when it moves less than this in each `stall` (bytes per second). */
const SLOWEST = 256;

/** Gives up a transfer that does not get on, but does not count the time in which nobody asks it to. */
export class StallWatch {
  readonly signal: AbortSignal;
  readonly #context: Context;
  readonly #stall: number;
  readonly #host: string;
  readonly #stop = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #since = 0;
  /** Milliseconds of waiting that are left until bytes have come. */
  #left: number;
  #bytes = 0;

  constructor(context: Context, patience: Patience, host: string) {
    this.#context = context;
    this.#stall = patience.stall;
    this.#left = patience.stall;
    this.#host = host;
    this.signal = AbortSignal.any([context.signal, this.#stop.signal]);
  }

  /** From now on the other side is waited for; an answer that takes much work may take `times` as long. */
  wait(times = 1): void {
    clearTimeout(this.#timer);
    this.#since = performance.now();
    this.#timer = setTimeout(() => this.#giveUp(), Math.max(this.#left, 0) + (times - 1) * this.#stall);
  }

  /** The other side is not waited for. */
  pause(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#left -= performance.now() - this.#since;
  }

  /** So many bytes went through. */
  moved(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < (SLOWEST * this.#stall) / 1_000) return;
    this.#bytes = 0;
    this.#left = this.#stall;
  }

  /** The other side has answered. */
  answered(): void {
    this.moved(Number.POSITIVE_INFINITY);
  }

  /** Ends the transfer, if it goes on. */
  stop(): void {
    this.pause();
    this.#stop.abort(new SampanError('cancelled', 'the transfer was left'));
  }

  /** Why a transfer failed: the caller gave up, it stalled, or else the error itself. */
  reason(error: unknown): unknown {
    if (this.#context.signal.aborted) return this.#context.signal.reason;
    return this.#stop.signal.aborted ? this.#stop.signal.reason : error;
  }

  #giveUp(): void {
    const seconds = Math.ceil(this.#stall / 1_000);
    const text = `the connection to ${this.#host} stalled: next to nothing came through for ${seconds} s`;
    this.#stop.abort(new Transient(new Unreachable(text)));
  }
}
