import type { Attachment, AttachOptions } from '../../runtime/contract.ts';

/** Clients that attached before the container runs: they join its next start, and miss nothing of it. */
export class PendingAttachments {
  #waiting: PendingAttachment[] = [];

  add(options: AttachOptions): Attachment {
    const pending = new PendingAttachment(options, (gone) => {
      this.#waiting = this.#waiting.filter((entry) => entry !== gone);
    });
    this.#waiting.push(pending);
    return pending;
  }

  /** Takes all that wait, for one start. */
  take(): readonly PendingAttachment[] {
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }

  /** The container is gone: nobody will ever write. */
  close(): void {
    for (const pending of this.take()) pending.abandon();
  }
}

/** An attachment whose task is still to come. */
export class PendingAttachment implements Attachment {
  readonly options: AttachOptions;
  readonly detached: Promise<boolean>;
  readonly frames: AsyncIterable<Uint8Array>;
  readonly #inner: Promise<Attachment | undefined>;
  readonly #leave: (pending: PendingAttachment) => void;
  #settle: (inner: Attachment | undefined) => void = () => {};
  #disposed = false;

  constructor(options: AttachOptions, leave: (pending: PendingAttachment) => void) {
    this.options = options;
    this.#leave = leave;
    this.#inner = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.detached = this.#inner.then((inner) => inner?.detached ?? false);
    this.frames = framesOf(this.#inner);
  }

  /** The task has started with this attachment of its own. */
  async join(inner: Attachment): Promise<void> {
    this.#settle(inner);
    if (this.#disposed) await inner[Symbol.asyncDispose]();
  }

  /** It never will: the frames end. */
  abandon(): void {
    this.#settle(undefined);
  }

  async write(chunk: Uint8Array): Promise<void> {
    await (await this.#inner)?.write(chunk);
  }

  async end(): Promise<void> {
    await (await this.#inner)?.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#leave(this);
    this.#settle(undefined);
    await (await this.#inner)?.[Symbol.asyncDispose]();
  }
}

async function* framesOf(inner: Promise<Attachment | undefined>): AsyncGenerator<Uint8Array> {
  const attachment = await inner;
  if (attachment !== undefined) yield* attachment.frames;
}
