import { expect, test } from 'bun:test';
import type { LayerReport } from '../../wire/image-content-types.ts';
import { renderListing } from '../format/listing.ts';
import { layerListing, layerSummary } from './layers.ts';

const none = { Count: 0, Bytes: 0 };
const layer = (parts: Partial<LayerReport>): LayerReport => ({
  DiffId: `sha256:${'ab'.repeat(32)}`,
  Digests: [],
  CreatedBy: '',
  Size: 2_000_000,
  DiskSize: 3_000_000,
  Files: 5,
  Added: none,
  Changed: none,
  Removed: none,
  Wasted: 0,
  ...parts,
});

test('layers are shown with what they add, change, remove and waste, nothing as a dash', async () => {
  const rows = [
    { number: 1, layer: layer({ Added: { Count: 5, Bytes: 1_234_567 } }) },
    { number: 2, layer: layer({ Removed: { Count: 1, Bytes: 900 }, Wasted: 900 }) },
  ];
  const table = ['Number', 'ID', 'Size', 'Files', 'Added', 'Changed', 'Removed', 'Wasted'];
  expect(await renderListing(layerListing(true), rows, { table })).toBe(
    [
      'LAYER     DIFF ID        SIZE      FILES     ADDED        CHANGED   REMOVED    WASTED',
      '1         abababababab   2MB       5         5 (1.23MB)   -         -          -',
      '2         abababababab   2MB       5         -            -         1 (900B)   900B',
      '',
    ].join('\n'),
  );
});

test('a command that made a layer is one line that a terminal does not obey', () => {
  const { columns } = layerListing(false);
  const made = layer({ CreatedBy: 'RUN set -e;\n\techo \x1b[31mred' });
  expect(columns['CreatedBy']?.({ number: 1, layer: made })).toBe('RUN set -e; echo \\x1b[31mred');
});

test('the summary tells how much of an image is for nothing', () => {
  expect(layerSummary([layer({}), layer({ Wasted: 1_000_000 })])).toBe(
    '2 layers, 4MB, of which 1MB wasted (25%)',
  );
  expect(layerSummary([layer({ Size: 0 })])).toBe('1 layer, 0B, of which 0B wasted (0%)');
});
