import type { Context } from '../../base/context.ts';
import { isCode } from '../../base/errors.ts';
import { decompress } from '../../oci/compression.ts';
import { TarReader } from '../../oci/tar/reader.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { TreePart } from '../../runtime/trees/contract.ts';
import type { TarTree } from '../files/tar-tree.ts';
import type { Destination, Owner } from './destination.ts';
import type { Selection } from './selection.ts';

const root: Owner = { uid: 0, gid: 0 };

/** Plain bytes within which an archive's first member has to begin. */
const FIRST_MEMBER = 2 << 20;

/** Whether a file is an archive in some compression: by its content, as Docker has it. */
export async function isArchive(context: Context, selection: Selection): Promise<boolean> {
  if (!selection.isFile) return false;
  const reader = new TarReader();
  try {
    for await (const chunk of decompress(bytesOf(context, selection))) {
      for (const _ of reader.feed(chunk)) return true;
      if (reader.ended || reader.position > FIRST_MEMBER) return false;
    }
  } catch (error) {
    if (isCode(error, 'invalid-argument')) return false;
    throw error;
  }
  return false;
}

export async function* bytesOf(
  context: Context,
  { tree, real }: Selection,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const part of tree.read(context, real, () => true))
    if (part instanceof Uint8Array) yield Buffer.from(part);
}

/**
 * The members that unpacking an archive into a directory adds to a layer: files, directories, links, pipes and
 * devices, which open nothing in a container that may not. What is in the way is replaced, but
 * directories keep their content; directories that the archive does not name are those that are there, links followed, or root's.
 */
export async function* archiveParts(
  context: Context,
  destination: Destination,
  { tree, implied }: TarTree,
  path: string,
  owner: Owner | undefined,
): AsyncGenerator<TreePart, void, void> {
  const top = await destination.resolve(path !== '/' && path.endsWith('/') ? path.slice(0, -1) : path);
  yield* await destination.directories(top, owner ?? root);
  destination.within(top);
  const places = new Map([['.', top]]);
  for await (const part of tree.read(context, '/', () => true)) {
    if (part instanceof Uint8Array) {
      yield part;
      continue;
    }
    if (part.name === '.' || isWhiteout(part)) continue;
    const place = placeOf(places, part.name);
    if (implied.has(`/${part.name}`)) {
      const real = await destination.resolve(place);
      places.set(part.name, real);
      yield* await destination.directories(real, root);
      continue;
    }
    if (part.type === 'directory') {
      places.set(part.name, place);
      destination.wrote(place, 'directory', await destination.kindOf(place));
    } else destination.wrote(place, 'other', undefined);
    yield placed(part, place, places, owner);
  }
}

/** What overlayfs takes for a removal of what is below. */
function isWhiteout({ type, major = 0, minor = 0 }: TarHeader): boolean {
  return type === 'character' && major === 0 && minor === 0;
}

function placed(
  header: TarHeader,
  name: string,
  places: ReadonlyMap<string, string>,
  owner: Owner | undefined,
): TarHeader {
  const { type, linkName = '' } = header;
  return { ...header, name, linkName: type === 'hardlink' ? placeOf(places, linkName) : linkName, ...owner };
}

/** Where a member comes: in the place of its directory, which came before. */
function placeOf(places: ReadonlyMap<string, string>, name: string): string {
  const slash = name.lastIndexOf('/');
  const directory = places.get(slash < 0 ? '.' : name.slice(0, slash)) ?? '/';
  return directory === '/' ? `/${name.slice(slash + 1)}` : `${directory}/${name.slice(slash + 1)}`;
}
