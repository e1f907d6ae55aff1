import type { Endpoint, PortChange, PortRequest, PublishedPort } from '../../network/contract.ts';
import type { Task } from '../../runtime/contract.ts';
import type { Container } from '../contract.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { endpointsOf } from './endpoints.ts';
import { portRequests } from './network-requests.ts';
import { orNotRunning } from './state-errors.ts';
import { takeBack } from './take-back.ts';
import { transition } from './transition.ts';

/** Ports that were chosen may turn out to be another program's: then others are chosen, this many times. */
const PORT_CHOICES = 16;

export interface PortsWanted {
  /** By which endpoint the ports are to be reached; undefined for none. */
  readonly to: Endpoint | undefined;
  readonly ports: readonly PortRequest[];
  /** Those that are to go, whatever `ports` says; none when absent. */
  readonly without?: readonly PublishedPort[];
}

/** The endpoint by which a container's ports are published now. */
export function publishingEndpoint(entry: Entry): Endpoint | undefined {
  return endpointsOf(entry).find(({ ports }) => ports.length > 0);
}

/**
 * Publishes other ports of a running container, or the same by another endpoint. `finish` does the rest of the change and writes down how its
 * networks are then. All of it happens or nothing: ports that cannot be had fail in Docker's words. The caller has noted that it was
 * begun (`unsettled`).
 */
export async function changePorts(
  parts: Parts,
  entry: Entry,
  task: Task,
  wanted: PortsWanted,
  finish: (networks: Container['networks']) => Promise<void>,
): Promise<void> {
  const { background } = parts;
  const change = await tellSupervisor(parts, entry, task, { ...wanted, from: publishingEndpoint(entry) });
  let applied = false;
  try {
    await change.apply(background);
    applied = true;
    await finish(withPorts(entry.container.networks, change));
  } catch (error) {
    if (applied) await takeBack(parts, entry, () => change.revert(background));
    await tellBefore(parts, entry, task, change);
    change.cancel();
    throw error;
  }
  change.commit();
}

async function tellSupervisor(
  parts: Parts,
  entry: Entry,
  task: Task,
  request: PortsWanted & { readonly from: Endpoint | undefined },
): Promise<PortChange> {
  const { container } = entry;
  for (let choice = 1; ; choice++) {
    const change = parts.networks.planPorts(request);
    try {
      for (const plan of change.plans) await task.publish(parts.background, plan);
      return change;
    } catch (error) {
      const { to } = change;
      const failure = to && parts.networks.explainStart(error, to, container.name);
      if (change.plans.length > 1) await tellBefore(parts, entry, task, change);
      change.cancel();
      if (failure === undefined) throw orNotRunning(error, container.id);
      if (!failure.again || choice === PORT_CHOICES) throw failure.error;
    }
  }
}

function tellBefore(parts: Parts, entry: Entry, task: Task, { planBefore }: PortChange): Promise<void> {
  return takeBack(parts, entry, () => task.publish(parts.background, planBefore));
}

function withPorts(networks: Container['networks'], { from, to }: PortChange): Container['networks'] {
  const changed = { ...networks };
  for (const endpoint of [from, to]) {
    if (endpoint === undefined) continue;
    changed[endpoint.networkName] = { networkId: endpoint.networkId, endpoint };
  }
  return changed;
}

/** Lets a container's published ports lead to the endpoint that they belong to, where they do not yet. */
export async function movePorts(
  parts: Parts,
  entry: Entry,
  task: Task,
  to: Endpoint | undefined,
): Promise<void> {
  const from = publishingEndpoint(entry);
  const ports = to === undefined ? [] : portRequests(entry.container);
  const nothing = from === undefined && ports.length === 0;
  if (nothing || from?.endpointId === to?.endpointId) return;
  await changePorts(parts, entry, task, { to, ports }, async (networks) =>
    transition(parts, entry, { networks }),
  );
}
