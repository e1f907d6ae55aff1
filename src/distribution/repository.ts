import { createHash } from 'node:crypto';
import type { Context } from '../base/context.ts';
import { SampanError } from '../base/errors.ts';
import { isJsonObject } from '../base/json.ts';
import { type Digest, digestOf, finishDigest } from '../oci/digest.ts';
import type { Descriptor } from '../oci/image.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { Authorizer } from './authorization.ts';
import type { Credentials, RemoteDocument } from './contract.ts';
import type { Endpoint, RegistrySettings } from './endpoints.ts';
import { lossOf, RegistryRefusal, Transient } from './failures.ts';
import { parseJson } from './json.ts';
import { type Patience, Retries, retrying } from './retries.ts';
import { discard, expectStatus, type HttpAnswer, readAtMost, type Transport } from './transport.ts';

/** Docker's own limit for manifests. */
const MAX_MANIFEST_BYTES = 4 << 20;
const MAX_TAGS_BYTES = 4 << 20;
const MAX_TAG_PAGES = 1_000;

/** Bytes that a connection must bring so that its breaking is not counted with the earlier ones. */
const REAL_PROGRESS = 1 << 20;

const manifestTypes = [
  mediaTypes.ociIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifestList,
  mediaTypes.dockerManifest,
].join(', ');

export interface FetchedManifest extends RemoteDocument {
  readonly contentType: string;
}

export interface RepositoryOptions {
  readonly transport: Transport;
  readonly settings: () => RegistrySettings;
  readonly patience: Patience;
  readonly endpoint: Endpoint;
  /** "library/busybox". */
  readonly path: string;
  readonly credentials: Credentials | undefined;
}

/** One repository at one endpoint, read with one user's credentials. */
export class Repository {
  readonly #options: RepositoryOptions;
  readonly #authorizer: Authorizer;

  constructor(options: RepositoryOptions) {
    const { transport, settings, endpoint, path } = options;
    const credentials = endpoint.isMirror ? undefined : options.credentials;
    this.#options = options;
    this.#authorizer = new Authorizer(transport, settings, credentials, `repository:${path}:pull`);
  }

  /** A manifest or index by tag or digest. */
  manifest(context: Context, name: string, size?: number): Promise<FetchedManifest> {
    return retrying(context, this.#options.patience, async () => {
      const answer = await this.#get(context, `manifests/${name}`, { Accept: manifestTypes });
      const { headers, body } = await expectStatus(answer, 200).catch(unknownManifest);
      const bytes = await readAtMost(body, Math.min(size ?? MAX_MANIFEST_BYTES, MAX_MANIFEST_BYTES));
      if (bytes === undefined || (size !== undefined && bytes.length !== size)) throw sizeLoss(name, size);
      const digest = digestOf(bytes);
      checkDigest(name, digest, headers.get('docker-content-digest'));
      return { digest, bytes, contentType: headers.get('content-type') ?? '' };
    });
  }

  /** A whole small blob. */
  async smallBlob(context: Context, descriptor: Descriptor, limit: number): Promise<Uint8Array> {
    if (descriptor.size > limit) {
      throw new SampanError('exhausted', `${descriptor.digest} has more than the allowed ${limit} bytes`);
    }
    const parts: Uint8Array[] = [];
    for await (const part of this.blob(context, descriptor)) parts.push(part);
    return Buffer.concat(parts);
  }

  /** A blob's bytes; fails instead of ending when they are not what the descriptor says. */
  async *blob(context: Context, { digest, size }: Descriptor): AsyncGenerator<Uint8Array, void> {
    const hash = createHash('sha256');
    const retries = new Retries(context, this.#options.patience);
    let offset = 0;
    for (let start = 0; offset < size || start === 0; start++) {
      const begin = offset;
      try {
        for await (const part of this.#blobFrom(context, digest, offset, size)) {
          offset += part.length;
          if (offset > size) throw lossOf(`${digest} is longer than the ${size} bytes that it should have`);
          hash.update(part);
          yield part;
        }
        if (offset < size) throw new Transient(lossOf(`${digest} ended after ${offset} of ${size} bytes`));
      } catch (error) {
        if (offset - begin >= REAL_PROGRESS) retries.reset();
        await retries.wait(error);
      }
    }
    const actual = finishDigest(hash);
    if (actual !== digest) throw lossOf(`the registry sent ${actual} for ${digest}`);
  }

  /** All tags, page by page. */
  async tags(context: Context): Promise<string[]> {
    const tags: string[] = [];
    let next: URL | undefined = this.#url('tags/list');
    for (let page = 0; next !== undefined && page < MAX_TAG_PAGES; page++) {
      const url: URL = next;
      const { headers, bytes } = await retrying(context, this.#options.patience, async () => {
        const answer = await expectStatus(await this.#authorized(context, url, {}), 200);
        return { headers: answer.headers, bytes: await readAtMost(answer.body, MAX_TAGS_BYTES) };
      });
      tags.push(...tagsOf(bytes));
      next = nextPage(headers.get('link'), url);
    }
    return tags;
  }

  async *#blobFrom(
    context: Context,
    digest: Digest,
    offset: number,
    size: number,
  ): AsyncGenerator<Uint8Array, void> {
    const headers: Record<string, string> = offset === 0 ? {} : { Range: `bytes=${offset}-` };
    const answer = await expectStatus(
      await this.#get(context, `blobs/${digest}`, headers),
      ...(offset === 0 ? [200] : [200, 206]),
    );
    const { status, headers: said, body } = answer;
    let skip = status === 200 ? offset : 0;
    try {
      checkLength(digest, said, size - offset + skip);
      if (status === 206 && !said.get('content-range')?.startsWith(`bytes ${offset}-`)) {
        throw lossOf(`the registry sent another part of ${digest} than was asked for`);
      }
      for await (const part of body) {
        const wanted = part.subarray(Math.min(skip, part.length));
        skip -= part.length - wanted.length;
        if (wanted.length > 0) yield wanted;
      }
    } finally {
      await discard(answer);
    }
  }

  #get(context: Context, rest: string, headers: Record<string, string>): Promise<HttpAnswer> {
    return this.#authorized(context, this.#url(rest), headers);
  }

  #url(rest: string): URL {
    return new URL(`/v2/${this.#options.path}/${rest}`, this.#options.endpoint.url);
  }

  /** Asks, and where the registry wants to know who asks, once more with the answer. */
  async #authorized(context: Context, url: URL, headers: Record<string, string>): Promise<HttpAnswer> {
    const { transport } = this.#options;
    const authorization = await this.#authorizer.current;
    const answer = await transport.exchange(context, { url, headers, authorization });
    if (answer.status !== 401) return answer;
    const challenge = answer.headers.get('www-authenticate') ?? '';
    const better = await this.#authorizer.answer(context, url, challenge, authorization);
    if (better === undefined) return answer;
    await discard(answer);
    return transport.exchange(context, { url, headers, authorization: better });
  }
}

