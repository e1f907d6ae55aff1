import { displayWidth } from './tabwriter.ts';

/** Shortens to `width` columns, the last of them `…`. */
export function ellipsis(text: string, width: number): string {
  if (width <= 0) return '';
  if (displayWidth(text) <= width) return text;
  const characters = [...text];
  if (width === 1) return characters[0] ?? '';
  let used = 0;
  let kept = '';
  for (const character of characters) {
    used += displayWidth(character);
    if (used > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** The first 12 characters of an ID, without its algorithm. */
export function shortId(id: string): string {
  return id.replace(/^[^:]*:/, '').slice(0, 12);
}
