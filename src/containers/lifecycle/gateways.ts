import type { Endpoint, Gateways } from '../../network/contract.ts';
import { candidateOf, chooseGateways } from '../../network/gateway.ts';
import type { Task } from '../../runtime/contract.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { movePorts } from './published-ports.ts';
import { takeBack } from './take-back.ts';

/** The endpoints that a container's default routes go by if it has these. */
export function gatewaysOf({ container }: Entry, endpoints: readonly Endpoint[]): Gateways {
  const asked = container.networking?.EndpointsConfig ?? {};
  const chosen = chooseGateways(
    endpoints.map((endpoint) => candidateOf(endpoint, asked[endpoint.networkName]?.GwPriority ?? 0)),
  );
  return { ipv4: chosen.ipv4?.endpoint, ipv6: chosen.ipv6?.endpoint };
}

/** The one of them by which ports are published. */
export function portGateway({ ipv4, ipv6 }: Gateways): Endpoint | undefined {
  return ipv4 ?? ipv6;
}

/**
 * Default routes, and the published ports with them, go where they belong among `endpoints`; they were by those of `before`. All is as it was when
 * that fails.
 */
export async function followGateways(
  parts: Parts,
  entry: Entry,
  task: Task,
  before: Gateways,
  endpoints: readonly Endpoint[],
): Promise<void> {
  const { background, networks } = parts;
  const after = gatewaysOf(entry, endpoints);
  const replaced = (['ipv4', 'ipv6'] as const).some(
    (family) => before[family] !== undefined && before[family].endpointId !== after[family]?.endpointId,
  );
  if (replaced) await networks.reroute(background, task.pid, after);
  try {
    await movePorts(parts, entry, task, portGateway(after));
  } catch (error) {
    if (replaced) {
      await takeBack(parts, entry, () => networks.reroute(background, task.pid, before));
    }
    throw error;
  }
}
