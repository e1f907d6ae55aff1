import type { Plan } from '../../plan/operations.ts';
import { redirectDns } from './redirect.ts';
import {
  anyDnsPort,
  type DnsNetwork,
  type DnsServer,
  type DnsSettings,
  encodeDnsSettings,
} from './settings.ts';

/** What a container's DNS server follows from. */
export interface ContainerDns {
  /** User-defined networks that it is in, those with the default gateway first. */
  readonly networks: readonly DnsNetwork[];
  /** Whether one of its networks leads outside: none does if all are internal. */
  readonly leadsOutside: boolean;
  /** `--dns` of the container, or the daemon's; the host's own if empty. */
  readonly servers: readonly string[];
  /** Its names without a dot have the search list tried first. */
  readonly dotlessStay: boolean;
}

const HOST_FILE = '/etc/resolv.conf';
/** Docker's for hosts that name none. */
const fallbackServers = ['8.8.8.8', '8.8.4.4'] as const;

/** `port` is of no account where the sockets are open already. */
export function dnsSettings(container: ContainerDns, port = anyDnsPort()): DnsSettings {
  const own = container.servers.length > 0;
  return {
    forwards: container.leadsOutside,
    dotlessStay: container.dotlessStay,
    port,
    resolvConf: own ? '' : HOST_FILE,
    servers: own ? container.servers.map(serverOf) : fallbackServers.map(serverOf),
    networks: container.networks,
  };
}

/** What a start must do for a container that has a DNS server. Its parent steps come before all that opens the child's namespaces. */
export function dnsPlan(settings: DnsSettings): Partial<Plan> {
  return {
    parent: [{ op: 'serveDns', settings: encodeDnsSettings(settings) }],
    child: [redirectDns(settings.port)],
  };
}

/** A loopback address that somebody chose for a container is the container's own. */
function serverOf(address: string): DnsServer {
  return { address, inside: address === '::1' || address.startsWith('127.') };
}
