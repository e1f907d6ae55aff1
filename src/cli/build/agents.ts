import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { CommandError } from '../command-error.ts';
import { cut } from '../flag-types.ts';
import type { Session } from '../session.ts';

export interface AgentSession {
  readonly address: Session['address'];
  readonly io: Pick<Session['io'], 'environment'>;
}

/**
 * The sockets of agents that `--ssh` names, by their IDs: `default`, `id`, `id=socket`. The daemon opens them by their paths, so it must
 * be one of this machine. Throws CommandError.
 */
export function agentSockets(values: readonly string[], session: AgentSession): Record<string, string> {
  if (values.length === 0) return {};
  if (!session.address.host.startsWith('unix://')) {
    throw new CommandError('--ssh needs a daemon on this machine, reached through a Unix socket');
  }
  const own = session.io.environment['SSH_AUTH_SOCK'] ?? '';
  return Object.fromEntries(values.map((value) => socketOf(value, own)));
}

function socketOf(value: string, own: string): [string, string] {
  const [id, given] = cut(value, '=');
  const path = given === '' ? own : resolve(given);
  if (path === '') {
    throw new CommandError('invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set');
  }
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined)
    throw new CommandError(`failed to open ssh agent: stat ${path}: no such file or directory`);
  if (stat.isSocket()) return [id, path];
  throw new CommandError(`${path} is not an agent's socket: add keys to an agent and forward that`);
}
