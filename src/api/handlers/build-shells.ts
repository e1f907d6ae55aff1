import { messageOf } from '../../base/errors.ts';
import type { Call, HandlersOf } from '../call.ts';
import type { Connection } from '../http/connection.ts';
import { RAW_STREAM } from './container-streams.ts';
import { terminalSize } from './terminal-size.ts';

export const buildShellHandlers: HandlersOf<'buildShellStart' | 'buildShellResize'> = {
  buildShellStart: (call) => new ShellSession(call).run(),

  async buildShellResize({ engine, name, query }) {
    const { rows, columns } = terminalSize(query);
    await engine.builder.resizeShell(name, rows, columns);
  },
};

/** One command in a failed step. The connection is handed over when it runs: what keeps it from running is answered as usual. */
class ShellSession {
  readonly #call: Call<'buildShellStart'>;
  readonly #left = new AbortController();
  readonly #started = Promise.withResolvers<Connection>();
  #connection: Connection | undefined;

  constructor(call: Call<'buildShellStart'>) {
    this.#call = call;
    // Where it never runs nobody asks.
    this.#started.promise.catch(() => {});
  }

  async run(): Promise<void> {
    const { engine, context, name, body } = this.#call;
    const [rows = 0, columns = 0] = body.ConsoleSize ?? [];
    const signal = AbortSignal.any([context.signal, this.#left.signal]);
    const terminal = {
      ...{ rows: Math.max(rows, 0), columns: Math.max(columns, 0), input: this.#input() },
      onStarted: () => this.#takeOver(),
    };
    try {
      await engine.builder.runShell({ ...context, signal }, name, {
        ...{ args: body.Cmd ?? [], env: body.Env ?? [], user: body.User, workingDirectory: body.WorkingDir },
        terminal,
        onOutput: (bytes) => this.#connection?.write(bytes),
      });
    } catch (error) {
      if (this.#connection === undefined) throw error;
      this.#connection.write(Buffer.from(`${messageOf(error)}\r\n`))?.catch(() => {});
    } finally {
      this.#started.reject(new Error('it never ran'));
      this.#connection?.finish();
    }
  }

  #takeOver(): void {
    const { request, response } = this.#call;
    const connection = response.hijack(
      { 'Content-Type': RAW_STREAM },
      request.headers.has('upgrade') ? 'tcp' : undefined,
    );
    connection.onClose(() => this.#left.abort(new Error('the client has left')));
    this.#connection = connection;
    this.#started.resolve(connection);
  }

  async *#input(): AsyncGenerator<Uint8Array, void, void> {
    const connection = await this.#started.promise;
    for (let bytes = await connection.read(); bytes !== undefined; bytes = await connection.read()) {
      yield bytes;
    }
  }
}
