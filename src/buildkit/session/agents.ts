import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Context } from '../../base/context.ts';
import { messageOf } from '../../base/errors.ts';
import { BytesMessage, CheckAgentRequest, CheckAgentResponse } from '../protobuf/session-messages.ts';
import type { ClientSession } from '../sessions.ts';

const SERVICE = '/moby.sshforward.v1.SSH';
/** At the same time: each is a call of the session's. */
const MAX_CONNECTIONS = 64;

/** A socket of ours that stands for an SSH agent of the client's, as long as it is open. */
export interface ForwardedAgent extends AsyncDisposable {
  readonly path: string;
}

/** Undefined when the client has no agent of this ID. */
export async function forwardAgent(
  context: Context,
  session: ClientSession,
  id: string,
  directory: string,
): Promise<ForwardedAgent | undefined> {
  if (!session.methods.has(`${SERVICE}/ForwardAgent`.toLowerCase())) return undefined;
  try {
    const types = [CheckAgentRequest, CheckAgentResponse] as const;
    await session.client.unary(`${SERVICE}/CheckAgent`, types, { id }, context.signal);
  } catch (error) {
    context.log.debug('a client forwards no agent', { id, error: messageOf(error) });
    return undefined;
  }
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `ssh-${randomBytes(8).toString('hex')}`);
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    if (open.size >= MAX_CONNECTIONS) {
      socket.destroy();
      return;
    }
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    splice(context, session, id, socket).catch((error: unknown) => {
      context.log.debug('an agent connection broke', { error: messageOf(error) });
      socket.destroy();
    });
  });
  await listen(server, path);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of open) socket.destroy();
      await rm(path, { force: true });
    },
  };
}

async function listen(server: Server, path: string): Promise<void> {
  server.listen(path);
  await once(server, 'listening');
  await chmod(path, 0o600);
}

async function splice(context: Context, session: ClientSession, id: string, socket: Socket): Promise<void> {
  using call = session.client.open(`${SERVICE}/ForwardAgent`, { 'buildkit.ssh.id': id }, context.signal);
  const sending = (async () => {
    for await (const chunk of socket) await call.send(BytesMessage.encode({ data: chunk }));
    call.end();
  })();
  sending.catch(() => socket.destroy());
  for await (const bytes of call.answers) {
    if (!socket.write(BytesMessage.decode(bytes).data)) await once(socket, 'drain');
  }
  socket.end();
}
