import { messageOf, SampanError } from '../../base/errors.ts';
import type { ConnectedEndpoint, Endpoint } from '../../network/contract.ts';
import type { Plan } from '../../plan/operations.ts';
import type { Container } from '../contract.ts';
import type { Parts } from '../parts.ts';
import { type Entry, joinedContainer } from '../record.ts';
import { linkedPorts } from './links.ts';
import { endpointRequests, loopbackRequest } from './network-requests.ts';

/**
 * Joins each network of a container, adding to `connected` as it goes so that a failure can be undone. Returns what a start must do for
 * a container that has left all its networks: it has loopback still.
 */
export async function connectAll(
  parts: Parts,
  entry: Entry,
  connected: ConnectedEndpoint[],
): Promise<Partial<Plan>> {
  const requests = endpointRequests(parts.networks, entry.container);
  const { config, hostConfig } = entry.container;
  const shared = joinedContainer(hostConfig.NetworkMode) !== undefined;
  if (requests.length === 0 && !shared && config.NetworkDisabled !== true) {
    return (await parts.networks.connect(parts.background, loopbackRequest(entry.container))).plan;
  }
  const linked = linkedPorts(parts, entry);
  for (const request of requests) {
    try {
      const linking = linked.length === 0 ? request : { ...request, linked };
      connected.push(await parts.networks.connect(parts.background, linking));
    } catch (error) {
      const code = error instanceof SampanError ? error.code : 'internal';
      throw new SampanError(code, `failed to set up container networking: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
  return {};
}

/** Gives addresses and ports back; what cannot be given back is told in the log. */
export async function disconnectAll(
  parts: Pick<Parts, 'networks' | 'background' | 'log'>,
  endpoints: readonly Endpoint[],
): Promise<void> {
  for (const endpoint of endpoints) {
    try {
      await parts.networks.disconnect(parts.background, endpoint);
    } catch (error) {
      parts.log.warn('cannot give an endpoint back', { endpoint: endpoint.endpointId, error });
    }
  }
}

export function endpointsOf({ container }: Entry): Endpoint[] {
  return Object.values(container.networks).flatMap(({ endpoint }) =>
    endpoint === undefined ? [] : [endpoint],
  );
}

export function withEndpoints(
  networks: Container['networks'],
  endpoints: readonly Endpoint[],
): Container['networks'] {
  const connected = endpoints.map((endpoint) => [
    endpoint.networkName,
    { networkId: endpoint.networkId, endpoint },
  ]);
  return { ...networks, ...Object.fromEntries(connected) };
}

export function withoutEndpoints(networks: Container['networks']): Container['networks'] {
  const names = Object.entries(networks).map(([name, { networkId }]) => [
    name,
    { networkId, endpoint: undefined },
  ]);
  return Object.fromEntries(names);
}
