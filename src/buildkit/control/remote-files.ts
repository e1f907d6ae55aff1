import type { Context } from '../../base/context.ts';
import { invalid, notFound, SampanError } from '../../base/errors.ts';
import { withoutCredentials } from '../../base/without-credentials.ts';
import type { Builder, OpenTree } from '../../build/contract.ts';
import type { FileTree } from '../../build/file-tree.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';

/** Files of one answer, bytes: clients take no more. */
const MAX_READ = 4 << 20;
const MAX_OPEN = 16;

/** A file of a web address is told by whatever name it is asked for. */
interface Opened {
  readonly tree: FileTree;
  readonly only: string | undefined;
}

/** Remote files that a client's front end looks at itself, open until its build is over. */
export class RemoteFiles implements Disposable {
  readonly #stack = new DisposableStack();
  readonly #opened = new Map<string, Opened>();

  /** Fetches what an address stands for; returns what it is called from now on. Fails with `unimplemented` on archives. */
  async open(context: Context, builder: Pick<Builder, 'openTree'>, url: string): Promise<string> {
    if (this.#opened.size >= MAX_OPEN) throw new SampanError('exhausted', 'too many results in one build');
    const opened: OpenTree = this.#stack.use(await builder.openTree(context, { kind: 'remote', url }));
    const id = `remote-${this.#opened.size}`;
    this.#opened.set(id, { tree: opened.tree, only: await onlyFile(context, opened.tree, url) });
    return id;
  }

  /** Fails with `not-found`. */
  async stat(context: Context, id: string, path: string): Promise<TarHeader> {
    const { tree, at } = this.#find(id, path);
    const entry = await tree.stat(context, at);
    if (entry === undefined) throw notFound(`${path}: no such file or directory`);
    return entry.header;
  }

  /** Fails with `not-found`. */
  async read(
    context: Context,
    id: string,
    path: string,
    { offset = 0, length = 0 }: { readonly offset?: number; readonly length?: number },
  ): Promise<Uint8Array> {
    const { type, size = 0 } = await this.stat(context, id, path);
    if (type !== 'file') throw invalid(`${path}: is not a file`);
    const end = length === 0 ? size : Math.min(size, offset + length);
    if (offset < 0 || length < 0 || end - offset > MAX_READ) throw invalid(`${path}: invalid range`);
    const { tree, at } = this.#find(id, path);
    const pieces: Uint8Array[] = [];
    let position = 0;
    for await (const part of tree.read(context, at, () => true)) {
      if (!(part instanceof Uint8Array)) continue;
      pieces.push(Buffer.from(part.subarray(Math.max(0, offset - position), Math.max(0, end - position))));
      position += part.length;
      if (position >= end) break;
    }
    return Buffer.concat(pieces);
  }

  #find(id: string, path: string): { readonly tree: FileTree; readonly at: string } {
    const opened = this.#opened.get(id);
    if (opened === undefined) throw notFound(`no result ${JSON.stringify(id)} in this build`);
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    if (parts.includes('..')) throw invalid(`${path}: leads outside`);
    const name = Buffer.from(parts.join('/')).toString('latin1');
    return { tree: opened.tree, at: `/${opened.only ?? name}` };
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

/** Undefined for a repository. */
async function onlyFile(context: Context, tree: FileTree, url: string): Promise<string | undefined> {
  if (url.includes('#')) return undefined;
  const [name, ...others] = await tree.names(context, '/');
  if (name !== undefined && others.length === 0) return name;
  throw new SampanError(
    'unimplemented',
    `${withoutCredentials(url)} is an archive: name a repository or a file instead`,
  );
}
