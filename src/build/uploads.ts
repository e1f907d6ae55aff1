import { randomBytes } from 'node:crypto';
import { notFound } from '../base/errors.ts';

/** How long something waits for its build, milliseconds. */
const LIFE = 10 * 60 * 1_000;

/** What clients brought for builds that follow, each for one of them. */
export class Uploads<T> {
  readonly #kept = new Map<string, T>();
  readonly #what: string;
  readonly #forget: (upload: T) => void;

  /** `what`: "build context", for messages. `forget` is given what no build has taken. */
  constructor(what: string, forget: (upload: T) => void) {
    this.#what = what;
    this.#forget = forget;
  }

  add(upload: T): string {
    const id = randomBytes(16).toString('hex');
    this.#kept.set(id, upload);
    setTimeout(() => {
      if (this.#kept.delete(id)) this.#forget(upload);
    }, LIFE).unref();
    return id;
  }

  /** It is the caller's from now on. Fails with `not-found`. */
  take(id: string): T {
    const upload = this.#kept.get(id);
    if (upload === undefined || !this.#kept.delete(id))
      throw notFound(`no ${this.#what} was uploaded with the ID ${JSON.stringify(id)}`);
    return upload;
  }
}
