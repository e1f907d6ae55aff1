import type { Context } from '../../../base/context.ts';
import type { PushTarget } from '../../../distribution/contract.ts';
import type { Descriptor } from '../../../oci/image.ts';
import type { CacheDirectory } from '../../contract.ts';
import type { EncodedManifest } from './cache-manifest.ts';

/** Where a cache is written to: blobs first, then the manifest that names them. */
export interface CacheDestination {
  has(context: Context, blob: Descriptor): Promise<boolean>;
  /** `open` gives the blob's bytes from an offset, and may be called again. */
  put(
    context: Context,
    blob: Descriptor,
    open: (offset: number) => AsyncIterable<Uint8Array>,
    onProgress: (sent: number) => void,
  ): Promise<void>;
  finish(context: Context, manifest: EncodedManifest): Promise<void>;
}

/** `name`: the tag that the cache gets. */
export function registryDestination(target: PushTarget, name: string): CacheDestination {
  return {
    has: async (context, { digest }) => (await target.stat(context, digest)) !== undefined,
    put: (context, blob, open, onProgress) => target.upload(context, blob, open, onProgress),
    finish: async (context, { descriptor, bytes }) => {
      await target.putManifest(context, name, descriptor.mediaType, bytes);
    },
  };
}

export function directoryDestination(directory: CacheDirectory): CacheDestination {
  return {
    has: async (context, { digest, size }) => (await directory.size(context, digest)) === size,
    put: (context, blob, open, onProgress) => directory.write(context, blob, counted(open(0), onProgress)),
    async finish(context, { descriptor, bytes }) {
      await directory.write(context, descriptor, inOne(bytes));
      await directory.finish(context, descriptor);
    },
  };
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  onProgress: (sent: number) => void,
): AsyncGenerator<Uint8Array, void, void> {
  let sent = 0;
  for await (const part of source) {
    yield part;
    sent += part.length;
    onProgress(sent);
  }
}

export async function* inOne(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}
