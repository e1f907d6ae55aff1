import { messageOf } from '../../base/errors.ts';
import type { Client } from '../../client/client.ts';
import { isNotFound } from '../../client/errors.ts';
import { escapePath } from '../../client/query.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import type { AddedBuildDirectory, BuildBlob } from '../../wire/build-messages.ts';
import { CommandError } from '../command-error.ts';
import type { Io } from '../io.ts';
import { CacheFolder } from './cache-directory.ts';
import type { CacheFlag, CacheFlags } from './cache-flags.ts';

/** A cache as the daemon takes it; a folder by the ID that the daemon has given it. */
interface SentCache {
  readonly Type: string;
  readonly Attrs: Readonly<Record<string, string>>;
  readonly Directory?: string;
}

/** The folders that a build reads and writes caches in: they stay here, the daemon says what it wants of them and has for them. */
export class CacheTransfers {
  readonly imports: readonly SentCache[];
  readonly exports: readonly SentCache[];
  readonly #client: Client;
  readonly #folders: ReadonlyMap<string, SharedFolder>;
  readonly #failed = new AbortController();
  readonly #moving = new Set<Promise<void>>();

  private constructor(
    client: Client,
    sent: Pick<CacheTransfers, 'imports' | 'exports'>,
    folders: SharedFolders,
  ) {
    this.#client = client;
    this.#folders = folders.byId;
    this.imports = sent.imports;
    this.exports = sent.exports;
  }

  /** Tells the daemon of the folders. One without a cache is no reason not to build. Throws CommandError. */
  static async begin(client: Client, flags: CacheFlags, io: Pick<Io, 'err'>): Promise<CacheTransfers> {
    const folders = new SharedFolders(client, io);
    const imports: SentCache[] = [];
    for (const flag of flags.imports) imports.push(...(await folders.imported(flag)));
    const exports: SentCache[] = [];
    for (const flag of flags.exports) exports.push(await folders.exported(flag));
    return new CacheTransfers(client, { imports, exports }, folders);
  }

  /** Aborts when something could not be moved: the daemon would wait for it. */
  get signal(): AbortSignal {
    return this.#failed.signal;
  }

  /** Begins to do what an event asks for. */
  move(blob: BuildBlob): void {
    const moving = this.#move(blob)
      .catch((reason) => this.#failed.abort(reason))
      .finally(() => this.#moving.delete(moving));
    this.#moving.add(moving);
  }

  /** When everything is where it shall be. Throws what went wrong. */
  async settled(): Promise<void> {
    await Promise.all(this.#moving);
    this.#failed.signal.throwIfAborted();
  }

  async #move({ Kind, Directory, Digest: digest, Size: size, MediaType, Offset }: BuildBlob): Promise<void> {
    const shared = this.#folders.get(Directory);
    if (shared === undefined || !isDigest(digest))
      throw new CommandError('the daemon asks for what is not shared');
    const { folder, tag } = shared;
    if (Kind === 'wanted') await this.#give(Directory, folder, digest, Offset);
    else if (tag === undefined) throw new CommandError('the daemon writes to a folder that is only read');
    else if (Kind === 'offered') await folder.write(digest, await this.#take(Directory, digest));
    else await folder.tag(tag, { digest, size, mediaType: MediaType });
  }

  async #give(id: string, folder: CacheFolder, digest: Digest, offset: number): Promise<void> {
    await this.#client.send('POST', pathOf(id), {
      query: { digest },
      headers: { 'Content-Type': 'application/octet-stream' },
      body: folder.read(digest, offset),
    });
  }

  async #take(id: string, digest: Digest): Promise<AsyncIterable<Uint8Array>> {
    return (await this.#client.request('GET', pathOf(id), { query: { digest } })).body;
  }
}

function pathOf(id: string): string {
  return `/build/directories/${escapePath(id)}/blobs`;
}

interface SharedFolder {
  readonly folder: CacheFolder;
  /** What a cache that is written to it gets; undefined where none is. */
  readonly tag: string | undefined;
}

class SharedFolders {
  readonly byId = new Map<string, SharedFolder>();
  readonly #client: Client;
  readonly #io: Pick<Io, 'err'>;

  constructor(client: Client, io: Pick<Io, 'err'>) {
    this.#client = client;
    this.#io = io;
  }

  async imported({ type, attributes }: CacheFlag): Promise<SentCache[]> {
    if (type !== 'local') return [{ Type: type, Attrs: attributes }];
    const { src = '', digest: given, tag = 'latest', ...rest } = attributes;
    const folder = new CacheFolder(src);
    try {
      const digest = given ?? folder.digestOf(tag);
      const Directory = await this.#share({ folder, tag: undefined });
      return [{ Type: type, Attrs: { ...rest, digest }, Directory }];
    } catch (reason) {
      if (!(reason instanceof CommandError)) throw reason;
      this.#io.err(`WARNING: local cache import skipped: ${messageOf(reason)}\n`);
      return [];
    }
  }

  async exported({ type, attributes }: CacheFlag): Promise<SentCache> {
    if (type !== 'local') return { Type: type, Attrs: attributes };
    const { dest = '', tag = 'latest', ...Attrs } = attributes;
    return { Type: type, Attrs, Directory: await this.#share({ folder: new CacheFolder(dest), tag }) };
  }

  async #share(shared: SharedFolder): Promise<string> {
    try {
      const json = { Blobs: shared.folder.blobs() };
      const { ID } = await this.#client.json<AddedBuildDirectory>('POST', '/build/directories', { json });
      this.byId.set(ID, shared);
      return ID;
    } catch (reason) {
      if (!isNotFound(reason)) throw reason;
      throw new CommandError('this daemon keeps no caches in folders');
    }
  }
}
