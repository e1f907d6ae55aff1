import type { Context } from '../base/context.ts';
import { invalid } from '../base/errors.ts';
import { type Digest, digestOf, isDigest } from '../oci/digest.ts';
import type { Reference } from '../oci/reference.ts';
import { discard, expectStatus, type HttpAnswer } from './bodies.ts';
import type { PushTarget } from './contract.ts';
import { explain, lossOf } from './failures.ts';
import { retrying } from './retries.ts';
import type { Session } from './session.ts';
import type { HttpRequest } from './transport.ts';
import { type Blob, BlobUpload, cancelUpload, uploadUrl } from './upload.ts';

/** A repository at its registry, with a session that may pull and push there. */
export class RepositoryTarget implements PushTarget {
  readonly #session: Session;
  readonly #reference: Reference;
  /** Sessions that may read one more repository. */
  readonly #lenders = new Map<string, Session>();

  constructor(session: Session, reference: Reference) {
    this.#session = session;
    this.#reference = reference;
  }

  stat(context: Context, digest: Digest): Promise<number | undefined> {
    return this.#telling(async () => {
      const request: HttpRequest = { method: 'HEAD', url: this.#url(`blobs/${digest}`) };
      const answer = await this.#ask(context, this.#session, request, 200, 404);
      if (answer.status === 404) return undefined;
      const length = Number(answer.headers.get('content-length') ?? Number.NaN);
      return Number.isSafeInteger(length) ? length : undefined;
    });
  }

  async mount(context: Context, digest: Digest, fromRepository: string): Promise<boolean> {
    const url = this.#url('blobs/uploads/');
    url.searchParams.set('mount', digest);
    url.searchParams.set('from', fromRepository);
    const session = this.#lender(fromRepository);
    try {
      // Not tried again: an upload does it too.
      const answer = await expectStatus(await session.exchange(context, { method: 'POST', url }), 201, 202);
      await discard(answer);
      if (answer.status === 202) await cancelUpload(context, session, uploadUrl(answer, url));
      return answer.status === 201;
    } catch (error) {
      context.signal.throwIfAborted();
      context.log.debug('a blob was not mounted', { digest, from: fromRepository, error: String(error) });
      return false;
    }
  }

  upload(
    context: Context,
    blob: Blob,
    open: (offset: number) => AsyncIterable<Uint8Array>,
    onProgress?: (sent: number) => void,
    onRetry?: (seconds: number) => void,
  ): Promise<void> {
    const upload = new BlobUpload({
      session: this.#session,
      blobs: this.#url('blobs/'),
      ...{ blob, open, onProgress, onRetry },
    });
    return this.#telling(() => upload.run(context));
  }

  async putManifest(context: Context, name: string, mediaType: string, bytes: Uint8Array): Promise<Digest> {
    if (!isDigest(name) && !/^\w[\w.-]{0,127}$/.test(name)) throw invalid('invalid reference format');
    const digest = digestOf(bytes);
    const url = this.#url(`manifests/${name}`);
    const headers = { 'Content-Type': mediaType };
    return this.#telling(async () => {
      const request: HttpRequest = { method: 'PUT', url, headers, body: Uint8Array.from(bytes) };
      const answer = await this.#ask(context, this.#session, request, 200, 201, 202);
      const said = answer.headers.get('docker-content-digest');
      if (said?.startsWith('sha256:') && said !== digest) {
        throw lossOf(`the registry stored ${said.slice(0, 100)} for ${digest}`);
      }
      return digest;
    });
  }

  /** An answer without its body. */
  #ask(context: Context, session: Session, request: HttpRequest, ...statuses: number[]): Promise<HttpAnswer> {
    return retrying(context, session.patience, async () => {
      const answer = await expectStatus(await session.exchange(context, request), ...statuses);
      await discard(answer);
      return answer;
    });
  }

  #lender(repository: string): Session {
    let session = this.#lenders.get(repository);
    if (session === undefined) {
      session = this.#session.widened(`repository:${repository}:pull`);
      this.#lenders.set(repository, session);
    }
    return session;
  }

  #url(rest: string): URL {
    return this.#session.url(`/v2/${this.#reference.path}/${rest}`);
  }

  async #telling<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw explain(error, this.#reference, 'push');
    }
  }
}
