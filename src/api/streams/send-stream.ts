import type { Response } from '../http/response.ts';

/**
 * Answers with bytes as they come, no faster than the client takes them. The head goes out with the first of them: what fails before is
 * still told by status, what fails later breaks the answer off.
 */
export async function sendStream(
  response: Response,
  contentType: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<void> {
  const iterator = bytes[Symbol.asyncIterator]();
  try {
    let part = await iterator.next();
    await response.start(200, contentType);
    for (; part.done !== true; part = await iterator.next()) await response.write(part.value);
  } finally {
    await iterator.return?.();
  }
}

const LINES_TOGETHER = 64 * 1024;

/** Objects as JSON, one per line, many lines at a time. */
export async function* jsonLines(values: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  let lines = '';
  for await (const value of values) {
    lines += `${JSON.stringify(value)}\n`;
    if (lines.length < LINES_TOGETHER) continue;
    yield Buffer.from(lines);
    lines = '';
  }
  if (lines !== '') yield Buffer.from(lines);
}
