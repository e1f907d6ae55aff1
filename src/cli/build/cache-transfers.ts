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
  readonly #io: Pick<Io, 'err'>;
  readonly #folders: ReadonlyMap<string, SharedFolder>;
  readonly #failed = new AbortController();
  readonly #moving = new Set<Promise<void>>();
  /** Folders that cannot be written to, where that shall not matter. */
  readonly #givenUp = new Set<SharedFolder>();

  private constructor(
    client: Client,
    sent: Pick<CacheTransfers, 'imports' | 'exports'>,
    folders: SharedFolders,
  ) {
    this.#client = client;
    this.#folders = folders.byId;
    this.#io = folders.io;
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
    if (Kind === 'wanted') await this.#bring(Directory, folder, digest, Offset);
    else if (tag === undefined) throw new CommandError('the daemon writes to a folder that is only read');
    else if (Kind === 'offered') await this.#get(Directory, shared, digest);
    else await this.#trying(shared, () => folder.tag(tag, { digest, size, mediaType: MediaType }));
  }

  /** What cannot be read is no reason not to build: without its bytes the daemon goes on without the cache. */
  async #bring(id: string, folder: CacheFolder, digest: Digest, offset: number): Promise<void> {
    try {
      await this.#give(id, digest, folder.read(digest, offset));
    } catch (reason) {
      this.#io.err(`WARNING: local cache import: ${messageOf(reason)}\n`);
      await this.#give(id, digest, nothing()).catch(() => {});
    }
  }

  async #give(id: string, digest: Digest, body: AsyncIterable<Uint8Array>): Promise<void> {
    const headers = { 'Content-Type': 'application/octet-stream' };
    await this.#client.send('POST', pathOf(id), { query: { digest }, headers, body });
  }

  async #get(id: string, shared: SharedFolder, digest: Digest): Promise<void> {
    const { body } = await this.#client.request('GET', pathOf(id), { query: { digest } });
    await this.#trying(shared, () => shared.folder.write(digest, body));
    // Of what was not taken the daemon knows that it is not here.
    for await (const _ of body) break;
  }

  async #trying(shared: SharedFolder, write: () => Promise<void>): Promise<void> {
    if (this.#givenUp.has(shared)) return;
    try {
      await write();
    } catch (reason) {
      if (!shared.ignoresErrors) throw reason;
      if (!this.#givenUp.has(shared)) this.#io.err(`WARNING: local cache export: ${messageOf(reason)}\n`);
      this.#givenUp.add(shared);
    }
  }
}

function pathOf(id: string): string {
  return `/build/directories/${escapePath(id)}/blobs`;
}

async function* nothing(): AsyncGenerator<Uint8Array, void, void> {}

interface SharedFolder {
  readonly folder: CacheFolder;
  /** What cannot be written to it is no reason to give the build up. */
  readonly ignoresErrors: boolean;
  /** What a cache that is written to it gets; undefined where none is. */
  readonly tag: string | undefined;
}

class SharedFolders {
  readonly byId = new Map<string, SharedFolder>();
  readonly io: Pick<Io, 'err'>;
  readonly #client: Client;

  constructor(client: Client, io: Pick<Io, 'err'>) {
    this.#client = client;
    this.io = io;
  }

  async imported({ type, attributes }: CacheFlag): Promise<SentCache[]> {
    if (type !== 'local') return [{ Type: type, Attrs: attributes }];
    const { src = '', digest: given, tag = 'latest', ...rest } = attributes;
    const folder = new CacheFolder(src);
    try {
      const digest = given ?? folder.digestOf(tag);
      if (!isDigest(digest)) throw new CommandError(`invalid digest ${JSON.stringify(digest)}`);
      const Directory = await this.#share({ folder, tag: undefined, ignoresErrors: true });
      return [{ Type: type, Attrs: { ...rest, digest }, Directory }];
    } catch (reason) {
      if (!(reason instanceof CommandError)) throw reason;
      this.io.err(`WARNING: local cache import skipped: ${messageOf(reason)}\n`);
      return [];
    }
  }

  async exported({ type, attributes }: CacheFlag): Promise<SentCache> {
    if (type !== 'local') return { Type: type, Attrs: attributes };
    const { dest = '', tag = 'latest', ...Attrs } = attributes;
    const ignoresErrors = Attrs['ignore-error'] === 'true' || Attrs['ignore-error'] === '1';
    const shared = { folder: new CacheFolder(dest), tag, ignoresErrors };
    return { Type: type, Attrs, Directory: await this.#share(shared) };
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
