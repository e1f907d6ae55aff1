/** The program of a thread that decompresses one stream; see `inflateSlowly`. */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../base/errors.ts';
import { bunzip2 } from './bzip2.ts';
import type { InflateReply, InflateRequest, SlowCompression } from './slow-compression.ts';
import { unxz } from './xz.ts';

let answered = Promise.withResolvers<InflateRequest>();
parentPort?.on('message', (request: InflateRequest) => answered.resolve(request));

let turn: Promise<unknown> = Promise.resolve();

/** One word at a time: the xz library asks for input while its output waits to be taken. */
function ask(reply: InflateReply): Promise<InflateRequest> {
  const answer = turn.then(() => exchange(reply));
  turn = answer;
  return answer;
}

async function exchange(reply: InflateReply): Promise<InflateRequest> {
  parentPort?.postMessage(reply);
  const request = await answered.promise;
  answered = Promise.withResolvers();
  return request;
}

async function* input(): AsyncGenerator<Uint8Array> {
  for (;;) {
    const request = await ask({ type: 'more' });
    if (request.type !== 'input' || request.bytes === undefined) return;
    yield request.bytes;
  }
}

async function inflate(compression: SlowCompression): Promise<void> {
  const plain = compression === 'bzip2' ? bunzip2(input()) : unxz(input());
  try {
    for await (const bytes of plain) {
      if (bytes.length > 0) await ask({ type: 'plain', bytes });
    }
    await turn;
    parentPort?.postMessage({ type: 'end' } satisfies InflateReply);
  } catch (error) {
    await turn;
    parentPort?.postMessage({ type: 'failed', message: messageOf(error) } satisfies InflateReply);
  }
}

await inflate(workerData);
