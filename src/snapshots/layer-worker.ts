/** The program of the thread that makes layers; see `LayerThread`. */
import { parentPort } from 'node:worker_threads';
import { type LayerReply, type LayerRequest, packFailure } from './layer-messages.ts';
import { LayerWork } from './layer-work.ts';

/** What has failed is here no more. */
const works = new Map<number, LayerWork>();

/** Whether anything became garbage since it was collected. */
let isLittered = false;

/**
 * Left to itself the collector lets this heap grow by the machine's memory rather than by need: 100,000 files took 240 MB instead of less
 * than 100.
 */
function collectGarbage(): void {
  isLittered = false;
  Bun.gc(true);
}

function answer(reply: LayerReply): void {
  parentPort?.postMessage(reply);
}

function serve(request: LayerRequest): void {
  const { layer } = request;
  const work = works.get(layer);
  if (request.type === 'open') works.set(layer, new LayerWork(request.options, collectGarbage));
  else if (request.type === 'write') {
    isLittered = true;
    work?.write(new Uint8Array(request.slot, 0, request.length));
    answer({ layer, type: 'free', slot: request.slot });
  } else if (request.type === 'finish') {
    if (work !== undefined) answer({ layer, type: 'finished', made: work.finish(request.expected) });
  } else {
    works.delete(layer);
    answer({ layer, type: 'closed' });
    if (works.size === 0 && isLittered) collectGarbage();
  }
}

parentPort?.on('message', (request: LayerRequest) => {
  try {
    serve(request);
  } catch (error) {
    works.delete(request.layer);
    answer({ layer: request.layer, type: 'failed', failure: packFailure(error) });
  }
});
