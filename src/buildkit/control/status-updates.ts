import type { StatusResponse } from '../protobuf/control-messages.ts';
import type { Value } from '../protobuf/message.ts';

export type StatusUpdate = Partial<Value<typeof StatusResponse>>;

/** What nobody has read yet: beyond that, output of steps is left out. */
const MAX_KEPT_OUTPUT = 16 << 20;
/** Of all output, what is told to who comes late. */
const MAX_LATE_OUTPUT = 256 << 10;
const CLIPPED = Buffer.from('\n[output clipped]\n');

/** Updates for one reader. */
export class UpdateQueue {
  #updates: StatusUpdate[] = [];
  #output = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  add(update: StatusUpdate): void {
    const kept = this.#clipped(update);
    if (kept !== undefined) this.#updates.push(kept);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** All until the end, what has gathered as one. */
  async *read(signal: AbortSignal): AsyncGenerator<StatusUpdate, void, void> {
    const stop = (): void => this.#wake?.();
    signal.addEventListener('abort', stop);
    try {
      for (;;) {
        signal.throwIfAborted();
        const updates = this.#updates;
        this.#updates = [];
        this.#output = 0;
        if (updates.length > 0) yield mergeUpdates(updates);
        else if (this.#ended) return;
        else
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  #clipped(update: StatusUpdate): StatusUpdate | undefined {
    const { logs = [] } = update;
    if (logs.length === 0) return update;
    if (this.#output > MAX_KEPT_OUTPUT) return undefined;
    this.#output += outputSize(logs);
    if (this.#output <= MAX_KEPT_OUTPUT) return update;
    return { ...update, logs: logs.map((log) => ({ ...log, data: CLIPPED })) };
  }
}

/** How a build stands: the latest of everything. */
export class Standing {
  readonly #vertexes = new Map<string, NonNullable<StatusUpdate['vertexes']>[number]>();
  readonly #statuses = new Map<string, NonNullable<StatusUpdate['statuses']>[number]>();
  #warnings: NonNullable<StatusUpdate['warnings']> = [];
  #logs: NonNullable<StatusUpdate['logs']>[number][] = [];
  #output = 0;

  note({ vertexes = [], statuses = [], logs = [], warnings = [] }: StatusUpdate): void {
    for (const vertex of vertexes) this.#vertexes.set(vertex.digest ?? '', vertex);
    for (const status of statuses) this.#statuses.set(`${status.vertex} ${status.id}`, status);
    if (warnings.length > 0) this.#warnings = [...this.#warnings, ...warnings];
    this.#output += outputSize(logs);
    this.#logs.push(...logs);
    while (this.#output > MAX_LATE_OUTPUT && this.#logs.length > 0) {
      this.#output -= outputSize(this.#logs.splice(0, 1 + (this.#logs.length >> 1)));
    }
  }

  update(): StatusUpdate {
    return {
      vertexes: [...this.#vertexes.values()],
      statuses: [...this.#statuses.values()],
      logs: [...this.#logs],
      warnings: this.#warnings,
    };
  }
}

export function mergeUpdates(updates: readonly StatusUpdate[]): StatusUpdate {
  return {
    vertexes: updates.flatMap(({ vertexes = [] }) => vertexes),
    statuses: updates.flatMap(({ statuses = [] }) => statuses),
    logs: updates.flatMap(({ logs = [] }) => logs),
    warnings: updates.flatMap(({ warnings = [] }) => warnings),
  };
}

function outputSize(logs: NonNullable<StatusUpdate['logs']>): number {
  return logs.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
}
