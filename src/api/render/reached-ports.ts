import type { Context } from '../../base/context.ts';
import type { Container } from '../../containers/contract.ts';
import type { Networks } from '../../network/contract.ts';
import type { ReachedPort } from '../../wire/network-types.ts';

/** The published ports of containers, in one network or in all, with what the host's firewall makes of them. */
export async function reachedPorts(
  networks: Pick<Networks, 'reachOf'>,
  context: Context,
  containers: readonly Container[],
  networkId?: string,
): Promise<ReachedPort[]> {
  const members = containers.flatMap(({ name, networks: joined }) =>
    Object.values(joined).flatMap(({ endpoint }) =>
      endpoint === undefined || (networkId !== undefined && endpoint.networkId !== networkId)
        ? []
        : [{ name, endpoint }],
    ),
  );
  const reach = await networks.reachOf(
    context,
    members.map(({ endpoint }) => endpoint),
  );
  return members.flatMap(({ name, endpoint }) =>
    (reach.get(endpoint.endpointId) ?? []).map(({ port, reach: word, deniedBy }) => ({
      ...{ Container: name, Network: endpoint.networkName },
      ...{ IP: port.hostAddress, PrivatePort: port.containerPort, PublicPort: port.hostPort },
      ...{ Type: port.protocol, Reach: word, DeniedBy: deniedBy },
    })),
  );
}
