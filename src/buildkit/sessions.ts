import { setTimeout as sleep } from 'node:timers/promises';
import { notFound } from '../base/errors.ts';
import type { ByteStream } from './grpc/byte-stream.ts';
import { GrpcClient } from './grpc/client.ts';

/** What a client says of its session when it opens it. */
export interface SessionFacts {
  readonly id: string;
  /** The same for the same directory of the same client. */
  readonly sharedKey: string;
  /** Paths of the methods that the client serves, in lower case. */
  readonly methods: ReadonlySet<string>;
}

/** A connection over which the daemon asks a client for what its builds need. */
export interface ClientSession extends SessionFacts {
  readonly client: GrpcClient;
}

/** How long a build waits for its session, milliseconds: clients open both at once. */
const PATIENCE = 10_000;
export const MAX_SESSIONS = 1_000;

export class ClientSessions {
  readonly #open = new Map<string, ClientSession>();
  readonly #waiting = new Set<() => void>();

  /** Serves until the connection is closed. A second session of one ID takes the first one's place. */
  async serve(stream: ByteStream, facts: SessionFacts): Promise<void> {
    if (this.#open.size >= MAX_SESSIONS) {
      stream.destroy();
      return;
    }
    const client = new GrpcClient(stream);
    const session = { ...facts, client };
    this.#open.set(facts.id, session);
    for (const wake of this.#waiting) wake();
    await new Promise<void>((resolve) => stream.onClose(resolve));
    client.close();
    if (this.#open.get(facts.id) === session) this.#open.delete(facts.id);
  }

  /** Fails with `not-found` when the client does not come. */
  async find(id: string, signal: AbortSignal): Promise<ClientSession> {
    const until = new AbortController();
    const patience = sleep(PATIENCE, undefined, { signal: until.signal, ref: false }).catch(() => {});
    const over = AbortSignal.any([signal, until.signal]);
    try {
      let late = false;
      void patience.then(() => {
        late = true;
      });
      for (;;) {
        signal.throwIfAborted();
        const session = this.#open.get(id);
        if (session !== undefined) return session;
        if (late) throw notFound(`no active session for ${id}: context deadline exceeded`);
        await Promise.race([patience, this.#next(over)]);
      }
    } finally {
      until.abort();
    }
  }

  #next(over: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      over.addEventListener('abort', wake, { once: true });
    });
  }
}
