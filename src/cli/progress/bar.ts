import type { ProgressMessage } from '../../wire/messages.ts';
import { humanSize } from '../../wire/sizes.ts';

type Progress = NonNullable<ProgressMessage['progressDetail']>;

const MAX_BAR = 50;
/** A shorter bar says nothing that the numbers do not. */
const MIN_BAR = 8;
/** Of "Downloading", and of most numbers, so that bars stand below each other and are of one length. */
const STATUS_WIDTH = 11;
const COUNTS_WIDTH = '   1.2MB/123.4MB'.length;

/** How far it is in numbers, such as " 1.2MB/34MB"; empty when nothing is known yet. */
export function progressCounts(progress: Progress): string {
  const { current = 0, total = 0, units = '', hidecounts } = progress;
  if (current <= 0 && total <= 0) return '';
  if (hidecounts === true && total > 0) return '';
  const isTotalKnown = total > 0 && current <= total;
  if (units !== '') return isTotalKnown ? `${current}/${total} ${units}` : `${current} ${units}`;
  const done = humanSize(current).padStart(8);
  return isTotalKnown ? `${done}/${humanSize(total)}` : done;
}

/** One line of a progress display, at most `columns` wide: the bar takes what the words leave. */
export function progressLine(message: ProgressMessage, columns: number): string {
  const { id = '', status = '', progressDetail, progress = '' } = message;
  const name = id === '' ? '' : `${id}: `;
  const counts = progressDetail === undefined ? progress : progressCounts(progressDetail);
  if (counts === '' && !isMoving(progressDetail)) return cutTo(name + status, columns);
  const head = `${name}${status.padEnd(STATUS_WIDTH)} `;
  const room = columns - head.length - Math.max(counts.length, COUNTS_WIDTH) - '[>] '.length;
  return cutTo(head + barOf(progressDetail, room) + counts, columns);
}

/** Whether bytes move at the moment. */
export function isMoving(progress: ProgressMessage['progressDetail']): boolean {
  return (progress?.current ?? 0) > 0 || (progress?.total ?? 0) > 0;
}

function barOf(progress: Progress | undefined, room: number): string {
  const { current = 0, total = 0 } = progress ?? {};
  if (total <= 0 || room < MIN_BAR) return '';
  const width = Math.min(room, MAX_BAR);
  const filled = Math.trunc(Math.max(Math.min(current / total, 1), 0) * width);
  return `[${'='.repeat(filled)}>${' '.repeat(width - filled)}] `;
}

/** Text that is safe to show, at most so wide. */
export function cutTo(text: string, columns: number): string {
  // What a daemon sends must not move the cursor.
  const plain = Bun.stripANSI(text).replace(/\p{Cc}/gu, ' ');
  if (Bun.stringWidth(plain) <= columns) return plain;
  let width = 0;
  let cut = '';
  for (const character of plain) {
    width += Bun.stringWidth(character);
    if (width > columns - 1) break;
    cut += character;
  }
  return `${cut}…`;
}
