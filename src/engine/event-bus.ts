import type { Context } from '../base/context.ts';
import type { EngineEvent, EventSink } from '../base/events.ts';
import type { EventRange, Events } from './contract.ts';

/** How many past events are remembered: Docker's number. */
const REMEMBERED = 256;

/** How many events may wait for one slow subscriber; it is cut off beyond, so that nobody holds the daemon's memory. */
const MAX_WAITING = 16_384;

/** Publishes events to subscribers and remembers the last ones. */
export class EventBus implements EventSink, Events {
  readonly #past: EngineEvent[] = [];
  readonly #subscribers = new Set<Subscriber>();
  #lastNano = 0n;

  publish(event: Omit<EngineEvent, 'time' | 'timeNano'>): void {
    const stamped = { ...event, ...this.#now() };
    this.#past.push(stamped);
    if (this.#past.length > REMEMBERED) this.#past.shift();
    for (const subscriber of this.#subscribers) subscriber.deliver(stamped);
  }

  subscribe(context: Context, range: EventRange): AsyncIterable<EngineEvent> {
    const past =
      range.since === undefined ? [] : this.#past.filter((event) => event.timeNano >= (range.since ?? 0n));
    const subscriber = new Subscriber(past, range.until);
    this.#subscribers.add(subscriber);
    return subscriber.events(context, () => this.#subscribers.delete(subscriber));
  }

  /** Wall time, made to grow with every event: clients page by it. */
  #now(): { time: Date; timeNano: bigint } {
    const time = new Date();
    const nano = BigInt(time.getTime()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n);
    this.#lastNano = nano > this.#lastNano ? nano : this.#lastNano + 1n;
    return { time, timeNano: this.#lastNano };
  }
}

class Subscriber {
  readonly #waiting: EngineEvent[];
  readonly #until: bigint | undefined;
  #wake: (() => void) | undefined;
  #overrun = false;

  constructor(past: readonly EngineEvent[], until: bigint | undefined) {
    this.#waiting = past.filter((event) => until === undefined || event.timeNano <= until);
    this.#until = until;
  }

  deliver(event: EngineEvent): void {
    if (this.#until !== undefined && event.timeNano > this.#until) return;
    if (this.#waiting.length >= MAX_WAITING) this.#overrun = true;
    else this.#waiting.push(event);
    this.#wake?.();
  }

  async *events(context: Context, unsubscribe: () => void): AsyncGenerator<EngineEvent> {
    const deadline = this.#until === undefined ? undefined : Number(this.#until / 1_000_000n);
    try {
      while (!context.signal.aborted) {
        for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) yield next;
        if (this.#overrun || (deadline !== undefined && Date.now() >= deadline)) return;
        await this.#more(context, deadline);
      }
    } finally {
      unsubscribe();
    }
  }

  #more(context: Context, deadline: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      // A timer takes at most 2^31-1 ms; a later deadline just wakes the loop once more.
      const wait = deadline === undefined ? undefined : Math.min(deadline - Date.now(), 2 ** 31 - 1);
      const timer = wait === undefined ? undefined : setTimeout(done, wait);
      const signal = context.signal;
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done, { once: true });
      this.#wake = done;
    });
  }
}
