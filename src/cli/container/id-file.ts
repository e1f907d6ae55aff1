import { closeSync, existsSync, openSync, unlinkSync, writeSync } from 'node:fs';

/** `--cidfile`: made before the container, so that two runs cannot share one; removed again when nothing was written. */
export class IdFile {
  readonly #path: string;
  readonly #descriptor: number | undefined;
  #written = false;

  private constructor(path: string, descriptor: number | undefined) {
    this.#path = path;
    this.#descriptor = descriptor;
  }

  /** Throws an Error in Docker's words when the file exists. An empty path is no file. */
  static open(path: string): IdFile {
    if (path === '') return new IdFile(path, undefined);
    if (existsSync(path)) {
      throw new Error(
        `container ID file found, make sure the other container isn't running or delete ${path}`,
      );
    }
    try {
      return new IdFile(path, openSync(path, 'w', 0o666));
    } catch {
      throw new Error(`failed to create the container ID file: open ${path}: no such file or directory`);
    }
  }

  write(id: string): void {
    if (this.#descriptor === undefined) return;
    writeSync(this.#descriptor, id);
    this.#written = true;
  }

  close(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    if (!this.#written) unlinkSync(this.#path);
  }
}
