/** The program of a thread that makes one layer; see `LayerThread`. */
import { parentPort } from 'node:worker_threads';
import { type LayerReply, type LayerRequest, packFailure } from './layer-messages.ts';
import { LayerWork } from './layer-work.ts';

let work: LayerWork | undefined;

function answer(reply: LayerReply): void {
  parentPort?.postMessage(reply);
}

function serve(request: LayerRequest): void {
  if (request.type === 'open') work = new LayerWork(request.options);
  else if (request.type === 'write') {
    work?.write(new Uint8Array(request.slot, 0, request.length));
    answer({ type: 'free', slot: request.slot });
  } else if (request.type === 'finish') {
    if (work !== undefined) answer({ type: 'finished', ...work.finish(request.expected) });
  } else answer({ type: 'stopped' });
}

parentPort?.on('message', (request: LayerRequest) => {
  try {
    serve(request);
  } catch (error) {
    work = undefined;
    answer({ type: 'failed', failure: packFailure(error) });
  }
});
