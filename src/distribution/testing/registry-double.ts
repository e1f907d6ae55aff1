import { type AddressInfo, createServer } from 'node:net';
import { type Digest, digestOf } from '../../oci/digest.ts';
import type { Descriptor, Platform } from '../../oci/image.ts';
import { mediaTypes } from '../../oci/media-types.ts';

export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly authorization: string | null;
  readonly range: string | null;
}

interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate that nobody vouches for. */
export function selfSigned(): Certificate {
  const script =
    'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=registry -keyout /dev/stdout 2>/dev/null | cat';
  const text = Bun.spawnSync(['sh', '-c', script]).stdout.toString();
  const at = text.indexOf('-----BEGIN CERTIFICATE');
  return { key: text.slice(0, at), cert: text.slice(at) };
}

/** Answers a request in place of the double, or leaves it to the double. */
export type Interceptor = (request: Request, url: URL) => Response | Promise<Response> | undefined;

/** A registry on loopback that serves what a test gave it, as well or as badly as the test wants. */
export class RegistryDouble implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #manifests = new Map<string, { readonly bytes: Uint8Array; readonly type: string }>();
  readonly #server: ReturnType<typeof Bun.serve>;
  readonly #isSecure: boolean;
  intercept: Interceptor = () => undefined;

  constructor(tls?: Certificate) {
    this.#isSecure = tls !== undefined;
    this.#server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: (request) => this.#answer(request),
      ...(tls === undefined ? {} : { tls }),
    });
  }

  get url(): string {
    return `${this.#isSecure ? 'https' : 'http'}://${this.host}`;
  }

  /** "127.0.0.1:port": the domain of references into this registry. */
  get host(): string {
    return `127.0.0.1:${this.#server.port}`;
  }

  /** Path and query of what was asked, in order. */
  get targets(): string[] {
    return this.requests.map(({ target }) => target);
  }

  addBlob(bytes: Uint8Array | string, mediaType: string = mediaTypes.ociLayer): Descriptor {
    const stored = Buffer.from(bytes as string);
    const digest = digestOf(stored);
    this.#blobs.set(digest, stored);
    return { mediaType, digest, size: stored.length };
  }

  /** A manifest or index under its digest, and under a tag unless that is undefined. */
  addManifest(
    repository: string,
    tag: string | undefined,
    document: unknown,
    type: string = mediaTypes.ociManifest,
  ): Descriptor {
    const bytes = Buffer.from(typeof document === 'string' ? document : JSON.stringify(document));
    const digest = digestOf(bytes);
    for (const name of tag === undefined ? [digest] : [digest, tag]) {
      this.#manifests.set(`${repository} ${name}`, { bytes, type });
    }
    return { mediaType: type, digest, size: bytes.length };
  }

  /** An image whose configuration names the diff IDs given, or the layers themselves. */
  addImage(
    repository: string,
    tag: string | undefined,
    layers: readonly Descriptor[],
    diffIds: readonly Digest[] = layers.map(({ digest }) => digest),
    platform: Platform = { os: 'linux', architecture: 'amd64' },
  ): Descriptor {
    const rootfs = { type: 'layers', diff_ids: diffIds };
    const config = this.addBlob(JSON.stringify({ ...platform, config: {}, rootfs }), mediaTypes.ociConfig);
    return this.addManifest(repository, tag, {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config,
      layers,
    });
  }

  addIndex(repository: string, tag: string | undefined, manifests: readonly Descriptor[]): Descriptor {
    const document = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
    return this.addManifest(repository, tag, document, mediaTypes.ociIndex);
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    this.requests.push({
      method: request.method,
      target: url.pathname + url.search,
      authorization: request.headers.get('authorization'),
      range: request.headers.get('range'),
    });
    return (await this.intercept(request, url)) ?? this.serve(request, url);
  }

  /** What a faultless registry answers. */
  serve(request: Request, url: URL): Response {
    const [, repository, kind, name = ''] =
      /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^/]+)$/.exec(url.pathname) ?? [];
    if (kind === 'tags') return Response.json({ name: repository, tags: this.#tags(repository ?? '') });
    if (kind === 'manifests') return this.#manifest(`${repository} ${name}`);
    const blob = kind === 'blobs' ? this.#blobs.get(name) : undefined;
    if (blob === undefined) return failure(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    const offset = Number(/^bytes=(\d+)-$/.exec(request.headers.get('range') ?? '')?.[1] ?? 0);
    if (offset === 0) return new Response(blob);
    const headers = { 'Content-Range': `bytes ${offset}-${blob.length - 1}/${blob.length}` };
    return new Response(blob.subarray(offset), { status: 206, headers });
  }

  #manifest(key: string): Response {
    const manifest = this.#manifests.get(key);
    if (manifest === undefined) return failure(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
    const headers = { 'Content-Type': manifest.type, 'Docker-Content-Digest': digestOf(manifest.bytes) };
    return new Response(manifest.bytes, { headers });
  }

  #tags(repository: string): string[] {
    const names = [...this.#manifests.keys()].map((key) => key.split(' '));
    return names.flatMap(([of, name = '']) => (of === repository && !name.includes(':') ? [name] : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }
}

/** A registry's error answer. */
export function failure(
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Response {
  return Response.json({ errors: [{ code, message }] }, { status, headers });
}

/** A server that sends the beginning of an answer and closes the connection, to be redirected to. */
export async function startBreakingServer(
  head: string,
  bytes: Uint8Array,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`);
      // With the end right behind them, the client could drop the bytes.
      socket.write(bytes, () => setTimeout(() => socket.end(), 100));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
