import type { Context } from '../../../base/context.ts';
import type { FileTree } from '../../file-tree.ts';
import { readFile } from '../../files/read-file.ts';

/** A Linux distribution, as its packages' URLs name it. */
export interface Distribution {
  /** "debian", "alpine"; empty when the image does not say. */
  readonly id: string;
  /** "12", "3.20.1" */
  readonly version: string;
}

const MAX_FILE = 64 << 10;

/** What `os-release` says. */
export async function distributionOf(context: Context, tree: FileTree): Promise<Distribution> {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    const text = (await readFile(context, tree, path, MAX_FILE).catch(() => undefined))?.toString();
    if (text !== undefined) return { id: entryIn(text, 'ID'), version: entryIn(text, 'VERSION_ID') };
  }
  return { id: '', version: '' };
}

function entryIn(text: string, name: string): string {
  const found = new RegExp(`^${name}=["']?([A-Za-z0-9._~+-]{1,64})["']?\\s*$`, 'm').exec(text);
  return found?.[1] ?? '';
}
