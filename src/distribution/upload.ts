import type { Context } from '../base/context.ts';
import type { Digest } from '../oci/digest.ts';
import { lossOf, RegistryRefusal, Transient } from './failures.ts';
import { Retries } from './retries.ts';
import type { Session } from './session.ts';
import { discard, expectStatus, type HttpAnswer, type HttpRequest } from './transport.ts';

export interface Blob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

export interface UploadOptions {
  readonly session: Session;
  /** Where uploads of the repository begin: "…/blobs/uploads/". */
  readonly uploads: URL;
  readonly blob: Blob;
  readonly open: (offset: number) => AsyncIterable<Uint8Array>;
  readonly onProgress: ((sent: number) => void) | undefined;
  readonly onRetry: ((seconds: number) => void) | undefined;
}

/** Bytes that a blob may have to be sent together with the request that ends its upload. */
const SMALL = 1 << 20;

/** One blob's way into a repository, taken up again where a connection broke (distribution specification, "Pushing blobs"). */
export class BlobUpload {
  readonly #options: UploadOptions;
  /** Where the session of the registry is continued; undefined when there is none. */
  #location: URL | undefined;
  /** Bytes that the registry has. */
  #offset = 0;

  constructor(options: UploadOptions) {
    this.#options = options;
  }

  async run(context: Context): Promise<void> {
    const { session, blob, onRetry } = this.#options;
    const retries = new Retries(context, session.patience, onRetry);
    for (;;) {
      const begin = this.#offset;
      try {
        const location = await this.#begun(context);
        if (blob.size > SMALL) await this.#sendRest(context, location);
        await this.#finish(context);
        return;
      } catch (error) {
        if (this.#offset > begin) retries.reset();
        await retries.wait(error);
        await this.#findOffset(context);
      }
    }
  }

  /** The place to send to, after asking for one if there is none. */
  async #begun(context: Context): Promise<URL> {
    if (this.#location !== undefined) return this.#location;
    const { session, uploads } = this.#options;
    this.#offset = 0;
    const answer = await expectStatus(await session.exchange(context, { method: 'POST', url: uploads }), 202);
    await discard(answer);
    this.#location = uploadUrl(answer, uploads);
    return this.#location;
  }

  async #sendRest(context: Context, url: URL): Promise<void> {
    const answer = await this.#send(context, { method: 'PATCH', url });
    await expectStatus(answer, 202, 201, 204);
    await discard(answer);
    this.#location = uploadUrl(answer, url);
    this.#offset = this.#options.blob.size;
  }

  /** Sends what the registry does not have yet. */
  #send(context: Context, request: HttpRequest): Promise<HttpAnswer> {
    const { session, blob, open, onProgress } = this.#options;
    const offset = this.#offset;
    const body = {
      length: blob.size - offset,
      open: () => counted(open(offset), blob, offset, onProgress),
    };
    const headers = { 'Content-Type': 'application/octet-stream' };
    return session.exchange(context, { ...request, headers, body });
  }

  async #finish(context: Context): Promise<void> {
    const { blob } = this.#options;
    const url = new URL(await this.#begun(context));
    url.searchParams.set('digest', blob.digest);
    const answer = await expectStatus(await this.#send(context, { method: 'PUT', url }), 201, 204);
    await discard(answer);
  }

  /** Asks after a failure how far the upload got; an upload that is gone begins anew. */
  async #findOffset(context: Context): Promise<void> {
    this.#location = undefined;
    this.#offset = 0;
    context.signal.throwIfAborted();
  }
}

/** Where an upload goes on: a `Location` header, relative or absolute, whose query is the registry's own business. */
export function uploadUrl({ headers }: HttpAnswer, asked: URL): URL {
  const location = headers.get('location') ?? '';
  const next = location !== '' && URL.canParse(location, asked.href) ? new URL(location, asked) : undefined;
  if (next === undefined || (next.protocol !== 'https:' && next.protocol !== 'http:')) {
    throw new Transient(lossOf(`${asked.host} began an upload without saying where it goes on`));
  }
  return next;
}

/** Leaves an upload; a registry that does not mind is not asked twice. */
export async function cancelUpload(context: Context, session: Session, url: URL): Promise<void> {
  try {
    await discard(await session.exchange(context, { method: 'DELETE', url }));
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof Transient) && !(error instanceof RegistryRefusal)) throw error;
  }
}

/** The blob's bytes from an offset, told as they go; fails when they are not as many as announced. */
async function* counted(
  parts: AsyncIterable<Uint8Array>,
  { digest, size }: Blob,
  offset: number,
  onProgress: ((sent: number) => void) | undefined,
): AsyncGenerator<Uint8Array, void> {
  let sent = offset;
  for await (const part of parts) {
    sent += part.length;
    if (sent > size) break;
    yield part;
    onProgress?.(sent);
  }
  if (sent !== size) throw lossOf(`${digest} does not have the ${size} bytes that it should have here`);
}
