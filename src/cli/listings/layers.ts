import type { LayerReport } from '../../wire/image-content-types.ts';
import { humanSize } from '../../wire/sizes.ts';
import { ellipsis, shortId } from '../format/ellipsis.ts';
import type { Listing } from '../format/listing.ts';
import { printable } from '../format/printable.ts';

/** A layer with its place in the image, 1 at the bottom. */
export interface LayerRow {
  readonly number: number;
  readonly layer: LayerReport;
}

const sizeText = (bytes: number): string => humanSize(bytes, 3);

/** `12 (3.4MB)`, or a dash for nothing. */
function sumText({ Count, Bytes }: LayerReport['Added']): string {
  return Count === 0 ? '-' : `${Count} (${sizeText(Bytes)})`;
}

/** Columns of `image layers`. */
export function layerListing(truncate: boolean): Listing<LayerRow> {
  return {
    typeName: '*image.layersContext',
    headings: {
      Number: 'LAYER',
      ID: 'DIFF ID',
      Digests: 'DIGESTS',
      Size: 'SIZE',
      DiskSize: 'DISK SIZE',
      Files: 'FILES',
      Added: 'ADDED',
      Changed: 'CHANGED',
      Removed: 'REMOVED',
      Wasted: 'WASTED',
      CreatedBy: 'CREATED BY',
    },
    columns: {
      Number: ({ number }) => String(number),
      ID: ({ layer }) => (truncate ? shortId(layer.DiffId) : layer.DiffId),
      Digests: ({ layer }) =>
        (layer.Digests ?? []).map((digest) => (truncate ? shortId(digest) : digest)).join(','),
      Size: ({ layer }) => sizeText(layer.Size),
      DiskSize: ({ layer }) => sizeText(layer.DiskSize),
      Files: ({ layer }) => String(layer.Files),
      Added: ({ layer }) => sumText(layer.Added),
      Changed: ({ layer }) => sumText(layer.Changed),
      Removed: ({ layer }) => sumText(layer.Removed),
      Wasted: ({ layer }) => (layer.Wasted === 0 ? '-' : sizeText(layer.Wasted)),
      CreatedBy: ({ layer }) => {
        const line = printable(layer.CreatedBy.replace(/\s+/g, ' ').trim());
        return truncate ? ellipsis(line, 45) : line;
      },
    },
  };
}

/** One line below the table: how much there is, and how much of it is for nothing. */
export function layerSummary(layers: readonly LayerReport[]): string {
  const size = layers.reduce((sum, layer) => sum + layer.Size, 0);
  const wasted = layers.reduce((sum, layer) => sum + layer.Wasted, 0);
  const share = size === 0 ? 0 : Math.round((wasted * 100) / size);
  const count = `${layers.length} ${layers.length === 1 ? 'layer' : 'layers'}`;
  return `${count}, ${sizeText(size)}, of which ${sizeText(wasted)} wasted (${share}%)`;
}
