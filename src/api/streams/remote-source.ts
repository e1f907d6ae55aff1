import type { Context } from '../../base/context.ts';
import { invalid, messageOf, SampanError } from '../../base/errors.ts';
import { transferProgress } from '../render/progress.ts';
import type { ProgressWriter } from './progress-writer.ts';

/** Opens a URL (http or https, the former when no scheme is given) and tells the transfer's progress. */
export async function openUrl(
  source: string,
  context: Context,
  writer: ProgressWriter,
): Promise<AsyncIterable<Uint8Array>> {
  const url = parseUrl(source);
  const answer = await fetch(url, { signal: context.signal }).catch((cause) => {
    context.signal.throwIfAborted();
    throw new SampanError('unavailable', `could not fetch ${url}: ${messageOf(cause)}`, { cause });
  });
  if (!answer.ok || answer.body === null) {
    throw new SampanError('unavailable', `could not fetch ${url}: ${answer.status} ${answer.statusText}`);
  }
  writer.message({ status: `Downloading from ${url}` });
  return withProgress(answer.body, Number(answer.headers.get('content-length') ?? 0), writer);
}

function parseUrl(source: string): URL {
  const text = source.includes('://') ? source : `http://${source}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw invalid(
      `cannot import from ${JSON.stringify(source.slice(0, 200))}: expected "-" or an http(s) URL`,
    );
  }
  return url;
}

async function* withProgress(
  body: ReadableStream<Uint8Array>,
  total: number,
  writer: ProgressWriter,
): AsyncGenerator<Uint8Array> {
  let current = 0;
  for await (const bytes of body) {
    current += bytes.length;
    writer.progress(transferProgress('Importing', '', current, total));
    yield bytes;
  }
}
