import type { Context } from '../../base/context.ts';
import { notFound } from '../../base/errors.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { TreePart } from '../../runtime/trees/contract.ts';
import type { FileEntry, FileTree, Wanted } from '../file-tree.ts';
import { EntryHash } from './entry-hash.ts';

const root: FileEntry = { header: { type: 'directory', name: '.', mode: 0o755 }, content: undefined };

/** One file in a directory, in memory. */
export class SingleFileTree implements FileTree {
  readonly digest: Digest;
  readonly #file: FileEntry;
  readonly #bytes: Uint8Array;

  /** `header.name`: a byte string without "/". */
  constructor(header: TarHeader, bytes: Uint8Array) {
    this.#file = { header: { ...header, size: bytes.length }, content: digestOf(bytes) };
    this.#bytes = bytes;
    const hash = new EntryHash();
    hash.add(header.name, header, this.#file.content);
    this.digest = hash.finish();
  }

  async stat(_context: Context, path: string): Promise<FileEntry | undefined> {
    if (path === '/') return root;
    return path === `/${this.#file.header.name}` ? this.#named('.') : undefined;
  }

  async names(_context: Context, path: string): Promise<readonly string[]> {
    return path === '/' ? [this.#file.header.name] : [];
  }

  async *list(context: Context, path: string): AsyncGenerator<FileEntry, void, void> {
    const top = await this.stat(context, path);
    if (top === undefined) throw notFound(`${JSON.stringify(path)}: not found`);
    yield top;
    if (path === '/') yield this.#named(this.#file.header.name);
  }

  async *read(context: Context, path: string, wanted: Wanted): AsyncGenerator<TreePart, void, void> {
    for await (const { header } of this.list(context, path)) {
      if (!wanted(header.name, header.type === 'directory')) continue;
      yield header;
      if (header.type === 'file' && this.#bytes.length > 0) yield this.#bytes;
    }
  }

  #named(name: string): FileEntry {
    return { ...this.#file, header: { ...this.#file.header, name } };
  }
}
