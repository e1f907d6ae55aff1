import net from 'node:net';
import { type Connection, Inbox } from './connection.ts';
import type { Endpoint, TlsMaterial } from './endpoint.ts';

/** A plain or TLS connection over Node's sockets (which Bun has too). */
export async function dialWithNode(
  endpoint: Endpoint,
  material: TlsMaterial | undefined,
): Promise<Connection> {
  const socket = await open(endpoint, material);
  const inbox = new Inbox({ pause: () => socket.pause(), resume: () => socket.resume() });
  socket.on('data', (chunk: Uint8Array) => inbox.push(chunk));
  socket.on('end', () => inbox.end());
  socket.on('close', () => inbox.end());
  socket.on('error', (reason) => inbox.fail(reason));
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        socket.write(bytes, (reason) => (reason ? reject(reason) : resolve()));
      }),
    closeWrite: () => {
      socket.end();
    },
    read: () => inbox.read(),
    unread: (bytes) => inbox.unread(bytes),
    get ended() {
      return inbox.ended;
    },
    close: () => {
      inbox.end();
      socket.destroy();
    },
  };
}

async function open(endpoint: Endpoint, material: TlsMaterial | undefined): Promise<net.Socket> {
  const address =
    endpoint.kind === 'unix' ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port };
  if (material === undefined) return opened(net.connect({ ...address, allowHalfOpen: true }), 'connect');
  const tls = await import('node:tls');
  const serverName = endpoint.kind === 'tcp' && net.isIP(endpoint.host) === 0 ? endpoint.host : undefined;
  const socket = tls.connect({
    ...address,
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(material.ca === undefined ? {} : { ca: material.ca }),
    ...(material.cert === undefined ? {} : { cert: material.cert }),
    ...(material.key === undefined ? {} : { key: material.key }),
    rejectUnauthorized: material.verify,
    minVersion: 'TLSv1.2',
  });
  return opened(socket, 'secureConnect');
}

function opened(socket: net.Socket, event: 'connect' | 'secureConnect'): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once(event, () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
