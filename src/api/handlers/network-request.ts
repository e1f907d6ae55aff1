import type { NetworkRequest } from '../../network/contract.ts';
import type { NetworkCreateRequest } from '../../wire/network-types.ts';

/** The body of `POST /networks/create` as the engine takes it. */
export function networkRequest(body: NetworkCreateRequest): NetworkRequest {
  const { IPAM: ipam } = body;
  return {
    name: body.Name,
    driver: body.Driver || 'bridge',
    scope: body.Scope,
    internal: body.Internal,
    attachable: body.Attachable,
    ingress: body.Ingress,
    configOnly: body.ConfigOnly,
    configFrom: body.ConfigFrom?.Network ?? '',
    enableIPv4: body.EnableIPv4 ?? undefined,
    enableIPv6: body.EnableIPv6 ?? undefined,
    ipamDriver: ipam?.Driver ?? '',
    ipamOptions: ipam?.Options ?? null,
    pools: (ipam?.Config ?? []).map((pool) => ({
      subnet: pool.Subnet ?? '',
      ipRange: pool.IPRange ?? '',
      gateway: pool.Gateway ?? '',
      auxiliary: pool.AuxiliaryAddresses ?? {},
    })),
    options: body.Options ?? {},
    labels: body.Labels ?? {},
  };
}
