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
 * networks, ports or limits. Networks have been started, so the firewall follows the row already.
 */
export async function settleTask(parts: Parts, entry: Entry, task: Task): Promise<void> {
  if (ownsNetwork(entry)) {
    await settleInterfaces(parts, entry, task);
    const gateways = gatewaysOf(entry, endpointsOf(entry));
    await parts.networks.reroute(parts.background, task.pid, gateways);
    await task.publish(parts.background, parts.networks.publishPlan(publishingEndpoint(entry)));
    await movePorts(parts, entry, task, portGateway(gateways));
    rewriteHosts(parts, entry);
    await refreshNames(parts, entry);
  }
  await limitAgain(parts, entry, task);
  transition(parts, entry, { flags: { unsettled: false } });
}

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
