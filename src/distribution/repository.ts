import type { Context } from '../base/context.ts';
import { SampanError } from '../base/errors.ts';
import { isJsonObject } from '../base/json.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { discard, expectStatus, type HttpAnswer, readAtMost } from './bodies.ts';
import type { BlobSource } from './download.ts';
import type { Endpoint } from './endpoints.ts';
import { lossOf, RegistryRefusal } from './failures.ts';
import { parseJson } from './json.ts';
import { type Patience, retrying } from './retries.ts';
import type { Session } from './session.ts';

/** Docker's own limit for manifests. */
const MAX_MANIFEST_BYTES = 4 << 20;
const MAX_TAGS_BYTES = 4 << 20;
const MAX_TAG_PAGES = 1_000;

const manifestTypes = [
  mediaTypes.ociIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifestList,
  mediaTypes.dockerManifest,
].join(', ');

export interface FetchedManifest {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly contentType: string;
}

/** One repository at one endpoint, to be read. */
export class Repository {
  readonly #session: Session;
  readonly #path: string;

  /** The path is as in "library/busybox". */
  constructor(session: Session, path: string) {
    this.#session = session;
    this.#path = path;
  }

  get patience(): Patience {
    return this.#session.patience;
  }

  get endpoint(): Endpoint {
    return this.#session.endpoint;
  }

  /** A manifest or index by tag or digest. */
  manifest(
    context: Context,
    name: string,
    size?: number,
    onRetry?: (seconds: number) => void,
  ): Promise<FetchedManifest> {
    const fetching = async (): Promise<FetchedManifest> => {
      const answer = await this.#get(context, `manifests/${name}`, { Accept: manifestTypes });
      const { headers, body } = await expectStatus(answer, 200).catch(unknownManifest);
      const bytes = await readAtMost(body, Math.min(size ?? MAX_MANIFEST_BYTES, MAX_MANIFEST_BYTES));
      if (bytes === undefined || (size !== undefined && bytes.length !== size)) throw sizeLoss(name, size);
      const digest = digestOf(bytes);
      checkDigest(name, digest, headers.get('docker-content-digest'));
      return { digest, bytes, contentType: headers.get('content-type') ?? '' };
    };
    return retrying(context, this.#session.patience, fetching, onRetry);
  }

  /** Where the repository's blob is. A mirror may lack it or fail with it. */
  blobSource(digest: Digest, distrust?: () => void): BlobSource {
    const { isMirror, url } = this.endpoint;
    return {
      name: url.host,
      isHint: false,
      patience: this.patience,
      open: (context, offset) =>
        this.#get(context, `blobs/${digest}`, offset === 0 ? {} : { Range: `bytes=${offset}-` }),
      isReplaceable: (error) => isMirror || (error instanceof RegistryRefusal && error.status === 404),
      ...(distrust === undefined ? {} : { distrust }),
    };
  }

  /** The size in bytes of a blob; undefined when the repository has none, or does not say. */
  blobSize(context: Context, digest: Digest): Promise<number | undefined> {
    return retrying(context, this.#session.patience, async () => {
      const request = { method: 'HEAD', url: this.#url(`blobs/${digest}`) } as const;
      const answer = await expectStatus(await this.#session.exchange(context, request), 200, 404);
      await discard(answer);
      const length = Number(answer.headers.get('content-length') ?? Number.NaN);
      return answer.status === 200 && Number.isSafeInteger(length) ? length : undefined;
    });
  }

  /** All tags, page by page. */
  async tags(context: Context): Promise<string[]> {
    const tags: string[] = [];
    let next: URL | undefined = this.#url('tags/list');
    for (let page = 0; next !== undefined && page < MAX_TAG_PAGES; page++) {
      const url: URL = next;
      const { headers, bytes } = await retrying(context, this.#session.patience, async () => {
        const answer = await expectStatus(await this.#session.exchange(context, { url }), 200);
        return { headers: answer.headers, bytes: await readAtMost(answer.body, MAX_TAGS_BYTES) };
      });
      tags.push(...tagsOf(bytes));
      next = nextPage(headers.get('link'), url);
    }
    return tags;
  }

  #get(context: Context, rest: string, headers: Record<string, string>): Promise<HttpAnswer> {
    return this.#session.exchange(context, { url: this.#url(rest), headers });
  }

  #url(rest: string): URL {
    return this.#session.url(`/v2/${this.#path}/${rest}`);
  }
}

/** A 404 without further words is about the manifest that was asked for. */
function unknownManifest(error: unknown): never {
  if (error instanceof RegistryRefusal && error.status === 404 && ['', 'UNKNOWN'].includes(error.code)) {
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
export function nextPage(header: string | null, current: URL): URL | undefined {
  const target = /<([^>]*)>\s*;\s*rel="?next"?/.exec(header ?? '')?.[1];
  if (target === undefined || !URL.canParse(target, current.href)) return undefined;
  const next = new URL(target, current);
  return next.origin === current.origin ? next : undefined;
}
