import { randomBytes } from 'node:crypto';
import type { Context } from '../../base/context.ts';
import { invalid, isCode, SampanError } from '../../base/errors.ts';
import type { CacheDirectory } from '../../build/contract.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Descriptor } from '../../oci/image.ts';
import type { OpenCall } from '../grpc/client.ts';
import {
  BlobRequest,
  BlobResponse,
  ReadBlobRequest,
  ReadBlobResponse,
} from '../protobuf/content-messages.ts';
import type { Message } from '../protobuf/message.ts';
import { WriteBlobRequest, WriteBlobResponse, writeAction } from '../protobuf/write-messages.ts';
import type { ClientSession } from '../sessions.ts';

const SERVICE = '/containerd.services.content.v1.Content';
const STORE_ID = 'buildkit-attachable-store-id';
/** Bytes of one message. */
const CHUNK = 1 << 20;

/** A content store of the client's, by the ID that it is offered by: "local:/path". `onFinish` hears what a cache in it is known by. */
export function sessionStore(
  session: ClientSession,
  id: string,
  onFinish: (manifest: Descriptor) => void = () => {},
): CacheDirectory {
  const store = new SessionStore(session, id);
  return {
    size: (context, digest) => store.size(context, digest),
    read: (context, blob, offset) => store.read(context, blob, offset),
    write: (context, blob, bytes) => store.write(context, blob, bytes),
    finish: async (_, manifest) => onFinish(manifest),
  };
}

class SessionStore {
  readonly #session: ClientSession;
  readonly #id: string;

  constructor(session: ClientSession, id: string) {
    if (!session.methods.has(`${SERVICE}/Info`.toLowerCase())) {
      throw invalid('the client offers no directory for a local cache');
    }
    this.#session = session;
    this.#id = id;
  }

  async size({ signal }: Context, digest: Digest): Promise<number | undefined> {
    try {
      for await (const { info } of this.#ask('Info', [BlobRequest, BlobResponse], { digest }, signal)) {
        return info?.size ?? 0;
      }
      return undefined;
    } catch (error) {
      if (isCode(error, 'not-found')) return undefined;
      throw error;
    }
  }

  async *read({ signal }: Context, { digest }: Descriptor, offset: number): AsyncGenerator<Uint8Array, void> {
    const types = [ReadBlobRequest, ReadBlobResponse] as const;
    for await (const { data } of this.#ask('Read', types, { digest, offset }, signal)) yield data;
  }

  /** What the client has already is not sent. */
  async write({ signal }: Context, blob: Descriptor, source: AsyncIterable<Uint8Array>): Promise<void> {
    using call = this.#open('Write', signal);
    try {
      await new BlobWrite(call, blob).run(source);
    } catch (error) {
      if (!isCode(error, 'conflict')) throw error;
    }
  }

  async *#ask<Q, A>(
    method: string,
    [request, answer]: readonly [Message<Q>, Message<A>],
    value: Partial<Q>,
    signal: AbortSignal,
  ): AsyncGenerator<A, void> {
    using call = this.#open(method, signal);
    await call.send(request.encode(value));
    call.end();
    for await (const bytes of call.answers) yield answer.decode(bytes);
  }

  #open(method: string, signal: AbortSignal): OpenCall {
    // A header is bytes; paths may be any.
    const id = Buffer.from(this.#id).toString('latin1');
    return this.#session.client.open(`${SERVICE}/${method}`, { [STORE_ID]: id }, signal);
  }
}

/** One blob on its way: each piece is confirmed before the next one goes. */
class BlobWrite {
  readonly #call: OpenCall;
  readonly #answers: AsyncIterator<Buffer>;
  readonly #blob: Descriptor;
  readonly #ref = `sampan-${randomBytes(8).toString('hex')}`;
  #sent = 0;

  constructor(call: OpenCall, blob: Descriptor) {
    this.#call = call;
    this.#answers = call.answers[Symbol.asyncIterator]();
    this.#blob = blob;
  }

  async run(source: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const part of source) {
      for (let at = 0; at < part.length; at += CHUNK) await this.#send(part.subarray(at, at + CHUNK));
    }
    const { digest: expected, size: total } = this.#blob;
    await this.#exchange({ action: writeAction.commit, offset: this.#sent, total, expected });
    this.#call.end();
  }

  async #send(data: Uint8Array): Promise<void> {
    const { digest: expected, size: total } = this.#blob;
    await this.#exchange({ action: writeAction.write, offset: this.#sent, total, expected, data });
    this.#sent += data.length;
  }

  async #exchange(request: Parameters<typeof WriteBlobRequest.encode>[0]): Promise<void> {
    await this.#call.send(WriteBlobRequest.encode({ ...request, ref: this.#ref }));
    const { done, value } = await this.#answers.next();
    if (done) throw new SampanError('unavailable', `the client ended the write of ${this.#blob.digest}`);
    WriteBlobResponse.decode(value);
  }
}
