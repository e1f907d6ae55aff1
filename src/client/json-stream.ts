import { ProtocolError } from './errors.ts';

const MAX_VALUE_LENGTH = 16 * 1024 * 1024;

/** The JSON texts of a stream of values that follow each other with or without white space between (progress, events, stats). */
export async function* jsonTexts(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pending = '';
  let scanned = 0;
  let depth = 0;
  let inString = false;
  for await (const chunk of chunks) {
    pending += decoder.decode(chunk, { stream: true });
    let start = 0;
    for (; scanned < pending.length; scanned++) {
      const character = pending[scanned];
      if (inString) {
        if (character === '\\') scanned++;
        else if (character === '"') inString = false;
      } else if (character === '"') inString = true;
      else if (character === '{' || character === '[') depth++;
      else if (character === '}' || character === ']') {
        depth--;
        if (depth > 0) continue;
        yield pending.slice(start, scanned + 1).trim();
        start = scanned + 1;
      }
    }
    pending = pending.slice(start);
    scanned -= start;
    if (pending.length > MAX_VALUE_LENGTH) throw new ProtocolError('a JSON value of the stream is too large');
  }
  if (pending.trim() !== '') throw new ProtocolError('unexpected EOF');
}

/** The same, parsed. */
export async function* jsonValues<T>(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<T> {
  for await (const text of jsonTexts(chunks)) yield JSON.parse(text) as T;
}
