import type { Context } from '../../base/context.ts';
import type { FileTree } from '../../build/file-tree.ts';
import type { TreePart } from '../../oci/tar/part.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';

/** What goes out of a build for one platform. */
export interface OutputPart {
  /** The directory that it goes to, "linux_amd64"; empty for the top. */
  readonly directory: string;
  readonly tree: FileTree;
  /** Beside what is in the tree, by name; they win over the tree's. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Files that go out of a build, those of several platforms side by side. In a tree's order. */
export class OutputTree {
  readonly #parts: readonly OutputPart[];

  constructor(parts: readonly OutputPart[]) {
    this.#parts = parts.toSorted((one, other) => (one.directory < other.directory ? -1 : 1));
  }

  async *headers(context: Context): AsyncGenerator<TarHeader, void, void> {
    for (const part of this.#parts) {
      if (part.directory !== '') yield directoryHeader(part.directory);
      const headers = part.tree.headers?.(context, '/') ?? headersOf(context, part.tree);
      for await (const one of withFiles(part, headers)) if (!(one instanceof Uint8Array)) yield one;
    }
  }

  /** All, or the file at a path. */
  async *read(
    context: Context,
    path: string,
    wanted: (name: string) => boolean,
  ): AsyncGenerator<TreePart, void, void> {
    for (const part of this.#parts) {
      const { directory, tree, files } = part;
      if (path === '/') {
        if (directory !== '') yield directoryHeader(directory);
        yield* withFiles(part, tree.read(context, '/', wanted));
        continue;
      }
      const top = directory === '' ? '/' : `/${directory}/`;
      if (!path.startsWith(top)) continue;
      const own = path.slice(top.length);
      const bytes = files.get(own);
      if (bytes === undefined) yield* tree.read(context, `/${own}`, wanted);
      else yield* [fileHeader('.', bytes), bytes];
    }
  }
}

/** A tree's parts with further files at its top where their names belong. */
async function* withFiles(
  { directory, files }: OutputPart,
  parts: AsyncIterable<TreePart>,
): AsyncGenerator<TreePart, void, void> {
  const named = (name: string): string => (directory === '' ? name : `${directory}/${name}`);
  const waiting = [...files].sort(([one], [other]) => (one < other ? -1 : 1));
  let isLeftOut = false;
  for await (const part of parts) {
    if (part instanceof Uint8Array) {
      if (!isLeftOut) yield part;
      continue;
    }
    const [top = ''] = part.name.split('/');
    while (part.name !== '.' && (waiting[0]?.[0] ?? top) < top) yield* taken(waiting, named);
    isLeftOut = part.name === '.' || files.has(top);
    if (!isLeftOut) yield { ...part, name: named(part.name), ...linked(part, named) };
  }
  while (waiting.length > 0) yield* taken(waiting, named);
}

/** A hard link names what it links to as the tree does. */
function linked({ type, linkName = '' }: TarHeader, named: (name: string) => string): { linkName?: string } {
  return type === 'hardlink' ? { linkName: named(linkName) } : {};
}

function* taken(
  waiting: [string, Uint8Array][],
  named: (name: string) => string,
): Generator<TreePart, void, void> {
  const [name, bytes] = waiting.shift() ?? ['', new Uint8Array()];
  yield fileHeader(named(name), bytes);
  yield bytes;
}

function fileHeader(name: string, { length: size }: Uint8Array): TarHeader {
  return { type: 'file', name, mode: 0o644, size };
}

function directoryHeader(name: string): TarHeader {
  return { type: 'directory', name, mode: 0o755 };
}

async function* headersOf(context: Context, tree: FileTree): AsyncGenerator<TarHeader, void, void> {
  for await (const { header } of tree.list(context, '/')) yield header;
}
