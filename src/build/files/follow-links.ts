import type { Context } from '../../base/context.ts';
import { invalid } from '../../base/errors.ts';
import { toText } from '../../oci/tar/entry.ts';
import type { FileTree } from '../file-tree.ts';

/** As many as Docker follows. */
const MAX_LINKS = 255;
/** Names on the way altogether: links that lead through links make a short path a long one. */
const MAX_NAMES = 16_384;

/**
 * Where a path really leads: symbolic links are followed inside the tree, the last one too, ".." stays inside. What is not there is taken as
 * it is written. Fails with `invalid-argument` on too many links.
 */
export async function followLinks(
  context: Context,
  tree: Pick<FileTree, 'stat'>,
  path: string,
): Promise<string> {
  const whole = await tree.stat(context, path);
  if (whole !== undefined && whole.header.type !== 'symlink') return path;
  const pending = path.split('/').reverse();
  const trail: string[] = [];
  let links = 0;
  let names = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (++names > MAX_NAMES) throw tooMany(path);
    if (name === '' || name === '.') continue;
    if (name === '..') {
      trail.pop();
      continue;
    }
    trail.push(name);
    const entry = await tree.stat(context, `/${trail.join('/')}`);
    if (entry?.header.type !== 'symlink') continue;
    if (++links > MAX_LINKS) throw tooMany(path);
    const { linkName = '' } = entry.header;
    if (linkName.startsWith('/')) trail.length = 0;
    else trail.pop();
    pending.push(...linkName.split('/').reverse());
  }
  return `/${trail.join('/')}`;
}

function tooMany(path: string): Error {
  return invalid(`${JSON.stringify(toText(path))}: too many links`);
}
