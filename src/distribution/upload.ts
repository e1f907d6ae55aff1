import { background, type Context } from '../base/context.ts';
import type { Digest } from '../oci/digest.ts';
import { discard, expectStatus, type HttpAnswer } from './bodies.ts';
import { lossOf, RegistryRefusal, Transient } from './failures.ts';
import { Retries } from './retries.ts';
import type { Session } from './session.ts';
import type { HttpRequest } from './transport.ts';

export interface Blob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

export interface UploadOptions {
  readonly session: Session;
  /** Where blobs of the repository are: "…/blobs/". */
  readonly blobs: URL;
  readonly blob: Blob;
  readonly open: (offset: number) => AsyncIterable<Uint8Array>;
  readonly onProgress: ((sent: number) => void) | undefined;
  readonly onRetry: ((seconds: number) => void) | undefined;
}

/** A blob of at most so many bytes goes with the request that ends its upload, which saves one. */
const SMALL = 1 << 20;
/** A part's size where the registry or something before it does not take everything at once. */
const CHUNK = 32 << 20;
const SMALLEST_CHUNK = 512 << 10;
/** Bytes that the registry must have got so that a broken connection is not counted with the earlier ones. */
const REAL_PROGRESS = 1 << 20;
/** Milliseconds that telling the registry of an upload's end may take. */
const FAREWELL = 2_000;

/**
 * One blob's way into a repository (distribution specification, "Pushing blobs"): one PATCH with everything, as Docker does it, or parts where
 * the registry wants parts or something on the way refuses so many bytes; then a PUT. After a failure the registry is asked how far it got;
 * an upload that is gone begins anew.
 */
export class BlobUpload {
  readonly #options: UploadOptions;
  /** Where the registry wants to go on; undefined when no upload is under way. */
  #location: URL | undefined;
  /** Bytes that the registry has, and the most that it ever had. */
  #offset = 0;
  #reached = 0;
  /** Bytes of a part; undefined for everything at once. */
  #chunk: number | undefined;
  #isEnding = false;

  constructor(options: UploadOptions) {
    this.#options = options;
  }

  async run(context: Context): Promise<void> {
    const { session, onRetry } = this.#options;
    const retries = new Retries(context, session.patience, onRetry);
    try {
      while (!(await this.#attempt(context, retries)));
    } catch (error) {
      await this.#cancel(context);
      throw error;
    }
  }

  /** Whether the blob is there now; if not, another attempt may do it. */
  async #attempt(context: Context, retries: Retries): Promise<boolean> {
    try {
      const { size } = this.#options.blob;
      this.#location ??= await this.#begin(context);
      while (size > SMALL && this.#offset < size) await this.#sendPart(context, this.#location);
      await this.#end(context, this.#location);
      return true;
    } catch (error) {
      if (this.#offset >= this.#reached + REAL_PROGRESS) {
        this.#reached = this.#offset;
        retries.reset();
      }
      if (!this.#adapt(error)) await retries.wait(this.#lastingFailure(error));
      return (this.#isEnding && (await this.#isThere(context))) || this.#findOffset(context);
    }
  }

  async #begin(context: Context): Promise<URL> {
    const { session, blobs } = this.#options;
    const url = new URL('uploads/', blobs);
    const answer = await expectStatus(await session.exchange(context, { method: 'POST', url }), 202);
    await discard(answer);
    const least = Number(answer.headers.get('oci-chunk-min-length'));
    if (least > 0) this.#chunk = Math.max(this.#chunk ?? CHUNK, least);
    this.#offset = 0;
    this.#isEnding = false;
    return uploadUrl(answer, url);
  }

  async #sendPart(context: Context, url: URL): Promise<void> {
    const end = Math.min(this.#offset + (this.#chunk ?? Number.POSITIVE_INFINITY), this.#options.blob.size);
    const range = this.#chunk === undefined ? {} : { 'Content-Range': `${this.#offset}-${end - 1}` };
    const answer = await this.#send(context, { method: 'PATCH', url, headers: range }, end);
    await discard(await expectStatus(answer, 200, 201, 202, 204));
    const has = rangeEnd(answer) ?? end;
    if (answer.headers.has('location')) this.#location = uploadUrl(answer, url);
    // Some registries count by another rule: what cannot be is not believed.
    this.#offset = has > this.#offset && has < end ? has : end;
  }

  async #end(context: Context, location: URL): Promise<void> {
    const { size, digest } = this.#options.blob;
    const url = new URL(location);
    // What is there already stays as it is, to the letter.
    url.search += `${url.search === '' ? '?' : '&'}digest=${encodeURIComponent(digest)}`;
    this.#isEnding = true;
    const answer = await this.#send(context, { method: 'PUT', url, isSlow: true }, size);
    await discard(await expectStatus(answer, 200, 201, 202, 204));
  }

  /** Sends the bytes up to `end` that the registry does not have yet. */
  #send(context: Context, request: HttpRequest, end: number): Promise<HttpAnswer> {
    const { session, blob, open, onProgress } = this.#options;
    const offset = this.#offset;
    const headers = { 'Content-Type': 'application/octet-stream', ...request.headers };
    const body = {
      length: end - offset,
      open: () => partsOf(blob, open(offset), { offset, end }, onProgress),
    };
    return session.exchange(context, { ...request, headers, body });
  }

  /** Whether the failure says that smaller parts are wanted (413, 411), and there are any. */
  #adapt(error: unknown): boolean {
    if (!(error instanceof RegistryRefusal) || (error.status !== 413 && error.status !== 411)) return false;
    const next = this.#chunk === undefined ? CHUNK : this.#chunk / 4;
    if (next < SMALLEST_CHUNK) return false;
    this.#chunk = next;
    return true;
  }

