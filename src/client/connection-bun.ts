import type { Socket } from 'bun';
import { type Connection, Inbox } from './connection.ts';
import type { Endpoint } from './endpoint.ts';

interface Half {
  readonly inbox: Inbox;
  drained: (() => void) | undefined;
  broken: Error | undefined;
}

/** A plain connection over Bun's sockets. */
export async function dialWithBun(endpoint: Endpoint): Promise<Connection> {
  let socket: Socket<undefined> | undefined;
  const half: Half = {
    inbox: new Inbox({ pause: () => socket?.pause(), resume: () => socket?.resume() }),
    drained: undefined,
    broken: undefined,
  };
  const stop = (reason: Error | undefined): void => {
    half.broken ??= reason ?? new Error('the connection is closed');
    if (reason === undefined) half.inbox.end();
    else half.inbox.fail(reason);
    half.drained?.();
  };
  const handlers = {
    // Bun may reuse the memory behind the chunk, and the inbox keeps it.
    data: (_: unknown, chunk: Uint8Array) => half.inbox.push(chunk.slice()),
    drain: () => half.drained?.(),
    end: () => half.inbox.end(),
    close: () => stop(undefined),
    error: (_: unknown, reason: Error) => stop(reason),
  };
  socket =
    endpoint.kind === 'unix'
      ? await Bun.connect({ unix: endpoint.path, allowHalfOpen: true, socket: handlers })
      : await Bun.connect({
          hostname: endpoint.host,
          port: endpoint.port,
          allowHalfOpen: true,
          socket: handlers,
        });
  return overSocket(socket, half);
}

function overSocket(socket: Socket<undefined>, half: Half): Connection {
  let queue: Promise<void> = Promise.resolve();
  const send = async (bytes: Uint8Array): Promise<void> => {
    let sent = 0;
    while (sent < bytes.length) {
      if (half.broken !== undefined) throw half.broken;
      const count = socket.write(bytes.subarray(sent));
      if (count < 0) throw half.broken ?? new Error('the connection is closed');
      sent += count;
      if (sent < bytes.length) {
        await new Promise<void>((resolve) => {
          half.drained = resolve;
        });
      }
    }
  };
  return {
    write(bytes) {
      const result = queue.then(() => send(bytes));
      queue = result.catch(() => {});
      return result;
    },
    closeWrite: () => {
      queue = queue.then(() => {
        if (half.broken === undefined) socket.shutdown();
      });
    },
    read: () => half.inbox.read(),
    unread: (bytes) => half.inbox.unread(bytes),
    get ended() {
      return half.inbox.ended;
    },
    close: () => {
      half.inbox.end();
      socket.terminate();
    },
  };
}
