import { Worker } from 'node:worker_threads';
import { internal } from '../base/errors.ts';
import type { Digest } from '../oci/digest.ts';
import { type LayerReply, type LayerRequest, unpackFailure } from './layer-messages.ts';
import type { LayerWorkOptions } from './layer-work.ts';

/** Bytes that a slot has, and slots on their way at once: what one layer keeps in memory of its tar. */
export const SLOT_SIZE = 512 * 1024;
const SLOTS = 4;

/** A thread that makes one layer of the tar that it is given in slots of shared memory. Ended by `stop`, after which it has let go of its files. */
export class LayerThread {
  readonly #worker: Worker;
  readonly #free: SharedArrayBuffer[] = [];
  #slots = 0;
  #failure: Error | undefined;
  #wake: () => void = () => {};
  readonly #finished = Promise.withResolvers<{ readonly diffId: Digest; readonly size: number }>();
  readonly #stopped = Promise.withResolvers<void>();

  constructor(options: LayerWorkOptions) {
    this.#worker = new Worker(new URL('./layer-worker.ts', import.meta.url));
    this.#finished.promise.catch(() => {});
    this.#worker.on('message', (reply: LayerReply) => this.#take(reply));
    this.#worker.on('error', (cause) =>
      this.#fail(internal('the thread that makes a layer failed', { cause })),
    );
    this.#worker.on('exit', () => {
      this.#fail(internal('the thread that makes a layer has ended'));
      this.#stopped.resolve();
    });
    this.#send({ type: 'open', options });
  }

  /** A slot to be filled, as soon as one is free. Fails when the layer cannot be made. */
  async slot(): Promise<SharedArrayBuffer> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const free = this.#free.pop();
      if (free !== undefined) return free;
      if (this.#slots < SLOTS) {
        this.#slots++;
        return new SharedArrayBuffer(SLOT_SIZE);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Gives a filled slot away. */
  write(slot: SharedArrayBuffer, length: number): void {
    this.#send({ type: 'write', slot, length });
  }

  finish(expected: Digest | undefined): Promise<{ readonly diffId: Digest; readonly size: number }> {
    this.#send({ type: 'finish', expected });
    return this.#finished.promise;
  }

  async stop(): Promise<void> {
    this.#send({ type: 'stop' });
    await this.#stopped.promise;
    await this.#worker.terminate();
  }

  #send(request: LayerRequest): void {
    this.#worker.postMessage(request);
  }

  #take(reply: LayerReply): void {
    if (reply.type === 'free') this.#free.push(reply.slot);
    else if (reply.type === 'finished') this.#finished.resolve(reply);
    else if (reply.type === 'failed') this.#fail(unpackFailure(reply.failure));
    else this.#stopped.resolve();
    this.#wake();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#finished.reject(this.#failure);
    this.#wake();
  }
}
