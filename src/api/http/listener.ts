import { chmodSync, chownSync, lstatSync, unlinkSync } from 'node:fs';
import { isErrno } from '../../base/errno.ts';
import { conflict } from '../../base/errors.ts';
import { isListening } from '../../base/unix-socket.ts';
import { Connection } from './connection.ts';

/**
 * Listeners on Bun's own sockets.
 *
 * Bun's `node:http` was tried first and cannot carry Docker's protocol: it drops the body of a request that asks for an upgrade, and
 * answers 400 into a connection that was hijacked without one. `node:net` could, but takes 75 µs for a round trip that takes
 * 14 µs on these, and does not tell a client that left from one that only ended its input.
 */
export type ListenAddress =
  | { readonly unix: string; readonly mode: number; readonly gid?: number }
  | { readonly tcp: { readonly host: string; readonly port: number }; readonly tls?: TlsOptions };

/** PEM texts. With `clientAuthority` every client must show a certificate that it signed. */
interface TlsOptions {
  readonly key: string;
  readonly certificate: string;
  readonly clientAuthority?: string;
}

export interface Listener {
  /** "unix:///path" or "tcp://host:port", with the port that was chosen. */
  readonly address: string;
  /** No further connections; those that are open stay. */
  stop(): void;
}

interface SocketState {
  connection: Connection | undefined;
}

type Accept = (connection: Connection) => void;

/** Fails with `conflict` when another process serves the address. */
export async function listen(address: ListenAddress, accept: Accept): Promise<Listener> {
  return 'unix' in address ? listenUnix(address, accept) : listenTcp(address, accept);
}

async function listenUnix(
  address: Extract<ListenAddress, { unix: string }>,
  accept: Accept,
): Promise<Listener> {
  const path = address.unix;
  await removeStale(path);
  // The mask keeps everyone else out between the socket's making and its chmod.
  const mask = process.umask(0o177);
  const server = Bun.listen<SocketState>({
    unix: path,
    allowHalfOpen: true,
    socket: handlers(accept, false),
  });
  process.umask(mask);
  if (address.gid !== undefined) chownSync(path, process.getuid?.() ?? 0, address.gid);
  chmodSync(path, address.mode);
  return {
    address: `unix://${path}`,
    stop() {
      server.stop();
      removeSocket(path);
    },
  };
}

function listenTcp(address: Extract<ListenAddress, { tcp: object }>, accept: Accept): Listener {
  const { host, port } = address.tcp;
  const { tls } = address;
  const server = Bun.listen<SocketState>({
    hostname: host,
    port,
    allowHalfOpen: true,
    socket: handlers(accept, tls !== undefined, tls?.clientAuthority !== undefined),
    ...(tls === undefined ? {} : { tls: tlsSettings(tls) }),
  });
  return { address: `tcp://${host}:${server.port}`, stop: () => server.stop() };
}

function tlsSettings(tls: TlsOptions): Bun.TLSOptions {
  const own = { key: tls.key, cert: tls.certificate };
  if (tls.clientAuthority === undefined) return own;
  return { ...own, ca: tls.clientAuthority, requestCert: true, rejectUnauthorized: true };
}

/** With `secure`, a connection exists once the handshake has succeeded, and with `verified` only for a client that proved itself. */
function handlers(accept: Accept, secure: boolean, verified = false): Bun.SocketHandler<SocketState> {
  const begin = (socket: Bun.Socket<SocketState>): void => {
    const connection = new Connection(socket);
    socket.data = { connection };
    accept(connection);
  };
  return {
    open(socket) {
      if (secure) socket.data = { connection: undefined };
      else begin(socket);
    },
    handshake(socket, success) {
      if (success && (!verified || socket.authorized)) begin(socket);
      else socket.terminate();
    },
    data: (socket, bytes) => socket.data.connection?.received(bytes),
    end: (socket) => socket.data.connection?.peerEnded(),
    drain: (socket) => socket.data.connection?.drained(),
    close: (socket) => socket.data.connection?.socketClosed(),
    error: (socket) => socket.data.connection?.destroy(),
  };
}

/** A socket file that nobody listens on any more is left by a daemon that was killed. */
async function removeStale(path: string): Promise<void> {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return;
  if (!status.isSocket()) throw conflict(`cannot listen on ${path}: it exists and is not a socket`);
  if (await isListening(path)) throw conflict(`cannot listen on ${path}: another process listens on it`);
  removeSocket(path);
}

function removeSocket(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}
