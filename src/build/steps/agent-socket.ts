import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, chown, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';

export interface AgentSocketOptions {
  /** A directory that nobody else can look into. */
  readonly directory: string;
  /** Host path of the agent's own socket. */
  readonly agent: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Of a step at the same time: each takes descriptors of the daemon's. */
export const MAX_AGENT_CONNECTIONS = 64;

export interface AgentSocket extends AsyncDisposable {
  readonly path: string;
}

/** A socket that stands for an SSH agent's while it is open: with the owner that a step wants, and gone with the step. */
export async function openAgentSocket(options: AgentSocketOptions): Promise<AgentSocket> {
  const { directory, agent, mode, uid, gid } = options;
  const path = `${directory}/agent-${randomBytes(8).toString('hex')}`;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    if (open.size >= 2 * MAX_AGENT_CONNECTIONS) {
      client.destroy();
      return;
    }
    const upstream = connect(agent);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  const close = async (): Promise<void> => {
    server.close();
    for (const socket of open) socket.destroy();
    await rm(path, { force: true });
  };
  try {
    server.listen(path);
    await once(server, 'listening');
    await chown(path, uid, gid);
    await chmod(path, mode);
  } catch (error) {
    await close();
    throw error;
  }
  return { path, [Symbol.asyncDispose]: close };
}
