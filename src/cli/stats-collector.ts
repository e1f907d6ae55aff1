import type { Client } from '../client/client.ts';
import { containerStats } from '../client/containers.ts';
import type { Sample, StatsRow } from './listings/stats.ts';

/** A container that says nothing for this long is shown as unknown. */
const PATIENCE = 2000;

interface Watched {
  readonly container: string;
  readonly abort: AbortController;
  sample: Sample | undefined;
  isStale: boolean;
  failure: unknown;
}

/** The last sample of each of several containers. */
export class StatsCollector {
  readonly #client: Client;
  readonly #stream: boolean;
  #watched: Watched[] = [];

  constructor(client: Client, stream: boolean) {
    this.#client = client;
    this.#stream = stream;
  }

  /** Resolves when the first sample came, failed, or took too long. */
  async add(container: string): Promise<void> {
    if (this.#watched.some((one) => one.container === container)) return;
    const entry: Watched = {
      container,
      abort: new AbortController(),
      sample: undefined,
      isStale: false,
      failure: undefined,
    };
    this.#watched.push(entry);
    await new Promise<void>((first) => {
      void this.#follow(entry, first).catch((reason: unknown) => {
        entry.failure = reason;
        entry.isStale = true;
        first();
      });
    });
  }

  remove(container: string): void {
    this.#watched.find((one) => one.container === container)?.abort.abort();
    this.#watched = this.#watched.filter((one) => one.container !== container);
  }

  rows(): StatsRow[] {
    return this.#watched.map(({ container, sample, isStale }) => ({ container, sample, isStale }));
  }

  failures(): unknown[] {
    return this.#watched.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  }

  stop(): void {
    for (const { abort } of this.#watched) abort.abort();
  }

  async #follow(entry: Watched, first: () => void): Promise<void> {
    const lost = (): void => {
      entry.isStale = true;
      first();
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const samples = await containerStats(this.#client, entry.container, this.#stream, entry.abort.signal);
      timer = setTimeout(lost, PATIENCE);
      for await (const sample of samples) {
        clearTimeout(timer);
        entry.sample = sample;
        entry.isStale = false;
        first();
        if (!this.#stream) return;
        timer = setTimeout(lost, PATIENCE);
      }
    } finally {
      clearTimeout(timer);
    }
    lost();
  }
}
