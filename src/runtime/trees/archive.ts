import { posix } from 'node:path';
import type { Context } from '../../base/context.ts';
import { invalid } from '../../base/errors.ts';
import { decompress } from '../../oci/compression.ts';
import { toText } from '../../oci/tar/entry.ts';
import { packTar } from '../../oci/tar/pack.ts';
import { unpackTar } from '../../oci/tar/unpack.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { Tree, TreePart } from './contract.ts';

/** What is kept beside the contents: capabilities, and what users set themselves. */
const XATTRS: readonly string[] = ['security.capability', 'user.'];

/** A tar of all that is in a tree but for what is mounted below it, its root as "./"; `close` is called when it has been read, or given up. */
export async function* packTree(
  context: Context,
  tree: Tree,
  close: () => Promise<void>,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    const parts = tree.read(context, '/', { data: true, xattrs: XATTRS, crossMounts: false });
    yield* packTar(asMembers(parts));
  } finally {
    await close();
  }
}

/** What a tree's `read` gives, with names as archives have them: directories' end in "/". */
export async function* asMembers(parts: AsyncIterable<TreePart>): AsyncGenerator<TreePart, void, void> {
  for await (const part of parts) {
    const isDirectory = !(part instanceof Uint8Array) && part.type === 'directory';
    yield isDirectory ? { ...part, name: `${part.name}/` } : part;
  }
}

/** The members of a tar in any compression, as parts of a tree: "the volume". Fails with `invalid-argument` on names that lead out of it. */
export async function* unpackMembers(
  tar: AsyncIterable<Uint8Array>,
  whole: string,
): AsyncGenerator<TreePart, void, void> {
  for await (const part of unpackTar(decompress(tar))) {
    yield part instanceof Uint8Array ? part : admit(part, whole);
  }
}

function admit(header: TarHeader, whole: string): TarHeader {
  const { linkName, xattrs } = header;
  return {
    ...header,
    name: inside(header.name, whole),
    ...(header.type === 'hardlink' && linkName !== undefined ? { linkName: inside(linkName, whole) } : {}),
    // What overlay filesystems keep in them would make others of these files than the archive says.
    xattrs: xattrs && new Map([...xattrs].filter(([key]) => !key.startsWith('trusted.'))),
  };
}

/** Cleaned as text; links that lie on the way are the tree's to watch. */
function inside(name: string, whole: string): string {
  const clean = posix.normalize(name.replace(/^\/+/, '') || '.').replace(/(.)\/$/, '$1');
  if (clean === '..' || clean.startsWith('../')) {
    throw invalid(`the archive names ${JSON.stringify(toText(name))}, which is outside of ${whole}`);
  }
  return clean;
}
