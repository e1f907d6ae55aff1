import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Outcome } from './scenario.ts';

/** What dockerd did in the scenarios of one file, by their names, step after step. */
export type Expectations = Readonly<Record<string, readonly Outcome[]>>;

export const pathOf = (file: string): string =>
  join(import.meta.dir, `../fixtures/data/dockerd/${file}.json`);

/** Empty before the first recording. */
export async function expectationsOf(file: string): Promise<Expectations> {
  return existsSync(pathOf(file)) ? await Bun.file(pathOf(file)).json() : {};
}
