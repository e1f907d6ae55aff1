import type { Context } from '../../base/context.ts';
import type { BlobInfo, ContentStore, ContentWriter, Lease } from '../../content/contract.ts';
import { mergeUpdates, type StatusUpdate } from '../control/status-updates.ts';
import { StatusResponse } from '../protobuf/control-messages.ts';

const PREFIX = 4;
/** What waits to become one message, and what waits for the disk, bytes. */
const MAX_BATCH = 64 << 10;
const MAX_WAITING = 1 << 20;
const MAX_UPDATES = 200;
/** Beyond that the output of steps is left out. */
const MAX_LOG = 32 << 20;
/** Longer than any message that is written here. */
const MAX_MESSAGE = 16 << 20;

export interface StepCounts {
  readonly cachedSteps: number;
  readonly totalSteps: number;
  readonly completedSteps: number;
  readonly warnings: number;
}

/** What a build tells, kept for later. Most builds tell so little that nothing is written before they end. */
export class StatusLog {
  readonly #context: Context;
  readonly #content: ContentStore;
  #updates: StatusUpdate[] = [];
  #batch = 0;
  #pieces: Uint8Array[] = [];
  #waiting = 0;
  #size = 0;
  #writer: ContentWriter | undefined;
  #writing: Promise<void> = Promise.resolve();
  readonly #steps = new Map<string, { cached: boolean; completed: boolean }>();
  #warnings = 0;

  constructor(context: Context, content: ContentStore) {
    this.#context = context;
    this.#content = content;
  }

  add({ logs = [], ...update }: StatusUpdate): void {
    this.#count(update);
    const output = logs.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
    const kept = this.#size + output > MAX_LOG ? [] : logs;
    this.#size += output;
    this.#updates.push({ ...update, logs: kept });
    this.#batch += output;
    if (this.#batch >= MAX_BATCH || this.#updates.length >= MAX_UPDATES) this.#flush();
  }

  get counts(): StepCounts {
    const steps = [...this.#steps.values()];
    return {
      cachedSteps: steps.filter(({ cached }) => cached).length,
      totalSteps: steps.length,
      completedSteps: steps.filter(({ completed }) => completed).length,
      warnings: this.#warnings,
    };
  }

  /** What was told as a blob, held by `lease`. */
  async end(lease: Lease): Promise<BlobInfo> {
    this.#flush();
    try {
      await this.#writing;
      this.#writer ??= await this.#content.writer(this.#context);
      await this.#write(this.#writer);
      return await this.#writer.commit({}, lease);
    } finally {
      await this.#writer?.[Symbol.asyncDispose]();
    }
  }

  #flush(): void {
    if (this.#updates.length === 0) return;
    const message = StatusResponse.encode(mergeUpdates(this.#updates));
    const prefix = Buffer.alloc(PREFIX);
    prefix.writeUInt32LE(message.length);
    this.#pieces.push(prefix, message);
    this.#waiting += PREFIX + message.length;
    this.#updates = [];
    this.#batch = 0;
    if (this.#waiting > MAX_WAITING) this.#spill();
  }

  #spill(): void {
    const spilling = this.#writing.then(async () => {
      this.#writer ??= await this.#content.writer(this.#context);
      await this.#write(this.#writer);
    });
    this.#writing = spilling;
    // Whoever ends it is told.
    spilling.catch(() => {});
  }

  async #write(writer: ContentWriter): Promise<void> {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#waiting = 0;
    if (pieces.length > 0) await writer.write(Buffer.concat(pieces));
  }

  #count({ vertexes = [], warnings = [] }: StatusUpdate): void {
    this.#warnings += warnings.length;
    for (const { digest = '', cached = false, completed } of vertexes) {
      const step = this.#steps.get(digest) ?? { cached: false, completed: false };
      this.#steps.set(digest, step);
      step.cached ||= cached;
      step.completed ||= completed !== undefined;
    }
  }
}

/** The messages of such a blob. */
export async function* readStatusLog(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<StatusUpdate, void, void> {
  let rest = Buffer.alloc(0);
  for await (const chunk of bytes) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= PREFIX) {
      const end = PREFIX + Math.min(rest.readUInt32LE(0), MAX_MESSAGE);
      if (rest.length < end) break;
      yield StatusResponse.decode(rest.subarray(PREFIX, end));
      rest = rest.subarray(end);
    }
  }
}
