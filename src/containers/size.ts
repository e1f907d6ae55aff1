import type { Parts } from './parts.ts';
import type { Entry } from './record.ts';

/** Bytes of the writable part, and of that and the image together. */
export async function measure(
  parts: Parts,
  { id, container }: Entry,
): Promise<{ readonly writable: number; readonly root: number }> {
  const { bytes } = await parts.snapshots.usage(id);
  return { writable: bytes, root: bytes + (parts.images.find(container.imageId)?.size ?? 0) };
}
