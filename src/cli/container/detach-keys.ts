import { keyByte } from '../../wire/detach-keys.ts';

/** The keys that leave a container's terminal without ending its process: ctrl-p ctrl-q, unless others were chosen. */
export const defaultDetachKeys: readonly number[] = [16, 17];

/** Reads `ctrl-a,b`. Throws an Error in Docker's words, which name the key. */
export function parseDetachKeys(text: string): readonly number[] {
  return text.split(',').map((key) => {
    const byte = keyByte(key);
    if (byte === undefined) throw new Error(`Unknown character: '${key}'`);
    return byte;
  });
}

/** Finds the keys in typed input. Keys of an unfinished sequence are held back until it is clear that it is none. */
export class DetachWatcher {
  readonly #keys: readonly number[];
  #matched = 0;

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  /** What to pass on, and whether the sequence is complete. */
  feed(typed: Uint8Array): { readonly pass: Uint8Array; readonly detached: boolean } {
    const pass: number[] = [];
    for (const byte of typed) {
      if (byte !== this.#keys[this.#matched]) {
        pass.push(...this.#keys.slice(0, this.#matched));
        this.#matched = 0;
      }
      if (byte === this.#keys[this.#matched]) this.#matched++;
      else pass.push(byte);
      if (this.#matched === this.#keys.length) return { pass: new Uint8Array(pass), detached: true };
    }
    return { pass: new Uint8Array(pass), detached: false };
  }
}
