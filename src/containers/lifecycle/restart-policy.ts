import type { RestartPolicy } from '../../wire/container-config.ts';

const FIRST_DELAY = 100;
const LAST_DELAY = 60_000;
/** Milliseconds of a run after which the delay starts over. */
const STEADY_RUN = 10_000;

export interface EndedRun {
  readonly exitCode: number;
  /** Somebody stopped it, or the daemon is going down. */
  readonly manuallyStopped: boolean;
  /** Restarts so far. */
  readonly restartCount: number;
}

/** Docker's rules: `unless-stopped` heeds a manual stop, `on-failure` counts, `always` asks nothing. */
export function wantsRestart(policy: RestartPolicy, run: EndedRun): boolean {
  switch (policy.Name) {
    case 'always':
      return true;
    case 'unless-stopped':
      return !run.manuallyStopped;
    case 'on-failure': {
      const allowed = policy.MaximumRetryCount === 0 || run.restartCount < policy.MaximumRetryCount;
      return run.exitCode !== 0 && allowed;
    }
    default:
      return false;
  }
}

/** The pause between a container's runs: doubled each time, until one run lasted or somebody starts it by hand. */
export class RestartTimer {
  #delay = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** No automatic restart until the next start by hand: somebody signalled the container to end. */
  cancelled = false;

  /** After a start by hand. */
  reset(): void {
    this.cancel();
    this.cancelled = false;
    this.#delay = 0;
  }

  /** Milliseconds to wait after a run that lasted `ran` milliseconds. */
  nextDelay(ran: number): number {
    if (ran >= STEADY_RUN) this.#delay = 0;
    this.#delay = this.#delay === 0 ? FIRST_DELAY : Math.min(this.#delay * 2, LAST_DELAY);
    return this.#delay;
  }

  schedule(delay: number, restart: () => void): void {
    this.cancel();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      restart();
    }, delay);
    this.#timer.unref?.();
  }

  /** Whether a restart was pending. */
  cancel(): boolean {
    const pending = this.#timer !== undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return pending;
  }
}
