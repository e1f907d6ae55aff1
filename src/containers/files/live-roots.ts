/**
 * Copies that hold the root of a container's run. It stays mounted until they end, even after the run has, and its writable part
 * must not be mounted a second time meanwhile: the next start waits.
 */
export class LiveRoots {
  #count = 0;
  #waiting: (() => void)[] = [];

  /** Returns what ends the hold. */
  hold(): () => void {
    this.#count++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#count--;
      if (this.#count > 0) return;
      for (const resume of this.#waiting.splice(0)) resume();
    };
  }

  /** Undefined when there are none, so that the usual start does not wait at all. */
  gone(): Promise<void> | undefined {
    if (this.#count === 0) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
