import type { Context } from '../base/context.ts';
import { decompress } from '../oci/compression.ts';
import type { Digest } from '../oci/digest.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';

export interface ReceivedLayer {
  readonly diffId: Digest;
  /** Of the uncompressed tar, bytes. */
  readonly size: number;
}

/** Streams a layer's tar, in any compression, into the store. On failure nothing of it is left. */
export async function receiveLayer(
  context: Context,
  snapshots: SnapshotDriver,
  source: AsyncIterable<Uint8Array>,
  expected: { readonly diffId?: Digest } = {},
): Promise<ReceivedLayer> {
  await using receiver = await snapshots.receive(context, expected);
  for await (const chunk of decompress(source)) {
    context.signal.throwIfAborted();
    await receiver.write(chunk);
  }
  // Awaited here: the receiver is disposed of when this scope ends.
  return await receiver.commit();
}
