import type { Lines } from '../dockerfile/errors.ts';

const RULER = '-'.repeat(20);

/** Lines that are shown around those that are meant, above and below together. */
const AROUND_ONE = 4;
const AROUND_MORE = 2;

/**
 * The lines of a Dockerfile that something is about, marked, among those around them, as BuildKit prints them:
 *
 *     Dockerfile:2
 *     --------------------
 *        1 |     FROM busybox
 *        2 | >>> RUN false
 *     --------------------
 */
export function excerptOf(
  { filename, text }: { readonly filename: string; readonly text: string },
  { first, last }: Lines,
): string {
  const lines = text.split('\n');
  if (first < 1 || first > lines.length) return '';
  const end = Math.min(last, lines.length);
  const shown = widen({ first, last: end }, lines.length);
  const numbered = lines.slice(shown.first - 1, shown.last).map((line, index) => {
    const number = shown.first + index;
    const marker = number >= first && number <= end ? '>>>' : '   ';
    return ` ${String(number).padStart(3)} | ${marker} ${line.replace(/\r$/, '')}`;
  });
  return [`${filename}:${first}`, RULER, ...numbered, RULER, ''].join('\n');
}

/** One more line above, one more below, and so on, as far as the file goes. */
function widen({ first, last }: Lines, count: number): Lines {
  const room = first === last ? AROUND_ONE : AROUND_MORE;
  const range = { first, last };
  for (let added = 0; added < room; ) {
    const before = added;
    if (range.first > 1) {
      range.first--;
      added++;
    }
    if (range.last < count) {
      range.last++;
      added++;
    }
    if (added === before) break;
  }
  return range;
}
