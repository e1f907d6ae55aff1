import type { LogOptions } from '../contract.ts';
import { followLines } from './follow-log.ts';
import { type LogFile, openLog } from './log-files.ts';
import { FrameBatch } from './log-frames.ts';
import { type LogRecord, parseRecord, timeOfNano } from './log-record.ts';

export interface ReadRequest extends LogOptions {
  readonly path: string;
  /** A terminal's log goes out as raw bytes. */
  readonly raw: boolean;
  /** Settles when nothing more will be written; undefined when that is so now. */
  readonly ended: Promise<unknown> | undefined;
  readonly signal: AbortSignal;
}

/**
 * A container's log as frames, oldest first. Holds a batch at most: the reader's pace is the client's. Ends at the end of the log, or,
 * following, when the container has ended, `until` is over, or the signal is given.
 */
export async function* readLog(request: ReadRequest): AsyncGenerator<Uint8Array> {
  const batch = new FrameBatch(request);
  for await (const records of selectRecords(request)) {
    for (const record of records) {
      batch.add(record);
      if (batch.full) yield batch.take();
    }
    if (!batch.empty) yield batch.take();
  }
}

async function* selectRecords(request: ReadRequest): AsyncGenerator<LogRecord[]> {
  const since = request.since === undefined ? '' : timeOfNano(request.since);
  const until = request.until === undefined ? undefined : timeOfNano(request.until);
  for await (const lines of allLines(request)) {
    if (request.signal.aborted) return;
    const records = lines.map(parseRecord).filter((record) => record !== undefined);
    const late = until === undefined ? -1 : records.findIndex((record) => record.time > until);
    yield (late < 0 ? records : records.slice(0, late)).filter((record) => record.time >= since);
    if (late >= 0) return;
  }
}

async function* allLines(request: ReadRequest): AsyncGenerator<string[]> {
  const { older, current } = openLog(request.path);
  const files = current === undefined ? older : [...older, current];
  try {
    const { first, skip } = await findStart(files, request.tail);
    for (const [index, file] of files.entries()) {
      if (index >= first) yield* skipLines(file.lines(), index === first ? skip : 0);
    }
    if (!request.follow || request.ended === undefined) return;
    const { path, ended, signal, until } = request;
    const deadline = until === undefined ? undefined : Number(until / 1_000_000n);
    yield* followLines({ path, ended, signal, deadline }, current);
  } finally {
    for (const file of files) file.close();
  }
}

interface Start {
  /** Index of the file to begin with; plain ones are put in place. */
  readonly first: number;
  /** Lines of it to pass over, when it is compressed. */
  readonly skip: number;
}

/** Goes back through the files until the last `tail` lines are found. */
async function findStart(files: readonly LogFile[], tail: number | undefined): Promise<Start> {
  let missing = tail;
  for (let index = files.length - 1; missing !== undefined && index >= 0; index--) {
    const file = files[index];
    if (file === undefined) break;
    if (!file.compressed) {
      missing = file.seekTail(missing);
      if (missing === 0) return { first: index, skip: 0 };
    } else {
      const count = await countLines(file);
      if (count >= missing) return { first: index, skip: count - missing };
      missing -= count;
    }
  }
  return { first: 0, skip: 0 };
}

async function countLines(file: LogFile): Promise<number> {
  let count = 0;
  for await (const lines of file.lines()) count += lines.length;
  return count;
}

async function* skipLines(lines: AsyncIterable<string[]>, count: number): AsyncGenerator<string[]> {
  let left = count;
  for await (const chunk of lines) {
    yield chunk.slice(left);
    left = Math.max(0, left - chunk.length);
  }
}
