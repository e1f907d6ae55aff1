import { conflict, internal, messageOf } from '../../base/errors.ts';
import type { Parts } from '../parts.ts';
import { type Entry, isRunning, joinedContainer } from '../record.ts';
import type { JoinedPids } from '../spec/namespaces.ts';
import { isRestarting, notRunning } from './state-errors.ts';

/** The running containers whose namespaces a container joins. */
export interface Peers {
  readonly network: Entry | undefined;
  readonly ipc: Entry | undefined;
  readonly pid: Entry | undefined;
}

/** Fails in Docker's words when one is missing, stopped, or does not share. */
export function findPeers(parts: Parts, { id, container }: Entry): Peers {
  const { NetworkMode, IpcMode, PidMode } = container.hostConfig;
  return {
    network: networkPeer(parts, id, joinedContainer(NetworkMode)),
    ipc: namespacePeer(parts, 'IPC', joinedContainer(IpcMode)),
    pid: namespacePeer(parts, 'PID', joinedContainer(PidMode)),
  };
}

export function pidsOf(peers: Peers): JoinedPids {
  return {
    network: peers.network?.container.state.pid,
    ipc: peers.ipc?.container.state.pid,
    pid: peers.pid?.container.state.pid,
  };
}

function networkPeer(parts: Parts, id: string, reference: string | undefined): Entry | undefined {
  if (reference === undefined) return undefined;
  const peer = lookUp(parts, reference, 'joining network namespace of container');
  const { name, state } = peer.container;
  if (peer.id === id) throw internal('cannot join own network namespace');
  if (!isRunning(peer)) {
    throw conflict(
      `cannot join network namespace of a non running container: container ${name} is ${state.status}`,
    );
  }
  if (state.status === 'restarting') {
    throw internal(`cannot join network namespace of container: ${isRestarting(reference).message}`);
  }
  return peer;
}

function namespacePeer(parts: Parts, kind: 'IPC' | 'PID', reference: string | undefined): Entry | undefined {
  if (reference === undefined) return undefined;
  const failure = `failed to join ${kind} namespace`;
  const peer = lookUp(parts, reference, failure);
  if (!isRunning(peer)) throw internal(`${failure}: ${notRunning(reference).message}`);
  if (peer.container.state.status === 'restarting') {
    throw internal(`${failure}: ${isRestarting(reference).message}`);
  }
  const shares = ['shareable', 'host'].includes(peer.container.hostConfig.IpcMode);
  const joins = joinedContainer(peer.container.hostConfig.IpcMode) !== undefined;
  if (kind === 'IPC' && !shares && !joins) {
    throw internal(
      `${failure}: container ${reference}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
    );
  }
  return peer;
}

function lookUp(parts: Parts, reference: string, failure: string): Entry {
  try {
    return parts.registry.get(reference);
  } catch (error) {
    throw internal(`${failure}: ${messageOf(error)}`, { cause: error });
  }
}
