import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeNames, type NamesTable } from './names-file.ts';

/**
 * The files that tell supervisors who is who, one for each network, below the exec root. They are replaced by renaming: a supervisor finds the
 * old names or the new ones, and goes on with what is there when there is no daemon.
 */
export class NamesFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Makes the directory, and removes what earlier daemons left of networks that are no more. */
  open(networkIds: ReadonlySet<string>): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(this.#directory)) {
      if (!networkIds.has(name)) rmSync(join(this.#directory, name), { force: true });
    }
  }

  /** Of a network by its ID. */
  path(networkId: string): string {
    return join(this.#directory, networkId);
  }

  /**
   * Replaces a network's names; when it returns, members are answered by the new ones. Synchronous: one small write, in the midst of a start.
   * Without fsync, for neither the names nor their askers outlive the kernel.
   */
  write(networkId: string, table: NamesTable): void {
    const path = this.path(networkId);
    const temporary = `${path}.new`;
    writeFileSync(temporary, encodeNames(table), { mode: 0o600 });
    renameSync(temporary, path);
  }

  /** Forgets a network; not known is fine. */
  remove(networkId: string): void {
    rmSync(this.path(networkId), { force: true });
  }
}