/** A 404 without further words is about the manifest that was asked for. */
function unknownManifest(error: unknown): never {
  if (error instanceof RegistryRefusal && error.status === 404 && error.code === 'UNKNOWN') {
    throw new RegistryRefusal(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
  }
  throw error;
}

function checkDigest(name: string, actual: Digest, said: string | null): void {
  if (name.startsWith('sha256:') && name !== actual) throw lossOf(`the registry sent ${actual} for ${name}`);
  if (said?.startsWith('sha256:') && said !== actual) {
    throw lossOf(`the registry sent ${actual} for ${name} and called it ${said.slice(0, 100)}`);
  }
}

function sizeLoss(name: string, size: number | undefined): SampanError {
  if (size !== undefined && size <= MAX_MANIFEST_BYTES) {
    return lossOf(`the manifest ${name} does not have the ${size} bytes that it should have`);
  }
  return new SampanError(
    'exhausted',
    `the manifest ${name} has more than the allowed ${MAX_MANIFEST_BYTES} bytes`,
  );
}

/** Refuses a body that announces another length before any of it is read. */
function checkLength(digest: Digest, headers: Headers, expected: number): void {
  const length = headers.get('content-length');
  if (length !== null && Number(length) > expected) {
    throw lossOf(`${digest} is announced with ${length} bytes instead of ${expected}`);
  }
}

function tagsOf(bytes: Uint8Array | undefined): string[] {
  if (bytes === undefined) {
    throw new SampanError('exhausted', `a page of tags has more than ${MAX_TAGS_BYTES} bytes`);
  }
  const value = parseJson(bytes);
  // A repository without tags has null.
  const tags = isJsonObject(value) ? (value['tags'] ?? []) : undefined;
  if (!Array.isArray(tags) || !tags.every((tag) => /^\w[\w.-]{0,127}$/.test(String(tag)))) {
    throw lossOf('the registry sent something else than a list of tags');
  }
  return tags.map(String);
}

/** The `rel="next"` link, on the same host only (RFC 8288). */
function nextPage(header: string | null, current: URL): URL | undefined {
  const target = /<([^>]*)>\s*;\s*rel="?next"?/.exec(header ?? '')?.[1];
  if (target === undefined || !URL.canParse(target, current.href)) return undefined;
  const next = new URL(target, current);
  return next.origin === current.origin ? next : undefined;
}
