import { invalid, SampanError } from '../../base/errors.ts';
import type { OpenCall } from '../grpc/client.ts';
import type { Value } from '../protobuf/message.ts';
import { Packet, packetType, type Stat } from '../protobuf/session-messages.ts';
import type { ClientSession } from '../sessions.ts';

const PATH = '/moby.filesync.v1.FileSync/DiffCopy';
const MAX_STATS = 1_000_000;
/** Of files that were asked for and are not taken yet. A file may have grown since it was listed: much more than was asked for is refused. */
const WINDOW_FILES = 2_048;
const WINDOW_BYTES = 4 << 20;
const MAX_BUFFERED = 64 << 20;

/** Which of a client's directories, and what of it. Patterns are those of `.dockerignore`. */
export interface DirectoryWish {
  readonly name: string;
  readonly includes: readonly string[];
  /** Paths that alone are wanted, with where links lead from there; empty for all. */
  readonly follows: readonly string[];
  readonly excludes: readonly string[];
}

export type FileStat = Value<typeof Stat>;

/**
 * One transfer of a client's directory (fsutil's protocol): the client lists everything, we ask for the files whose bytes we want, by their
 * place in the list, and the client sends those, in pieces, several at once.
 */
export class DiffCopy implements Disposable {
  readonly #call: OpenCall;
  readonly #packets: AsyncIterator<Buffer>;
  readonly #onBytes: (total: number) => void;
  /** Pieces by file; a file whose end has come has its place in `#whole`. */
  readonly #pieces = new Map<number, Uint8Array[]>();
  readonly #whole = new Set<number>();
  #buffered = 0;
  #received = 0;

  constructor(
    session: ClientSession,
    wish: DirectoryWish,
    signal: AbortSignal,
    onBytes: (total: number) => void,
  ) {
    if (!session.methods.has(PATH.toLowerCase())) throw invalid('no local sources enabled');
    this.#call = session.client.open(
      PATH,
      {
        ...header('dir-name', [wish.name]),
        ...header('include-patterns', wish.includes),
        ...header('exclude-patterns', wish.excludes),
        ...header('followpaths', wish.follows),
      },
      signal,
    );
    this.#packets = this.#call.answers[Symbol.asyncIterator]();
    this.#onBytes = onBytes;
  }

  /** All that is there, in the order that the client counts in. */
  async list(): Promise<readonly FileStat[]> {
    const stats: FileStat[] = [];
    for (;;) {
      const { type, stat } = await this.#next();
      if (type !== packetType.stat) throw invalid('the client sent a file that was not asked for');
      if (stat === undefined) return stats;
      if (stats.length >= MAX_STATS) throw invalid(`the context has more than ${MAX_STATS} files`);
      stats.push(stat as FileStat);
    }
  }

  /** The pieces of the files that are wanted, each file's together, in this order. */
  async *fetch(
    wanted: readonly { readonly id: number; readonly size: number }[],
  ): AsyncGenerator<AsyncIterable<Uint8Array>, void, void> {
    let asked = 0;
    let outstanding = 0;
    for (const [index, file] of wanted.entries()) {
      // Many are asked for at once: each write costs more than what it carries.
      if (asked - index <= WINDOW_FILES / 2) {
        const requests: Uint8Array[] = [];
        for (; asked - index < WINDOW_FILES; asked++) {
          const next = wanted[asked];
          if (next === undefined || (asked > index && outstanding + next.size > WINDOW_BYTES)) break;
          this.#pieces.set(next.id, []);
          requests.push(Packet.encode({ type: packetType.request, id: next.id }));
          outstanding += next.size;
        }
        if (requests.length > 0) await this.#call.send(...requests);
      }
      yield this.#piecesOf(file.id);
      outstanding -= file.size;
    }
  }

  /** Says that nothing more is wanted. */
  async finish(): Promise<void> {
    await this.#call.send(Packet.encode({ type: packetType.finish }));
    while ((await this.#next()).type !== packetType.finish);
    this.#call.end();
  }

  [Symbol.dispose](): void {
    this.#call[Symbol.dispose]();
  }

  async *#piecesOf(id: number): AsyncGenerator<Uint8Array, void, void> {
    const pieces = this.#pieces.get(id) ?? [];
    for (;;) {
      for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
        this.#buffered -= piece.length;
        yield piece;
      }
      if (this.#whole.delete(id)) break;
      await this.#receive();
    }
    this.#pieces.delete(id);
  }

  async #receive(): Promise<void> {
    const { type, id, data } = await this.#next();
    const pieces = this.#pieces.get(id);
    if (type !== packetType.data || pieces === undefined || this.#whole.has(id)) {
      throw invalid('the client sent a file that was not asked for');
    }
    if (data.length === 0) {
      this.#whole.add(id);
      return;
    }
    pieces.push(data);
    this.#buffered += data.length;
    this.#received += data.length;
    this.#onBytes(this.#received);
    if (this.#buffered > MAX_BUFFERED)
      throw new SampanError('exhausted', 'files of the context grow while they are sent');
  }

  async #next(): Promise<Value<typeof Packet>> {
    const { value, done } = await this.#packets.next();
    if (done === true) throw new SampanError('data-loss', 'the client ended a transfer of files early');
    const packet = Packet.decode(value);
    if (packet.type !== packetType.error) return packet;
    throw invalid(`error from sender: ${Buffer.from(packet.data).toString('utf8', 0, 4096)}`);
  }
}

/** Headers are ASCII: a list that is not goes percent-encoded, and says so. */
function header(name: string, values: readonly string[]): Record<string, readonly string[]> {
  if (values.length === 0) return {};
  if (values.every((value) => /^[\x20-\x7e]*$/.test(value))) return { [name]: values };
  const encoded = values.map((value) => encodeURIComponent(value));
  return { [name]: encoded, [`${name}-encoded`]: ['1'] };
}
