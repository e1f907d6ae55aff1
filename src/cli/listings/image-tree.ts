import type { ImageManifest, ImageSummary } from '../../wire/image-types.ts';
import { humanSize } from '../../wire/sizes.ts';
import { shortId } from '../format/ellipsis.ts';
import { printable } from '../format/printable.ts';
import { displayWidth } from '../format/tabwriter.ts';

type Cells = readonly string[];

const headings: Cells = ['IMAGE', 'ID', 'DISK USAGE', 'CONTENT SIZE', 'IN USE'];

/** Columns of figures, which end below one another. */
const FIGURES = new Set([2, 3]);
const GAP = '   ';

/** Images with the platforms that their names stand for, whether those are here or not: a table whose first column is a tree. */
export function imageTree(images: readonly ImageSummary[]): string {
  const rows: Cells[] = [headings];
  for (const image of images) rows.push(...(rows.length === 1 ? [] : [[]]), ...rowsOf(image));
  const widths = headings.map((_, column) =>
    Math.max(...rows.map((cells) => displayWidth(cells[column] ?? ''))),
  );
  return rows.map((cells) => `${lineOf(cells, widths)}\n`).join('');
}

function lineOf(cells: Cells, widths: readonly number[]): string {
  const padded = cells.map((cell, column) => {
    const space = ' '.repeat(Math.max(0, (widths[column] ?? 0) - displayWidth(cell)));
    return FIGURES.has(column) ? space + cell : cell + space;
  });
  return padded.join(GAP).trimEnd();
}

/** The names one under another, the last one with the figures, and what is for one platform each below. */
function rowsOf(image: ImageSummary): Cells[] {
  const names = image.RepoTags ?? [];
  const [name = '<untagged>', ...others] = names.toReversed();
  const manifests = image.Manifests ?? [];
  const content = manifests.reduce((sum, { Size }) => sum + Size.Content, 0);
  const platforms = manifests.filter(({ Kind }) => Kind === 'image');
  const isUsed = image.Containers > 0 || platforms.some(isInUse);
  return [
    ...others.toReversed().map((other) => [other]),
    row(name, image.Id, image.Size, content, isUsed),
    ...platforms.map((one, index) => {
      const branch = index === platforms.length - 1 ? '└─' : '├─';
      return row(`${branch} ${platformOf(one)}`, one.ID, one.Size.Total, one.Size.Content, isInUse(one));
    }),
  ];
}

function isInUse({ ImageData }: ImageManifest): boolean {
  return (ImageData?.Containers ?? []).length > 0;
}

function platformOf({ ImageData }: ImageManifest): string {
  if (ImageData === undefined) return '<unknown>';
  const { os, architecture, variant } = ImageData.Platform;
  // It came from a registry.
  return printable([os, architecture, variant].filter(Boolean).join('/'));
}

function row(name: string, id: string, usage: number, content: number, isUsed: boolean): Cells {
  return [name, shortId(id), humanSize(usage, 3), humanSize(content, 3), isUsed ? 'yes' : ''];
}
