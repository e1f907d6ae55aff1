import type { WaitResult } from '../contract.ts';

type Waiting = Set<(result: WaitResult) => void>;

/** Who waits for the next exit of a container, and who for its removal. */
export class Waiters {
  readonly #exit: Waiting = new Set();
  readonly #removal: Waiting = new Set();

  nextExit(signal: AbortSignal): Promise<WaitResult> {
    return join(this.#exit, signal);
  }

  removal(signal: AbortSignal): Promise<WaitResult> {
    return join(this.#removal, signal);
  }

  exited(result: WaitResult): void {
    settle(this.#exit, result);
  }

  /** Ends both kinds: a container that never ran can be removed too. */
  removed(result: WaitResult): void {
    settle(this.#exit, result);
    settle(this.#removal, result);
  }
}

function join(waiting: Waiting, signal: AbortSignal): Promise<WaitResult> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const leave = (): void => {
      waiting.delete(finish);
      reject(signal.reason);
    };
    const finish = (result: WaitResult): void => {
      signal.removeEventListener('abort', leave);
      resolve(result);
    };
    waiting.add(finish);
    signal.addEventListener('abort', leave, { once: true });
  });
}

function settle(waiting: Waiting, result: WaitResult): void {
  const all = [...waiting];
  waiting.clear();
  for (const finish of all) finish(result);
}
