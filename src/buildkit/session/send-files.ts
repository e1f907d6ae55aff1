import type { Context } from '../../base/context.ts';
import { invalid, SampanError } from '../../base/errors.ts';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';
import type { OpenCall } from '../grpc/client.ts';
import { BytesMessage, Packet, packetType } from '../protobuf/session-messages.ts';
import type { ClientSession } from '../sessions.ts';
import { goModeOf } from './go-mode.ts';
import type { OutputTree } from './output-tree.ts';

const PATH = '/moby.filesync.v1.FileSend/DiffCopy';
/** Of one message; the client takes at most 4 MB. */
const PIECE = 1 << 20;
const MAX_REASON = 4_096;

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
export async function* tarOf(context: Context, tree: OutputTree): AsyncGenerator<Uint8Array, void, void> {
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
  tree: OutputTree,
): Promise<void> {
  using call = open(context, session, destination);
  const requests = new Requests(call);
  for await (const header of tree.headers(context)) {
    if (!isSent(header)) continue;
    requests.offer(header);
    await call.send(Packet.encode({ type: packetType.stat, stat: statOf(header) }));
  }
  await call.send(Packet.encode({ type: packetType.stat }));
  const sender = new ContentSender(call, destination);
  await sendInPassing(context, { tree, requests, sender });
  await sendOthers(context, { tree, requests, sender });
  await call.send(Packet.encode({ type: packetType.finish }));
  call.end();
  for await (const _ of requests.rest());
}

interface Sending {
  readonly tree: OutputTree;
  readonly requests: Requests;
  readonly sender: ContentSender;
}

/** Clients ask in the list's order, which is that of the tree: one reading gives nearly all. */
async function sendInPassing(context: Context, { tree, requests, sender }: Sending): Promise<void> {
  for await (const part of tree.read(context, '/', () => true)) {
    if (part instanceof Uint8Array) {
      await sender.data(part);
      continue;
    }
    await sender.end();
    const number = part.type === 'file' ? requests.numberOf(part.name) : undefined;
    if (number !== undefined && (await requests.wait()) && requests.take(number)) sender.begin(number);
  }
  await sender.end();
}

async function sendOthers(context: Context, { tree, requests, sender }: Sending): Promise<void> {
  while (await requests.wait()) {
    const { number, path } = requests.takeAny();
    sender.begin(number);
    for await (const part of tree.read(context, `/${path}`, () => true)) {
      if (part instanceof Uint8Array) await sender.data(part);
    }
    await sender.end();
  }
}

/** The bytes of one file after the other. */
class ContentSender {
  readonly #call: OpenCall;
  readonly #onBytes: Destination['onBytes'];
  #number: number | undefined;
  #total = 0;

  constructor(call: OpenCall, { onBytes }: Destination) {
    this.#call = call;
    this.#onBytes = onBytes;
  }

  begin(number: number): void {
    this.#number = number;
  }

  /** Of a file that was not begun it is left out. */
  async data(bytes: Uint8Array): Promise<void> {
    const id = this.#number;
    if (id === undefined) return;
    for (let at = 0; at < bytes.length; at += PIECE) {
      await this.#call.send(
        Packet.encode({ type: packetType.data, id, data: bytes.subarray(at, at + PIECE) }),
      );
    }
    this.#total += bytes.length;
    this.#onBytes(this.#total);
  }

  async end(): Promise<void> {
    const id = this.#number;
    this.#number = undefined;
    if (id !== undefined) await this.#call.send(Packet.encode({ type: packetType.data, id }));
  }
}

function isSent({ name, type }: TarHeader): boolean {
  return name !== '.' && ['file', 'hardlink', 'directory', 'symlink'].includes(type);
}

/** What clients are told of a file. */
export function statOf({ type, name, mode = 0, uid = 0, gid = 0, size = 0, ...rest }: TarHeader) {
  const { seconds = 0, nanoseconds = 0, linkName = '' } = rest;
  return {
    ...{ path: name, mode: goModeOf(type, mode), uid, gid, linkName },
    size: type === 'file' ? size : 0,
    modified: BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds),
  };
}

/** What the client asks for, by the place of a file in the list, until it has all that it wants. */
class Requests {
  readonly #packets: AsyncIterator<Buffer>;
  readonly #numbers = new Map<string, number>();
  readonly #paths = new Map<number, string>();
  readonly #asked = new Set<number>();
  #count = 0;
  #over = false;
  #wake: (() => void) | undefined;
  #failure: unknown;

  constructor(call: OpenCall) {
    this.#packets = call.answers[Symbol.asyncIterator]();
    this.#receive().catch((error: unknown) => {
      this.#failure = error;
      this.#wake?.();
    });
  }

  /** It is the next one in the list. */
  offer({ type, name }: TarHeader): void {
    if (type === 'file') {
      this.#numbers.set(name, this.#count);
      this.#paths.set(this.#count, name);
    }
    this.#count++;
  }

  numberOf(path: string): number | undefined {
    return this.#numbers.get(path);
  }

  /** Waits until something is asked for; false when nothing more is. */
  async wait(): Promise<boolean> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#asked.size > 0) return true;
      if (this.#over) return false;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Whether this one is asked for: then it is taken as answered. */
  take(number: number): boolean {
    return this.#asked.delete(number);
  }

  /** The same for whichever was asked for first. */
  takeAny(): { readonly number: number; readonly path: string } {
    const [number] = this.#asked;
    const path = number === undefined ? undefined : this.#paths.get(number);
    if (number === undefined || path === undefined) throw notOffered();
    this.#asked.delete(number);
    return { number, path };
  }

  async *rest(): AsyncGenerator<void, void, void> {
    while ((await this.#packets.next()).done !== true) yield;
  }

  async #receive(): Promise<void> {
    while (!this.#over) {
      const { value, done } = await this.#packets.next();
      if (done === true) throw new SampanError('data-loss', 'the client ended a transfer of files early');
      const { type, id, data } = Packet.decode(value);
      if (type === packetType.error) {
        const reason = Buffer.from(data).toString('utf8', 0, MAX_REASON);
        throw new SampanError('unavailable', `error from receiver: ${reason}`);
      }
      if (type === packetType.request && !this.#paths.has(id)) throw notOffered();
      if (type === packetType.request) this.#asked.add(id);
      this.#over = type === packetType.finish;
      this.#wake?.();
    }
  }
}

function notOffered(): Error {
  return invalid('the client asks for a file that is not there');
}
