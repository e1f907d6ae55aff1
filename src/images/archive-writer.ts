import { type Context, throwIfAborted } from '../base/context.ts';
import type { ContentStore } from '../content/contract.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../oci/tar/writer.ts';
import { blobPath, planArchive } from './archive-plan.ts';
import type { ImageStore } from './image-store.ts';
import type { SavedImage } from './save.ts';

/**
 * An archive that is both what `docker save` writes and an OCI layout, streamed. Its bytes depend on nothing but the images: members are
 * in the order of their names, times are zero.
 */
export async function* writeArchive(
  context: Context,
  store: ImageStore,
  content: ContentStore,
  images: readonly SavedImage[],
): AsyncGenerator<Uint8Array, void, void> {
  using lease = content.lease();
  const { blobs, documents } = await planArchive(store, content, images, lease);
  yield formatTarHeader({ type: 'directory', name: 'blobs/', mode: 0o755 });
  yield formatTarHeader({ type: 'directory', name: 'blobs/sha256/', mode: 0o755 });
  for (const [digest, blob] of [...blobs].sort(([one], [other]) => (one < other ? -1 : 1))) {
    throwIfAborted(context);
    const size = typeof blob === 'number' ? blob : blob.length;
    yield formatTarHeader({ type: 'file', name: blobPath(digest), mode: 0o644, size });
    if (typeof blob === 'number') yield* content.read(digest);
    else yield blob;
    yield tarPadding(size);
  }
  for (const [name, document] of Object.entries(documents)) {
    yield* smallMember(name, JSON.stringify(document));
  }
  yield tarEnd;
}

function* smallMember(name: string, text: string): Generator<Uint8Array, void, void> {
  const bytes = new TextEncoder().encode(text);
  yield formatTarHeader({ type: 'file', name, mode: 0o644, size: bytes.length });
  yield bytes;
  yield tarPadding(bytes.length);
}
