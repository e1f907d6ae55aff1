import type { Context } from '../../../base/context.ts';
import { SampanError } from '../../../base/errors.ts';
import type { RemoteArtifact } from '../../../distribution/contract.ts';
import { type Digest, digestOf } from '../../../oci/digest.ts';
import type { Descriptor } from '../../../oci/image.ts';
import type { CacheDirectory } from '../../contract.ts';

/** Where a cache's documents and blobs are read. */
export interface CacheSource {
  /** "host/path" for a repository. */
  readonly place: string | undefined;
  /** What the cache is known by. */
  root(context: Context): Promise<Uint8Array>;
  /** A manifest or index. */
  document(context: Context, descriptor: Descriptor): Promise<Uint8Array>;
  /** The size in bytes of a blob that is there. */
  size(context: Context, digest: Digest): Promise<number | undefined>;
  blob(
    context: Context,
    descriptor: Descriptor,
    options: { readonly offset: number; readonly onRetry?: (seconds: number) => void },
  ): AsyncIterable<Uint8Array>;
}

/** Docker's own limit for manifests. */
const MAX_DOCUMENT = 4 << 20;

export function registrySource(artifact: RemoteArtifact, place: string): CacheSource {
  return {
    place,
    root: async () => artifact.root.bytes,
    document: async (context, descriptor) => (await artifact.document(context, descriptor)).bytes,
    size: (context, digest) => artifact.size(context, digest),
    blob: (context, descriptor, options) => artifact.blob(context, descriptor, options),
  };
}

export function directorySource(directory: CacheDirectory, digest: Digest): CacheSource {
  const blob: CacheSource['blob'] = (context, descriptor, { offset }) =>
    directory.read(context, descriptor, offset);
  return {
    place: undefined,
    async root(context) {
      const size = await directory.size(context, digest);
      if (size === undefined) throw new SampanError('not-found', `the directory has no blob ${digest}`);
      return readWhole(context, { blob }, { digest, size, mediaType: '' }, MAX_DOCUMENT);
    },
    document: (context, descriptor) => readWhole(context, { blob }, descriptor, MAX_DOCUMENT),
    size: (context, wanted) => directory.size(context, wanted),
    blob,
  };
}

/** A small blob, verified. Fails with `exhausted` above the limit, with `data-loss` on other bytes. */
export async function readWhole(
  context: Context,
  source: Pick<CacheSource, 'blob'>,
  descriptor: Descriptor,
  limit: number,
): Promise<Uint8Array> {
  const { digest, size } = descriptor;
  if (size > limit) throw new SampanError('exhausted', `${digest} has more than the allowed ${limit} bytes`);
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of source.blob(context, descriptor, { offset: 0 })) {
    length += part.length;
    if (length > size) break;
    parts.push(part);
  }
  const bytes = Buffer.concat(parts);
  const found = digestOf(bytes);
  if (found === digest && length === size) return bytes;
  throw new SampanError('data-loss', `unexpected digest: got ${found}, expected ${digest}`);
}
