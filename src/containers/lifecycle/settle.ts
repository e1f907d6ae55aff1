import type { Task } from '../../runtime/contract.ts';
import type { Parts } from '../parts.ts';
import { type Entry, joinedContainer } from '../record.ts';
import { limitAgain } from '../update/apply.ts';
import { forgetNetwork } from './connect-network.ts';
import { endpointsOf } from './endpoints.ts';
import { gatewaysOf, portGateway } from './gateways.ts';
import { rewriteHosts } from './hosts.ts';
import { refreshNames } from './name-service.ts';
import { movePorts, publishingEndpoint } from './published-ports.ts';
import { transition } from './transition.ts';

/**
 * Makes kernel and supervisor of a container that runs what its row says, or the row what they are, after a daemon was killed while it changed its
 * networks, ports or limits, or could not take such a change back. Networks have been started, so the firewall follows the row already. A step that fails is told in the log,
 * and keeps neither the container nor the other steps from going on; the next daemon tries again.
 */
export async function settleTask(parts: Parts, entry: Entry, task: Task): Promise<void> {
  const steps = [...(ownsNetwork(entry) ? networkSteps : []), limitAgain];
  let settled = true;
  for (const step of steps) {
    try {
      await step(parts, entry, task);
    } catch (error) {
      settled = false;
      parts.log.error('cannot settle a change of a container', { container: entry.id, error });
    }
  }
  if (settled) transition(parts, entry, { flags: { unsettled: false, astray: false } });
}

type Step = (parts: Parts, entry: Entry, task: Task) => Promise<void>;

const networkSteps: readonly Step[] = [
  settleInterfaces,
  ({ networks, background }, entry, task) =>
    networks.reroute(background, task.pid, gatewaysOf(entry, endpointsOf(entry))),
  ({ networks, background }, entry, task) =>
    task.publish(background, networks.publishPlan(publishingEndpoint(entry))),
  (parts, entry, task) => movePorts(parts, entry, task, portGateway(gatewaysOf(entry, endpointsOf(entry)))),
  async (parts, entry) => rewriteHosts(parts, entry),
  refreshNames,
];

function ownsNetwork({ container }: Entry): boolean {
  const mode = container.hostConfig.NetworkMode;
  return mode !== 'host' && joinedContainer(mode) === undefined;
}

/** A join that was not written down is undone; a leave that was not is done. */
async function settleInterfaces(parts: Parts, entry: Entry, task: Task): Promise<void> {
  const gone = await parts.networks.mend(parts.background, task.pid, endpointsOf(entry));
  for (const endpoint of gone) {
    await parts.networks.disconnect(parts.background, endpoint);
    forgetNetwork(parts, entry, endpoint.networkName);
    parts.events.network(entry.container, 'disconnect', endpoint);
  }
}
