import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../base/atomic-file.ts';
import { isErrno } from '../base/errno.ts';

/** The engine's ID: made once for a data root, a UUID. */
export async function identify(dataRoot: string): Promise<string> {
  const path = join(dataRoot, 'engine-id');
  const known = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return '';
    throw error;
  });
  if (known.trim() !== '') return known.trim();
  const id = randomUUID();
  await writeFileAtomically(path, `${id}\n`, 0o600);
  return id;
}
