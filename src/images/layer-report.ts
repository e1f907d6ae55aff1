import type { Context } from '../base/context.ts';
import { notFound } from '../base/errors.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import { toText } from '../oci/tar/entry.ts';
import type { LayerNode } from '../oci/tar/layer-node.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import type { ChangeSum, LayerReport, PathChange } from './contract.ts';
import type { ImageRecord } from './image-store.ts';
import type { LayerForms } from './layer-forms.ts';
import { readLayerTree } from './layer-headers.ts';
import { MergedTree } from './merged-tree.ts';

export interface ReportParts {
  readonly content: ContentStore;
  readonly snapshots: SnapshotDriver;
  readonly forms: LayerForms;
}

/** What each layer of an image does to those below it, bottom first, from the headers of their tars. */
export async function reportLayers(
  context: Context,
  parts: ReportParts,
  image: ImageRecord,
): Promise<LayerReport[]> {
  const merged = new MergedTree();
  const reports: LayerReport[] = [];
  const createdBy = stepsWithLayers(image);
  for (const [position, diffId] of image.config.rootfs.diff_ids.entries()) {
    const tree = await readLayerTree(context, parts.content, diffId);
    const sums = { added: newSum(), changed: newSum(), removed: newSum() };
    const wasted = merged.apply(tree, (kind, _path, bytes) => {
      sums[kind].count++;
      sums[kind].bytes += bytes;
    });
    reports.push({
      diffId,
      createdBy: createdBy[position] ?? '',
      files: countFiles(tree.root),
      ...sums,
      wasted,
      ...(await storedAs(parts, diffId)),
    });
  }
  return reports;
}

/** The paths that one layer adds, changes and removes. Fails with `not-found` when the image has no such layer. */
export async function* layerChangesOf(
  context: Context,
  content: ContentStore,
  image: ImageRecord,
  layer: Digest,
): AsyncGenerator<PathChange, void, void> {
  const diffIds = image.config.rootfs.diff_ids;
  const position = diffIds.indexOf(layer);
  if (position < 0) throw notFound(`No such layer in ${image.id}: ${layer}`);
  const merged = new MergedTree();
  for (const below of diffIds.slice(0, position)) {
    merged.apply(await readLayerTree(context, content, below), () => {});
  }
  const changes: PathChange[] = [];
  merged.apply(await readLayerTree(context, content, layer), (kind, path, bytes) => {
    changes.push({ kind, path: toText(path), bytes });
  });
  yield* changes;
}

function newSum(): { -readonly [K in keyof ChangeSum]: ChangeSum[K] } {
  return { count: 0, bytes: 0 };
}

/** Names of the layer that are no directories. */
function countFiles(root: LayerNode): number {
  let files = 0;
  const pending = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const child of node.children?.values() ?? []) {
      if (child.children !== undefined) pending.push(child);
      else if (!child.whiteout) files++;
    }
  }
  return files;
}

function stepsWithLayers({ config }: ImageRecord): string[] {
  return (config.history ?? []).flatMap(({ empty_layer, created_by }) =>
    empty_layer === true ? [] : [created_by ?? ''],
  );
}

async function storedAs(
  { content, snapshots, forms }: ReportParts,
  diffId: Digest,
): Promise<Pick<LayerReport, 'digests' | 'size' | 'diskSize'>> {
  const size = (await content.stat(diffId))?.size ?? 0;
  let diskSize = size + (await snapshots.layerUsage(diffId));
  const digests: Digest[] = [];
  for (const { digest } of forms.of(diffId)) {
    const blob = digest === diffId ? undefined : await content.stat(digest);
    if (blob === undefined) continue;
    digests.push(digest);
    diskSize += blob.size;
  }
  return { digests, size, diskSize };
}
