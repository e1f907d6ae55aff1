import { closeSync, fsync as fsyncCallback, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Digest } from '../oci/digest.ts';

const fsync = promisify(fsyncCallback);

/** A layer's index while it is written, in a temporary file. */
export class IndexFile {
  readonly fd: number;
  readonly #path: string;
  readonly #adopt: (diffId: Digest) => Promise<void>;
  #open = true;

  /** `adopt` gives the file its name. */
  constructor(path: string, adopt: (diffId: Digest) => Promise<void>) {
    this.#path = path;
    this.#adopt = adopt;
    this.fd = openSync(path, 'wx', 0o600);
  }

  /** Makes the index durable, and the layer known. */
  async adopt(diffId: Digest): Promise<void> {
    await fsync(this.fd);
    await this.#adopt(diffId);
  }

  /** Forgets what has no name yet; fine at any time. */
  async cancel(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.fd);
    await rm(this.#path, { force: true });
  }
}
