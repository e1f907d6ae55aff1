import type { Context } from '../../base/context.ts';
import { SampanError } from '../../base/errors.ts';
import type { FileTree } from '../../build/file-tree.ts';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';
import type { OpenCall } from '../grpc/client.ts';
import { BytesMessage, Packet, packetType } from '../protobuf/session-messages.ts';
import type { ClientSession } from '../sessions.ts';
import { goModeOf } from './go-mode.ts';

const PATH = '/moby.filesync.v1.FileSend/DiffCopy';
/** Of one message; the client takes at most 4 MB. */
const PIECE = 1 << 20;

/** Which of the outputs that a client takes, counted from 0, and what it is told about it. */
export interface Destination {
  readonly exporter: number;
  readonly notes: Readonly<Record<string, string>>;
  readonly onBytes: (total: number) => void;
}

function open(context: Context, session: ClientSession, { exporter, notes }: Destination): OpenCall {
  const metadata: Record<string, string> = { 'buildkit-attachable-exporter-id': String(exporter) };
  for (const [name, value] of Object.entries(notes)) metadata[`exporter-md-${name}`] = value;
  return session.client.open(PATH, metadata, context.signal);
}

/** Sends one file. */
export async function sendBytes(
  context: Context,
  session: ClientSession,
  destination: Destination,
  bytes: AsyncIterable<Uint8Array>,
): Promise<void> {
  using call = open(context, session, destination);
  let total = 0;
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      await call.send(BytesMessage.encode({ data: chunk.subarray(at, at + PIECE) }));
    }
    total += chunk.length;
    destination.onBytes(total);
  }
  call.end();
  // The client has written it when it ends the call.
  for await (const _ of call.answers);
}

/** A tar of a tree. */
export async function* tarOf(context: Context, tree: FileTree): AsyncGenerator<Uint8Array, void, void> {
  let padding: Uint8Array = new Uint8Array();
  for await (const part of tree.read(context, '/', () => true)) {
    if (part instanceof Uint8Array) {
      yield part;
      continue;
    }
    yield padding;
    padding = new Uint8Array();
    if (part.name === '.') continue;
    const name = part.type === 'directory' ? `${part.name}/` : part.name;
    yield formatTarHeader({ ...part, name });
    if (part.type === 'file') padding = tarPadding(part.size ?? 0);
  }
  yield padding;
  yield tarEnd;
}

/** Sends a directory's files: a list of all, then the bytes of those that the client asks for. Devices, pipes and sockets are left out. */
export async function sendTree(
  context: Context,
  session: ClientSession,
  destination: Destination,
  tree: FileTree,
): Promise<void> {
  using call = open(context, session, destination);
  const requests = new Requests(call);
  const numbers = new Map<string, number>();
  const headers = tree.headers?.(context, '/') ?? headersOf(context, tree);
  for await (const header of headers) {
    if (!isSent(header)) continue;
    if (header.type === 'file') numbers.set(header.name, requests.count);
    requests.count++;
    await call.send(Packet.encode({ type: packetType.stat, stat: statOf(header) }));
  }
  await call.send(Packet.encode({ type: packetType.stat }));
  await sendContents(context, call, { tree, requests, numbers, destination });
  await requests.finished;
  await call.send(Packet.encode({ type: packetType.finish }));
  call.end();
  for await (const _ of requests.rest());
}

async function sendContents(
  context: Context,
  call: OpenCall,
  work: {
    readonly tree: FileTree;
    readonly requests: Requests;
    readonly numbers: ReadonlyMap<string, number>;
    readonly destination: Destination;
  },
): Promise<void> {
  const { tree, requests, numbers, destination } = work;
  let id: number | undefined;
  let total = 0;
  const close = async (): Promise<void> => {
    if (id !== undefined) await call.send(Packet.encode({ type: packetType.data, id }));
    id = undefined;
  };
  for await (const part of tree.read(context, '/', () => true)) {
    if (!(part instanceof Uint8Array)) {
      await close();
      const number = part.type === 'file' ? numbers.get(part.name) : undefined;
      if (number !== undefined && (await requests.asks(number))) id = number;
    } else if (id !== undefined) {
      for (let at = 0; at < part.length; at += PIECE) {
        await call.send(Packet.encode({ type: packetType.data, id, data: part.subarray(at, at + PIECE) }));
      }
      total += part.length;
      destination.onBytes(total);
    }
  }
  await close();
}

async function* headersOf(context: Context, tree: FileTree): AsyncGenerator<TarHeader, void, void> {
  for await (const { header } of tree.list(context, '/')) yield header;
}

function isSent({ name, type }: TarHeader): boolean {
  return name !== '.' && ['file', 'hardlink', 'directory', 'symlink'].includes(type);
}

function statOf({ type, name, mode = 0, uid = 0, gid = 0, size = 0, ...rest }: TarHeader) {
  const { seconds = 0, nanoseconds = 0, linkName = '' } = rest;
  return {
    ...{ path: name, mode: goModeOf(type, mode), uid, gid, linkName },
    size: type === 'file' ? size : 0,
    modified: BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds),
  };
}

/** What the client asks for, in its order, until it has all. */
class Requests {
  /** What may be asked for. */
  count = 0;
  readonly finished: Promise<void>;
  readonly #packets: AsyncIterator<Buffer>;
  readonly #asked = new Set<number>();
  #over = false;
  #wake: (() => void) | undefined;
  #failure: unknown;

  constructor(call: OpenCall) {
    this.#packets = call.answers[Symbol.asyncIterator]();
    this.finished = this.#receive();
    this.finished.catch((error: unknown) => {
      this.#failure = error;
      this.#wake?.();
    });
  }

  /** Waits until the client asks for a file, or has all that it wants. */
  async asks(id: number): Promise<boolean> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#asked.delete(id)) return true;
      if (this.#over) return false;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async *rest(): AsyncGenerator<void, void, void> {
    while ((await this.#packets.next()).done !== true) yield;
  }

  async #receive(): Promise<void> {
    for (;;) {
      const { value, done } = await this.#packets.next();
      if (done === true) throw new SampanError('data-loss', 'the client ended a transfer of files early');
      const { type, id, data } = Packet.decode(value);
      if (type === packetType.error) {
        throw new SampanError(
          'unavailable',
          `error from receiver: ${Buffer.from(data).toString('utf8', 0, 4096)}`,
        );
      }
      if (type === packetType.request) this.#asked.add(id);
      this.#over = type === packetType.finish;
      this.#wake?.();
      if (this.#over) return;
      if (this.#asked.size > this.count)
        throw new SampanError('invalid-argument', 'the client asks for files that are not there');
    }
  }
}
