import type { Endpoint } from './contract.ts';

/** A network that a container is in, or is to be, as far as its default routes are concerned. */
export interface GatewayCandidate {
  readonly name: string;
  readonly priority: number;
  /** Whether it leads to elsewhere, by family. */
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

/** Docker's choice: the highest priority; of equal ones, who leads there in both families, then the first name. */
export function chooseGateways<T extends GatewayCandidate>(
  candidates: readonly T[],
): { readonly ipv4: T | undefined; readonly ipv6: T | undefined } {
  const order = [...candidates].sort(
    (a, b) =>
      b.priority - a.priority ||
      Number(b.ipv4 && b.ipv6) - Number(a.ipv4 && a.ipv6) ||
      (a.name < b.name ? -1 : 1),
  );
  return { ipv4: order.find(({ ipv4 }) => ipv4), ipv6: order.find(({ ipv6 }) => ipv6) };
}

export function candidateOf(endpoint: Endpoint, priority: number) {
  const { networkName: name, gateway, ipv6Gateway } = endpoint;
  return { name, priority, ipv4: gateway !== '', ipv6: ipv6Gateway !== '', endpoint };
}
