import { type Connection, ConnectionClosed } from './connection.ts';
import { type ListenAddress, type Listener, listen } from './listener.ts';
import { Session, type SessionOptions } from './session.ts';

/** Listeners and the sessions of their clients. */
export class HttpServer {
  readonly #options: SessionOptions;
  readonly #listeners: Listener[] = [];
  readonly #sessions = new Set<Session>();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Returns the address with the port that was chosen. */
  async listen(address: ListenAddress): Promise<string> {
    const listener = await listen(address, (connection) => this.#serve(connection));
    this.#listeners.push(listener);
    return listener.address;
  }

  /** Takes no more connections, lets what is being answered finish for at most `grace` milliseconds, then cuts the rest. */
  async close(grace: number): Promise<void> {
    for (const listener of this.#listeners.splice(0)) listener.stop();
    const reason = new ConnectionClosed('the daemon is shutting down');
    const open = [...this.#sessions];
    const gone = open.map(({ connection }) => new Promise<void>((resolve) => connection.onClose(resolve)));
    for (const session of open) session.close(reason);
    const cut = setTimeout(() => {
      for (const { connection } of open) connection.destroy();
    }, grace);
    await Promise.all(gone);
    clearTimeout(cut);
  }

  #serve(connection: Connection): void {
    const session = new Session(connection, this.#options);
    this.#sessions.add(session);
    connection.onClose(() => this.#sessions.delete(session));
    void session.run();
  }
}
