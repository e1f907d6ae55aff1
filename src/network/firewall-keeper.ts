import { background, type Context } from '../base/context.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Follower, Following } from '../plan/contract.ts';
import { decodeChanges, isStructural } from './nftables/changes.ts';

export interface KeeperOptions {
  readonly launcher: Follower;
  readonly log: Logger;
  /** The tables that others have no business in. */
  readonly table: string;
  /** The interface that they need; "" for none. */
  readonly link: string;
  /** Makes them whole again. */
  restore(context: Context): Promise<void>;
  /** Looks after what is between them and others' tables, which have changed. */
  tend(context: Context): Promise<void>;
}

/** Others may make many changes in a row, each a transaction: the first is answered at once, then there is a pause, in milliseconds. */
const PAUSE = 100;
/** How long something that failed is left alone. */
const RETRY = 1_000;

type Task = 'restore' | 'tend';

/**
 * Notices what others do to the host's packet filter - flush it, reload a firewall, remove our interface - and has it put right. The kernel tells, through a
 * launcher: nothing is polled.
 */
export class FirewallKeeper implements AsyncDisposable {
  readonly #options: KeeperOptions;
  readonly #context: Context;
  readonly #wanted = new Set<Task>();
  #watch: Following | undefined;
  #working: Promise<void> | undefined;
  /** End the pauses that there are. */
  readonly #wake = new Set<() => void>();
  #disposed = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#context = background(options.log);
  }

  /** From here on nothing is missed; where that fails it is tried again, and all is put right once it succeeds. */
  async start(): Promise<void> {
    try {
      await this.#follow();
    } catch (error) {
      this.#complain(error);
      void this.#again();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#wanted.clear();
    this.#watch?.[Symbol.dispose]();
    for (const wake of this.#wake) wake();
    await this.#working;
  }

  #take(report: Uint8Array): void {
    const changes = decodeChanges(report);
    const ours = changes?.some(({ table }) => table === this.#options.table) ?? true;
    const others =
      changes?.some((change) => change.table !== this.#options.table && isStructural(change)) ?? true;
    if (ours) this.#wanted.add('restore');
    if (others) this.#wanted.add('tend');
    this.#begin();
  }

  #begin(): void {
    if (this.#wanted.size === 0 || this.#disposed) return;
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      this.#begin();
    });
  }

  async #work(): Promise<void> {
    for (const task of ['restore', 'tend'] as const) {
      if (!this.#wanted.delete(task)) continue;
      if (task === 'restore') {
        this.#options.log.warn('somebody changed the firewall: putting its rules back', {
          table: this.#options.table,
        });
      }
      try {
        await this.#options[task](this.#context);
      } catch (error) {
        if (this.#disposed) return;
        this.#options.log.error('cannot put the firewall right', { error: messageOf(error) });
        this.#wanted.add(task);
        await this.#sleep(RETRY);
      }
    }
    await this.#sleep(PAUSE);
  }

  /** The launcher that told has ended: another one is asked, and whatever was missed meanwhile is made good. */
  async #again(): Promise<void> {
    this.#watch = undefined;
    while (!this.#disposed && this.#watch === undefined) {
      await this.#sleep(PAUSE);
      if (this.#disposed) return;
      try {
        await this.#follow();
        this.#take(new Uint8Array());
      } catch (error) {
        this.#complain(error);
        await this.#sleep(RETRY);
      }
    }
  }

  async #follow(): Promise<void> {
    const before = [{ op: 'watchNetfilter', link: this.#options.link }] as const;
    const take = (report: Uint8Array): void => this.#take(report);
    const watch = await this.#options.launcher.follow(this.#context, { before }, take);
    if (this.#disposed) {
      watch[Symbol.dispose]();
      return;
    }
    this.#watch = watch;
    void watch.ended.then(() => this.#again());
  }

  #complain(error: unknown): void {
    this.#options.log.error('cannot watch the firewall', { error: messageOf(error) });
  }

  #sleep(milliseconds: number): Promise<void> {
    if (this.#disposed) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#wake.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      this.#wake.add(wake);
    });
  }
}
