import { createHash } from 'node:crypto';
import type { Context } from '../../../base/context.ts';
import { invalid, SampanError } from '../../../base/errors.ts';
import { type Digest, finishDigest } from '../../../oci/digest.ts';
import { type TarEntry, toText } from '../../../oci/tar/entry.ts';
import type { LayerNode } from '../../../oci/tar/layer-node.ts';
import { cleanPath } from '../../../oci/tar/layer-path.ts';
import { LayerTree } from '../../../oci/tar/layer-tree.ts';
import type { TarHeader } from '../../../oci/tar/writer.ts';
import type { TreePart } from '../../../runtime/trees/contract.ts';
import type { Pack } from '../pack.ts';
import { PackedTree } from '../packed-tree.ts';
import { settleTree } from '../settle-tree.ts';
import type { ContextIndex, KnownFile } from './context-index.ts';

/** What a client says of an object of its context, in any order; only files, directories and symbolic links. */
export interface ContextRecord {
  readonly type: 'file' | 'directory' | 'symlink';
  /** Below the context, "a/b": a byte string. */
  readonly path: string;
  /** 07777. */
  readonly mode: number;
  readonly size: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Byte string; of a link. */
  readonly linkName: string;
}

const MAX_RECORDS = 1_000_000;
const MAX_NAME = 4096;

/**
 * A context that is brought up to date: `compare` says which files' bytes are wanted, `receive` takes them, `tree` gives the whole. A file whose
 * size, time and mode are those of last time is not wanted.
 */
export class ContextUpdate {
  readonly #pack: Pack;
  readonly #maxBytes: number;
  readonly #before: ReadonlyMap<string, KnownFile>;
  readonly #records = new Map<string, ContextRecord>();
  readonly #files = new Map<string, KnownFile>();
  readonly #wanted = new Set<string>();
  #bytes = 0;

  constructor(pack: Pack, before: ContextIndex['files'], maxBytes: number) {
    this.#pack = pack;
    this.#before = before;
    this.#maxBytes = maxBytes;
  }

  /** Whether what is here is other than last time. */
  get isChanged(): boolean {
    return this.#wanted.size > 0 || this.#files.size !== this.#before.size;
  }

  /** The files that are here, by path. */
  get files(): ReadonlyMap<string, KnownFile> {
    return this.#files;
  }

  /** The paths of files whose bytes are wanted. Fails with `invalid-argument` on records that cannot be, with `exhausted` on too much. */
  compare(records: Iterable<ContextRecord>): readonly string[] {
    for (const record of records) {
      checkRecord(record);
      this.#records.set(record.path, record);
      if (this.#records.size > MAX_RECORDS) throw invalid(`the context has more than ${MAX_RECORDS} files`);
      if (record.type !== 'file') continue;
      this.#count(record.size);
      const known = this.#before.get(record.path);
      if (known !== undefined && isSame(known, record)) this.#files.set(record.path, known);
      else this.#wanted.add(record.path);
    }
    return [...this.#wanted];
  }

  /** Takes the bytes of files that are wanted; each header says what the file is by now. */
  async receive(context: Context, parts: AsyncIterable<TreePart>): Promise<void> {
    let open: Receiving | undefined;
    for await (const part of parts) {
      context.signal.throwIfAborted();
      if (!(part instanceof Uint8Array)) {
        this.#close(open);
        open = this.#open(part);
      } else if (open !== undefined) {
        open.hash.update(part);
        await this.#pack.write(part);
      }
    }
    this.#close(open);
    await this.#pack.finish();
  }

  /** Everything. Fails with `invalid-argument` where bytes are missing that are wanted. */
  tree(): PackedTree {
    const contents = new Map<LayerNode, Digest>();
    const layer = new LayerTree();
    for (const record of this.#records.values()) {
      const file = this.#files.get(record.path);
      if (record.type === 'file' && file === undefined) {
        throw invalid(`the context's file ${JSON.stringify(toText(record.path))} was not sent`);
      }
      const node = layer.add(entryOf(record, file));
      if (node !== undefined && file !== undefined) contents.set(node, file.content);
    }
    return new PackedTree(
      settleTree(layer, () => {}),
      contents,
      this.#pack,
    );
  }

  #open(header: TarHeader): Receiving | undefined {
    const path = cleanPath(header.name).join('/');
    const record = this.#records.get(path);
    if (header.type !== 'file' || record === undefined || !this.#wanted.has(path)) return undefined;
    const { size = 0, seconds = 0, nanoseconds = 0 } = header;
    const mode = (header.mode ?? 0) & 0o7777;
    this.#count(size - record.size);
    this.#records.set(path, { ...record, mode, size, seconds, nanoseconds });
    return {
      path,
      hash: createHash('sha256'),
      file: { mode, size, seconds, nanoseconds, offset: this.#pack.size },
    };
  }

  #close(open: Receiving | undefined): void {
    if (open === undefined) return;
    const { path, file, hash } = open;
    if (this.#pack.size - file.offset !== file.size)
      throw invalid(`the context's file ${JSON.stringify(toText(path))} is torn`);
    this.#files.set(path, { ...file, content: finishDigest(hash) });
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#maxBytes) return;
    throw new SampanError('exhausted', `the context has more than the allowed ${this.#maxBytes} bytes`);
  }
}

interface Receiving {
  readonly path: string;
  readonly hash: ReturnType<typeof createHash>;
  readonly file: Omit<KnownFile, 'content'>;
}

function isSame(known: KnownFile, { size, seconds, nanoseconds, mode }: ContextRecord): boolean {
  return (
    known.size === size &&
    known.seconds === seconds &&
    known.nanoseconds === nanoseconds &&
    known.mode === (mode & 0o7777)
  );
}

function checkRecord({ path, size, linkName, type }: ContextRecord): void {
  const isClean = path.length <= MAX_NAME && !path.includes('\0') && cleanPath(path).join('/') === path;
  const isLink =
    type !== 'symlink' || (linkName !== '' && linkName.length < MAX_NAME && !linkName.includes('\0'));
  if (isClean && isLink && Number.isSafeInteger(size) && size >= 0) return;
  throw invalid(`invalid record of ${JSON.stringify(toText(path.slice(0, MAX_NAME)))} in a context`);
}

/** What an archive would say; everything is root's. */
function entryOf(record: ContextRecord, file: KnownFile | undefined): TarEntry {
  const { type, path, mode, seconds, nanoseconds, linkName } =
    file === undefined ? record : { ...record, ...file };
  const size = file?.size ?? 0;
  return {
    ...{ type, linkName, seconds, nanoseconds, size, name: path === '' ? '.' : path, mode: mode & 0o7777 },
    ...{ uid: 0, gid: 0, userName: '', groupName: '', major: 0, minor: 0, xattrs: undefined },
    ...{ dataOffset: file?.offset ?? 0, dataSize: size, extents: undefined },
  };
}
