import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../../../base/database.ts';
import { buildSchema } from '../../schema.ts';
import { KeptSources } from '../kept-sources.ts';

/** Sources that are kept, in a directory of their own. */
export class SourceBench implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'sampan-sources-'));
  readonly database = openDatabase(join(this.directory, 'state.db'), [buildSchema]);
  kept: KeptSources = this.open();

  /** As another daemon finds them. */
  open(maxBytes?: number): KeptSources {
    const limit = maxBytes === undefined ? {} : { maxBytes };
    this.kept = KeptSources.open({ database: this.database, directory: this.#files, ...limit });
    return this.kept;
  }

  /** Names of the files that are there, of what is not kept too. */
  get files(): string[] {
    return readdirSync(this.#files);
  }

  get #files(): string {
    return join(this.directory, 'files');
  }

  [Symbol.dispose](): void {
    this.database.close();
    rmSync(this.directory, { recursive: true });
  }
}
