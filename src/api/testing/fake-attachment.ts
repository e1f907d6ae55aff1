import type { Attachment } from '../../runtime/contract.ts';

/** A process's streams of which a test plays the process: it sends output, and sees the input. */
export class FakeAttachment implements Attachment {
  readonly #output = new TransformStream<Uint8Array, Uint8Array>();
  readonly #writer = this.#output.writable.getWriter();
  readonly frames: AsyncIterable<Uint8Array> = this.#output.readable;
  readonly detached: Promise<boolean> = Promise.resolve(false);
  input = '';
  readonly inputEnded = Promise.withResolvers<void>();
  readonly disposed = Promise.withResolvers<void>();

  /** One frame of standard output, or of another stream. */
  async send(text: string, stream = 1): Promise<void> {
    await this.#writer.write(frame(text, stream));
  }

  async exit(): Promise<void> {
    await this.#writer.close();
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.input += Buffer.from(chunk).toString();
  }

  async end(): Promise<void> {
    this.inputEnded.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposed.resolve();
    await this.#writer.close().catch(() => {});
  }
}

export function frame(text: string, stream = 1): Uint8Array {
  const payload = Buffer.from(text);
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}