  /** An upload that the registry does not know (any more), or another offset than it expects, is nothing that lasts. */
  #lastingFailure(error: unknown): unknown {
    if (!(error instanceof RegistryRefusal) || this.#location === undefined) return error;
    const isOver = ['BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID', 'RANGE_INVALID'].includes(error.code);
    return isOver || error.status === 404 || error.status === 416 ? new Transient(error) : error;
  }

  /** Whether the last request did its work, although its answer did not come through. */
  async #isThere(context: Context): Promise<boolean> {
    const { session, blobs, blob } = this.#options;
    const url = new URL(`./${blob.digest}`, blobs);
    const answer = await session.exchange(context, { method: 'HEAD', url }).catch(unlessAborted(context));
    if (answer !== undefined) await discard(answer);
    return answer?.status === 200;
  }

  /** Asks how far the upload got. What is not clear, such as "0-0" for no byte or one, begins anew. */
  async #findOffset(context: Context): Promise<false> {
    const url = this.#location;
    this.#location = undefined;
    if (url === undefined) return false;
    const { session, blob } = this.#options;
    const answer = await session.exchange(context, { url }).catch(unlessAborted(context));
    if (answer === undefined) return false;
    await discard(answer);
    const has = rangeEnd(answer) ?? 0;
    if (![200, 202, 204].includes(answer.status) || has <= 1 || has > blob.size) return false;
    this.#location = answer.headers.has('location') ? uploadUrl(answer, url) : url;
    this.#offset = has;
    this.#isEnding = false;
    return false;
  }

  /** Does not leave half a blob behind. The context may have ended: the registry hears of it all the same. */
  async #cancel({ log }: Context): Promise<void> {
    if (this.#location === undefined) return;
    const context = { ...background(log), signal: AbortSignal.timeout(FAREWELL) };
    await cancelUpload(context, this.#options.session, this.#location).catch(() => undefined);
  }
}

/** Where an upload goes on: a `Location` header, relative or absolute, whose query is the registry's own business. */
export function uploadUrl({ headers }: HttpAnswer, asked: URL): URL {
  const location = headers.get('location') ?? '';
  const next = location !== '' && URL.canParse(location, asked.href) ? new URL(location, asked) : undefined;
  if (next === undefined || (next.protocol !== 'https:' && next.protocol !== 'http:')) {
    throw new Transient(lossOf(`${asked.host} does not say where an upload goes on`));
  }
  // Registries that do not know of the TLS before them mean themselves.
  if (next.protocol === 'http:' && asked.protocol === 'https:' && next.hostname === asked.hostname) {
    next.protocol = 'https:';
    next.port = asked.port;
  }
  return next;
}

/** Leaves an upload. */
export async function cancelUpload(context: Context, session: Session, url: URL): Promise<void> {
  const answer = await session.exchange(context, { method: 'DELETE', url }).catch(unlessAborted(context));
  if (answer !== undefined) await discard(answer);
}

/** Takes a failure for no answer, except that of a caller who gave up. */
function unlessAborted({ signal }: Context): () => undefined {
  return () => {
    signal.throwIfAborted();
    return undefined;
  };
}

/** The number of bytes that `Range: 0-<last>` speaks of; "0-0" means none here, as no part is of one byte. */
function rangeEnd({ headers }: HttpAnswer): number | undefined {
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(headers.get('range') ?? '')?.[1];
  if (last === undefined) return undefined;
  return last === '0' ? 0 : Number(last) + 1;
}

/** The source's bytes up to `end`, told as they go; fails when there are others than announced. */
async function* partsOf(
  { digest, size }: Blob,
  source: AsyncIterable<Uint8Array>,
  { offset, end }: { readonly offset: number; readonly end: number },
  onProgress: ((sent: number) => void) | undefined,
): AsyncGenerator<Uint8Array, void> {
  let sent = offset;
  for await (const part of source) {
    const wanted = part.subarray(0, end - sent);
    sent += wanted.length;
    if (wanted.length > 0) yield wanted;
    onProgress?.(sent);
    if (end === size && wanted.length < part.length) sent = Number.POSITIVE_INFINITY;
    if (sent >= end) break;
  }
  if (sent !== end) throw lossOf(`${digest} does not have the ${size} bytes here that it should have`);
}
