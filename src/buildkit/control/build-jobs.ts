import { invalid, SampanError } from '../../base/errors.ts';
import type { BuildJob, BuildResults } from './build-job.ts';

/** How long the news of a build that has ended wait for whoever wants to hear them, milliseconds. */
const REMEMBERED = 10_000;
/** How long a call waits for the build that it is about: clients make both at once. */
const PATIENCE = 5_000;
const MAX_JOBS = 1_000;
const MAX_REF = 128;

export class BuildJobs {
  readonly #jobs = new Map<string, BuildJob>();
  readonly #refused = new Set<string>();
  readonly #waiting = new Set<(ref: string) => void>();

  /** What a build under way has made. Fails with `not-found`. */
  readonly results: BuildResults = ({ build, image }) => {
    const made = this.#jobs.get(build)?.result?.images[image]?.id;
    if (made === undefined) throw new SampanError('not-found', `the build ${build} has no result`);
    return made;
  };

  /** Fails with `invalid-argument` on no name, with `conflict` when there is a build of that name, and with `exhausted` when there are too many. */
  checkFree(ref: string): void {
    if (ref === '' || ref.length > MAX_REF) throw invalid('a build needs a name, of at most 128 characters');
    if (this.#jobs.has(ref)) throw new SampanError('conflict', `job ID ${ref} exists`);
    if (this.#jobs.size >= MAX_JOBS) throw new SampanError('exhausted', 'too many builds run at once');
  }

  /** There will be none of that name: nobody needs to wait for it. */
  refuse(ref: string): void {
    if (this.#jobs.has(ref) || this.#refused.size >= MAX_JOBS) return;
    this.#refused.add(ref);
    setTimeout(() => this.#refused.delete(ref), PATIENCE).unref();
    for (const wake of this.#waiting) wake(ref);
  }

  /** One whose name is free. */
  add(job: BuildJob): void {
    this.#jobs.set(job.ref, job);
    for (const wake of this.#waiting) wake(job.ref);
  }

  /** Nothing more happens in the build. */
  end(job: BuildJob): void {
    job.progress.end();
    setTimeout(() => this.#jobs.delete(job.ref), REMEMBERED).unref();
  }

  /** Fails with `not-found` when no such build begins. */
  async find(ref: string, signal: AbortSignal): Promise<BuildJob> {
    signal.throwIfAborted();
    if (!this.#jobs.has(ref) && !this.#refused.has(ref)) await this.#next(ref, signal);
    const job = this.#jobs.get(ref);
    if (job === undefined) throw new SampanError('not-found', `no such job ${ref}`);
    return job;
  }

  async #next(ref: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (begun: string): void => {
      if (begun === ref) resolve();
    };
    const timer = setTimeout(resolve, PATIENCE);
    const stop = (): void => resolve();
    this.#waiting.add(wake);
    signal.addEventListener('abort', stop, { once: true });
    await promise;
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    this.#waiting.delete(wake);
  }
}
