import { Worker } from 'node:worker_threads';
import { internal } from '../base/errors.ts';
import type { Digest } from '../oci/digest.ts';
import { type LayerReply, type LayerRequest, unpackFailure } from './layer-messages.ts';
import type { LayerWorkOptions, MadeLayer } from './layer-work.ts';

/** Bytes that a slot has, and slots on their way at once: what one layer keeps in memory of its tar. */
export const SLOT_SIZE = 256 * 1024;
const SLOTS = 4;

/** Without work the thread ends after this many milliseconds: the next layer mostly comes at once, and a start costs more than a layer. */
const LINGER = 100;

/** The thread that makes layers of tars, all of them one: it is there while one is made. */
export class LayerThread {
  readonly #layers = new Map<number, ThreadedLayer>();
  /** Slots of layers that are done, for those to come. */
  readonly #spare: SharedArrayBuffer[] = [];
  #worker: Worker | undefined;
  #end: NodeJS.Timeout | undefined;
  #opened = 0;

  /** A slot that nobody has. */
  slot(): SharedArrayBuffer {
    return this.#spare.pop() ?? new SharedArrayBuffer(SLOT_SIZE);
  }

  /** Begins a layer, which must be closed. */
  open(options: LayerWorkOptions): ThreadedLayer {
    clearTimeout(this.#end);
    const worker = this.#worker ?? this.#start();
    const number = this.#opened++;
    const send = (request: LayerRequest): void => worker.postMessage(request);
    const layer = new ThreadedLayer(number, {
      send,
      slot: () => this.slot(),
      forget: (slots) => this.#forget(number, slots),
    });
    this.#layers.set(number, layer);
    send({ layer: number, type: 'open', options });
    return layer;
  }

  #start(): Worker {
    const worker = new Worker(new URL('./layer-worker.ts', import.meta.url));
    const lose = (cause?: unknown): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      const error = internal('the thread that makes layers has ended', { cause });
      for (const layer of [...this.#layers.values()]) layer.lose(error);
    };
    worker.on('message', (reply: LayerReply) => this.#layers.get(reply.layer)?.take(reply));
    worker.on('error', lose);
    worker.on('exit', lose);
    this.#worker = worker;
    return worker;
  }

  #forget(layer: number, slots: readonly SharedArrayBuffer[]): void {
    this.#layers.delete(layer);
    this.#spare.push(...slots);
    if (this.#layers.size > 0) return;
    this.#end = setTimeout(() => {
      const worker = this.#worker;
      this.#worker = undefined;
      this.#spare.length = 0;
      worker?.terminate();
      // What passed through this thread on the way is garbage now: 10 ms of work, which otherwise waits for the next layers.
      Bun.gc(true);
    }, LINGER);
    // A process that has nothing else to do need not wait.
    this.#end.unref();
    this.#worker?.unref();
  }
}

interface ThreadOfLayer {
  send(request: LayerRequest): void;
  slot(): SharedArrayBuffer;
  /** The layer is done; gives its slots back. */
  forget(slots: readonly SharedArrayBuffer[]): void;
}

/** One layer that the thread makes of the tar that it is given in slots of shared memory. */
export class ThreadedLayer {
  readonly #number: number;
  readonly #thread: ThreadOfLayer;
  readonly #free: SharedArrayBuffer[] = [];
  readonly #finished = Promise.withResolvers<MadeLayer>();
  readonly #closed = Promise.withResolvers<void>();
  #slots = 0;
  #failure: Error | undefined;
  #isClosing = false;
  #wake: () => void = () => {};

  constructor(number: number, thread: ThreadOfLayer) {
    this.#number = number;
    this.#thread = thread;
    this.#finished.promise.catch(() => {});
  }

  /** A slot to be filled, as soon as one is free. Fails when the layer cannot be made. */
  async slot(): Promise<SharedArrayBuffer> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const free = this.#free.pop();
      if (free !== undefined) return free;
      if (this.#slots < SLOTS) {
        this.#slots++;
        return this.#thread.slot();
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Gives a filled slot away. */
  write(slot: SharedArrayBuffer, length: number): void {
    this.#thread.send({ layer: this.#number, type: 'write', slot, length });
  }

  finish(expected: Digest | undefined): Promise<MadeLayer> {
    this.#thread.send({ layer: this.#number, type: 'finish', expected });
    return this.#finished.promise;
  }

  /** Resolves when the thread has let go of the layer's files. */
  async close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#thread.send({ layer: this.#number, type: 'close' });
    }
    await this.#closed.promise;
  }

  take(reply: LayerReply): void {
    if (reply.type === 'free') this.#free.push(reply.slot);
    else if (reply.type === 'finished') this.#finished.resolve(reply.made);
    else if (reply.type === 'failed') this.#fail(unpackFailure(reply.failure));
    else this.#end();
    this.#wake();
  }

  /** There is no thread any more. */
  lose(error: Error): void {
    this.#fail(error);
    this.#end();
    this.#wake();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#finished.reject(this.#failure);
  }

  #end(): void {
    this.#closed.resolve();
    this.#thread.forget(this.#free.splice(0));
  }
}
