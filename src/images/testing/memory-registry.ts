import type { Context } from '../../base/context.ts';
import { notFound, SampanError } from '../../base/errors.ts';
import type {
  AuthenticationResult,
  PushTarget,
  RegistryClient,
  RemoteArtifact,
  RemoteDescription,
  RemoteImage,
  SearchResult,
} from '../../distribution/contract.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import { type Reference, repositoryOf } from '../../oci/reference.ts';

interface Repository {
  readonly blobs: Map<Digest, Uint8Array>;
  /** By tag or digest. */
  readonly manifests: Map<string, { readonly mediaType: string; readonly bytes: Uint8Array }>;
}

/** Registries in memory that can be pushed to; what was asked of them is in `requests`. */
export class MemoryRegistry implements RegistryClient {
  readonly requests: string[] = [];
  readonly #repositories = new Map<string, Repository>();

  /** "host/path". */
  repository(name: string): Repository {
    const found = this.#repositories.get(name) ?? { blobs: new Map(), manifests: new Map() };
    this.#repositories.set(name, found);
    return found;
  }

  async target(_context: Context, reference: Reference): Promise<PushTarget> {
    const own = this.repository(repositoryOf(reference));
    const say = (text: string): unknown => this.requests.push(text);
    const other = (path: string): Repository => this.repository(`${reference.domain}/${path}`);
    return {
      async stat(_context, digest) {
        say(`stat ${digest}`);
        return own.blobs.get(digest)?.length;
      },
      async mount(_context, digest, from) {
        say(`mount ${digest} ${from}`);
        const blob = other(from).blobs.get(digest);
        if (blob !== undefined) own.blobs.set(digest, blob);
        return blob !== undefined;
      },
      async upload(_context, { digest, size }, open, onProgress) {
        say(`upload ${digest}`);
        const bytes = Buffer.concat(await Array.fromAsync(open(0)));
        if (digestOf(bytes) !== digest || bytes.length !== size) throw new SampanError('data-loss', digest);
        own.blobs.set(digest, bytes);
        onProgress?.(size);
      },
      async putManifest(_context, name, mediaType, bytes) {
        const { config, layers = [], manifests = [] } = JSON.parse(new TextDecoder().decode(bytes));
        const blobs = config === undefined ? layers : [config, ...layers];
        for (const { digest } of blobs) if (!own.blobs.has(digest)) throw notFound(digest);
        for (const { digest } of manifests) if (!own.manifests.has(digest)) throw notFound(digest);
        say(`manifest ${name}`);
        own.manifests.set(name, { mediaType, bytes });
        return digestOf(bytes);
      },
    };
  }

  async resolve(): Promise<RemoteImage> {
    throw outOfScope();
  }

  async describe(): Promise<RemoteDescription> {
    throw outOfScope();
  }

  async artifact(): Promise<RemoteArtifact> {
    throw outOfScope();
  }

  async tags(): Promise<readonly string[]> {
    throw outOfScope();
  }

  async authenticate(): Promise<AuthenticationResult> {
    throw outOfScope();
  }

  async search(): Promise<readonly SearchResult[]> {
    throw outOfScope();
  }
}

function outOfScope(): SampanError {
  return new SampanError('unimplemented', 'registries in memory are pushed to');
}
