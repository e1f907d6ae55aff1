import { isReplaced, LogFile, openLog } from './log-files.ts';
import { parseRecord } from './log-record.ts';
import { type WatchRequest, watchLog } from './log-watch.ts';

/** Lines that are written from now on, across rotations, to the last one before the end. Closes `opened`. */
export async function* followLines(
  request: WatchRequest,
  opened: LogFile | undefined,
): AsyncGenerator<string[]> {
  const over = { now: false };
  const end = (): void => {
    over.now = true;
  };
  request.ended.then(end, end);
  const changes = watchLog(request);
  let current = opened;
  try {
    for (;;) {
      // Asked before reading: what is written later is of the next round.
      const last =
        over.now || request.signal.aborted || Date.now() > (request.deadline ?? Number.POSITIVE_INFINITY);
      current ??= LogFile.open(request.path);
      const rotated = current !== undefined && isReplaced(request.path, current);
      if (current !== undefined) yield* current.newLines();
      if (current !== undefined && rotated) {
        const { next, between } = await succeed(request.path, current);
        yield* between;
        current = next;
        continue;
      }
      if (last) return;
      await changes.next();
    }
  } finally {
    changes.close();
    current?.close();
  }
}

/** The file after one that was rotated away, and the lines of those in between, if more than one rotation was missed. */
async function succeed(
  path: string,
  former: LogFile,
): Promise<{ next: LogFile | undefined; between: AsyncIterable<string[]> }> {
  const { older, current: next } = openLog(path);
  former.close();
  const place = older.findIndex((file) => file.inode === former.inode);
  const missed = older.slice(place + 1);
  for (const file of older.slice(0, place + 1)) file.close();
  // Compressed, the former file has another inode: then the time of its last line says what is new.
  const after = place < 0 ? (parseRecord(former.lastLine)?.time ?? '') : '';
  return { next, between: linesAfter(missed, after) };
}

async function* linesAfter(files: readonly LogFile[], time: string): AsyncGenerator<string[]> {
  try {
    for (const file of files) {
      for await (const lines of file.lines()) {
        yield time === '' ? lines : lines.filter((line) => (parseRecord(line)?.time ?? '') > time);
      }
    }
  } finally {
    for (const file of files) file.close();
  }
}
