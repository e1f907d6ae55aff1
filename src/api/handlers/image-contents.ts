import { SampanError } from '../../base/errors.ts';
import type { ChangeSum, ImageMount, LayerReport, PathChange } from '../../images/contract.ts';
import type {
  LayerChange,
  ImageMount as WireImageMount,
  LayerReport as WireLayerReport,
} from '../../wire/image-content-types.ts';
import type { HandlersOf } from '../call.ts';
import { jsonLines, sendStream } from '../streams/send-stream.ts';

export const imageContentHandlers: HandlersOf<
  'imageMountList' | 'imageMount' | 'imageUnmount' | 'imageLayers' | 'imageLayerChanges'
> = {
  imageMountList: ({ engine }) => engine.images.mounts().map(renderMount),

  imageMount: async ({ engine, context, name }) => renderMount(await engine.images.mount(context, name)),

  async imageUnmount({ engine, context, digest }) {
    const mounted = await engine.images.unmount(context, digest);
    if (!mounted) throw new SampanError('not-modified', `image ${digest} is not mounted`);
  },

  async imageLayers({ engine, context, name }) {
    return (await engine.images.layers(context, name)).map(renderLayer);
  },

  async imageLayerChanges({ engine, context, name, digest, response }) {
    const changes = engine.images.layerChanges(context, name, digest);
    await sendStream(response, 'application/json', jsonLines(rendered(changes)));
  },
};

function renderMount({ id, path }: ImageMount): WireImageMount {
  return { Id: id, Path: path };
}

function renderLayer(layer: LayerReport): WireLayerReport {
  return {
    DiffId: layer.diffId,
    Digests: [...layer.digests],
    CreatedBy: layer.createdBy,
    Size: layer.size,
    DiskSize: layer.diskSize,
    Files: layer.files,
    Added: renderSum(layer.added),
    Changed: renderSum(layer.changed),
    Removed: renderSum(layer.removed),
    Wasted: layer.wasted,
  };
}

function renderSum({ count, bytes }: ChangeSum): WireLayerReport['Added'] {
  return { Count: count, Bytes: bytes };
}

async function* rendered(changes: AsyncIterable<PathChange>): AsyncGenerator<LayerChange> {
  for await (const { kind, path, bytes } of changes) yield { Kind: kind, Path: path, Size: bytes };
}
