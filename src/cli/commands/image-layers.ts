import { imageLayerChanges, imageLayers } from '../../client/image-contents.ts';
import type { LayerChange, LayerReport } from '../../wire/image-content-types.ts';
import { humanSize } from '../../wire/sizes.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { bool, text } from '../flag-types.ts';
import { type Listing, renderListing } from '../format/listing.ts';
import { printable } from '../format/printable.ts';
import { formatUsage } from '../format-usage.ts';
import type { Io } from '../io.ts';
import { layerListing, layerSummary } from '../listings/layers.ts';

export const command = defineCommand({
  flags: {
    diff: flag(
      text(),
      '',
      'List the paths that this layer adds (A), changes (C) and deletes (D):\nits number, or the start of a digest',
    ),
    format: flag(text(), '', formatUsage('list')),
    'no-trunc': flag(bool(), '', 'Show values in full length'),
  },
  args: { exactly: 1 },
  long: () => `Show what each layer of an image adds, changes, removes and wastes

Layers are numbered from the bottom. SIZE is that of the layer's files as a
tar archive; WASTED are bytes of the layers below that nobody sees any more.`,
  async run({ args, options, session }) {
    const [image = ''] = args;
    const client = await session.client();
    const layers = await imageLayers(client, image);
    if (options.diff !== '') {
      const layer = chooseLayer(layers, options.diff);
      const changes = await imageLayerChanges(client, image, layer.DiffId);
      return showChanges(session.io, changes, options.format);
    }
    const rows = layers.map((layer, index) => ({ number: index + 1, layer }));
    const listing = layerListing(!options['no-trunc']);
    const isTable = options.format === '' || options.format === 'table';
    const format = isTable ? { table: columns } : { template: options.format };
    session.io.out(await renderListing(listing, rows, format));
    if (isTable) session.io.out(`\n${layerSummary(layers)}\n`);
  },
});

const columns = ['Number', 'ID', 'Size', 'Files', 'Added', 'Changed', 'Removed', 'Wasted', 'CreatedBy'];

/** By number as the table shows it, or by the start of its diff ID or of another digest. Throws CommandError. */
function chooseLayer(layers: readonly LayerReport[], wanted: string): LayerReport {
  const numbered = /^\d{1,4}$/.test(wanted) ? layers[Number(wanted) - 1] : undefined;
  if (numbered !== undefined) return numbered;
  const prefix = wanted.startsWith('sha256:') ? wanted : `sha256:${wanted}`;
  const fitting = layers.filter(({ DiffId, Digests }) =>
    [DiffId, ...(Digests ?? [])].some((digest) => digest.startsWith(prefix)),
  );
  const [found] = fitting;
  if (found === undefined) {
    throw new CommandError(`the image has no layer ${JSON.stringify(wanted)}; it has 1 to ${layers.length}`);
  }
  if (fitting.some(({ DiffId }) => DiffId !== found.DiffId)) {
    throw new CommandError(`several layers' digests begin with ${JSON.stringify(wanted)}`);
  }
  return found;
}

const letters: Readonly<Record<string, string>> = { added: 'A', changed: 'C', removed: 'D' };

const changeListing: Listing<LayerChange> = {
  typeName: '*image.layerChangeContext',
  headings: { Kind: 'KIND', Size: 'SIZE', Path: 'PATH' },
  columns: {
    Kind: ({ Kind }) => letters[Kind] ?? '?',
    Size: ({ Size }) => humanSize(Size, 3),
    Path: ({ Path }) => Path,
  },
};

/** Lines that are printed together: a layer may have a million. */
const BATCH = 1000;

async function showChanges(io: Io, changes: AsyncIterable<LayerChange>, format: string): Promise<void> {
  const isPlain = format === '' || format === 'table';
  const pathOf = (path: string): string => (io.stdoutIsTerminal ? printable(path) : path);
  const lineOf = ({ Kind, Path, Size }: LayerChange): string =>
    `${letters[Kind] ?? '?'}  ${humanSize(Size, 3).padStart(7)}  ${pathOf(Path)}\n`;
  const show = async (batch: readonly LayerChange[]): Promise<void> =>
    io.out(
      isPlain ? batch.map(lineOf).join('') : await renderListing(changeListing, batch, { template: format }),
    );
  let batch: LayerChange[] = [];
  for await (const change of changes) {
    batch.push(change);
    if (batch.length < BATCH) continue;
    await show(batch);
    batch = [];
  }
  if (batch.length > 0) await show(batch);
}
