import { randomBytes } from 'node:crypto';
import type { Context } from '../../../base/context.ts';
import { conflict, notFound, SampanError } from '../../../base/errors.ts';
import type { Digest } from '../../../oci/digest.ts';
import type { Descriptor } from '../../../oci/image.ts';
import type { BlobMove, CacheDirectory, ClientDirectories, OpenDirectory } from '../../contract.ts';

/** How long a directory waits for its build, milliseconds. */
const LIFE = 10 * 60 * 1_000;
const MAX_DIRECTORIES = 1_000;
const MAX_BLOBS = 100_000;

/** Directories of clients that cannot be asked: they hear what is wanted, and come with it. */
export class WaitingDirectories implements ClientDirectories {
  readonly #directories = new Map<string, WaitingDirectory>();

  add(blobs: ReadonlyMap<Digest, number>): string {
    if (this.#directories.size >= MAX_DIRECTORIES || blobs.size > MAX_BLOBS) {
      throw new SampanError('exhausted', 'too many directories, or blobs in one, for caches of builds');
    }
    const id = randomBytes(16).toString('hex');
    this.#directories.set(id, new WaitingDirectory(id, blobs));
    setTimeout(() => {
      if (this.#directories.get(id)?.isUsed === false) this.#directories.delete(id);
    }, LIFE).unref();
    return id;
  }

  use(id: string, tell: (move: BlobMove) => void): OpenDirectory {
    const directory = this.#find(id);
    if (directory.isUsed) throw conflict(`the directory ${id} is another build's`);
    directory.begin(tell);
    return {
      directory,
      [Symbol.dispose]: () => {
        this.#directories.delete(id);
        directory.end();
      },
    };
  }

  give(context: Context, id: string, digest: Digest, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#find(id).give(context, digest, bytes);
  }

  take(context: Context, id: string, digest: Digest): AsyncIterable<Uint8Array> {
    return this.#find(id).take(context, digest);
  }

  #find(id: string): WaitingDirectory {
    const found = this.#directories.get(id);
    if (found === undefined) throw notFound(`no directory of a client has the ID ${JSON.stringify(id)}`);
    return found;
  }
}

/** A blob on its way. `bytes` is there when the client has come; `over` when nothing more is read. */
interface Transfer {
  readonly bytes: PromiseWithResolvers<AsyncIterable<Uint8Array>>;
  readonly over: PromiseWithResolvers<void>;
}

class WaitingDirectory implements CacheDirectory {
  readonly #id: string;
  readonly #blobs: Map<Digest, number>;
  readonly #wanted = new Map<Digest, Transfer>();
  readonly #offered = new Map<Digest, Transfer>();
  #tell: ((move: BlobMove) => void) | undefined;

  constructor(id: string, blobs: ReadonlyMap<Digest, number>) {
    this.#id = id;
    this.#blobs = new Map(blobs);
  }

  get isUsed(): boolean {
    return this.#tell !== undefined;
  }

  begin(tell: (move: BlobMove) => void): void {
    this.#tell = tell;
  }

  /** Whoever comes late is told. */
  end(): void {
    const gone = new SampanError('unavailable', 'the build has ended');
    for (const { bytes, over } of [...this.#wanted.values(), ...this.#offered.values()]) {
      bytes.reject(gone);
      over.reject(gone);
    }
  }

  async size(_context: Context, digest: Digest): Promise<number | undefined> {
    return this.#blobs.get(digest);
  }

  async *read(context: Context, blob: Descriptor, offset: number): AsyncGenerator<Uint8Array, void, void> {
    using transfer = this.#begin(this.#wanted, blob, offset, 'wanted');
    yield* await orGivenUp(context, transfer.bytes.promise);
  }

  async write(context: Context, blob: Descriptor, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    using transfer = this.#begin(this.#offered, blob, 0, 'offered');
    transfer.bytes.resolve(bytes);
    await orGivenUp(context, transfer.over.promise);
    this.#blobs.set(blob.digest, blob.size);
  }

  async finish(_context: Context, { digest, size, mediaType }: Descriptor): Promise<void> {
    this.#tell?.({ kind: 'finished', directory: this.#id, digest, size, mediaType, offset: 0 });
  }

  /** Resolves when all of it has been read, or no more is wanted. */
  async give(context: Context, digest: Digest, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const transfer = this.#wanted.get(digest);
    if (transfer === undefined) throw notFound(`nobody waits for the blob ${digest}`);
    transfer.bytes.resolve(bytes);
    await orGivenUp(context, transfer.over.promise);
  }

  async *take(context: Context, digest: Digest): AsyncGenerator<Uint8Array, void, void> {
    const transfer = this.#offered.get(digest);
    if (transfer === undefined) throw notFound(`the blob ${digest} is not offered`);
    try {
      yield* await orGivenUp(context, transfer.bytes.promise);
      transfer.over.resolve();
    } catch (error) {
      transfer.over.reject(error);
      throw error;
    } finally {
      transfer.over.reject(new SampanError('unavailable', `the client has not taken all of ${digest}`));
    }
  }

  #begin(
    transfers: Map<Digest, Transfer>,
    { digest, size, mediaType }: Descriptor,
    offset: number,
    kind: 'wanted' | 'offered',
  ): Transfer & Disposable {
    if (transfers.has(digest)) throw conflict(`the blob ${digest} is on its way already`);
    const transfer: Transfer = { bytes: Promise.withResolvers(), over: Promise.withResolvers() };
    for (const { promise } of [transfer.bytes, transfer.over]) promise.catch(() => {});
    transfers.set(digest, transfer);
    this.#tell?.({ kind, directory: this.#id, digest, size, mediaType, offset });
    return {
      ...transfer,
      [Symbol.dispose]: () => {
        transfers.delete(digest);
        transfer.over.resolve();
      },
    };
  }
}

async function orGivenUp<T>({ signal }: Context, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const given = Promise.withResolvers<never>();
  const giveUp = (): void => given.reject(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([work, given.promise]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
