import { type Context, throwIfAborted } from '../base/context.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import { LayerTree } from '../oci/tar/layer-tree.ts';
import { TarReader } from '../oci/tar/reader.ts';

/** Data longer than this are passed over in the file; shorter ones are read faster than sought. */
const WORTH_SEEKING = 2 << 20;

/** The files that a layer's tar makes, from its headers. Fails with `not-found` when the tar is not here. */
export async function readLayerTree(
  context: Context,
  content: ContentStore,
  diffId: Digest,
): Promise<LayerTree> {
  const reader = new TarReader();
  const tree = new LayerTree();
  const read = async (): Promise<boolean> => {
    for await (const chunk of content.read(diffId, { offset: reader.position })) {
      throwIfAborted(context);
      for (const event of reader.feed(chunk)) {
        if (!(event instanceof Uint8Array)) tree.add(event);
      }
      if (reader.ended) return false;
      if (reader.skippable > WORTH_SEEKING) return true;
    }
    return false;
  };
  while (await read()) reader.skip();
  reader.finish();
  return tree;
}
