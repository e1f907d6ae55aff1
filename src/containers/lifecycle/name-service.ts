import { isCode } from '../../base/errors.ts';
import type { DnsRequest, Endpoint } from '../../network/contract.ts';
import { asksOwnServer, hostResolvConf, searchesFirst } from '../../network/resolv-conf.ts';
import type { Plan } from '../../plan/operations.ts';
import type { Container } from '../contract.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { endpointsOf } from './endpoints.ts';
import { readText, resolverChoices, rewriteResolvConf } from './etc-files.ts';

/** A program of the container may have the port that was drawn: then others are, this many times. */
const PORT_CHOICES = 4;

type DnsParts = Pick<Parts, 'networks' | 'defaults'>;

/** What a start must do for a container's DNS server; nothing where it has none. */
export function planDns(
  parts: DnsParts,
  container: Pick<Container, 'hostConfig'>,
  endpoints: readonly Endpoint[],
): Partial<Plan> {
  const { dns } = parts.networks;
  return dns.serves(endpoints) ? dns.startPlan(requestOf(parts, container, endpoints)) : {};
}

/**
 * Tells the DNS server of a running container which networks it is in now, `changed` being the one that came or went; it may be its first. A container
 * without names is still one that is connected, so that failures are for the log.
 */
export async function followNetworks(parts: Parts, entry: Entry, changed: Endpoint): Promise<void> {
  if (parts.networks.dns.serves([...endpointsOf(entry), changed])) await tellNetworks(parts, entry, false);
}

/** The same after nobody knows which change, nor how far it got: the way to the server may be missing. */
export async function refreshNames(parts: Parts, entry: Entry): Promise<void> {
  const had = asksOwnServer(readText(entry.container.files.resolvConf) ?? '');
  if (had || parts.networks.dns.serves(endpointsOf(entry))) await tellNetworks(parts, entry, true);
}

async function tellNetworks(parts: Parts, entry: Entry, anew: boolean): Promise<void> {
  try {
    await configure(parts, entry, requestOf(parts, entry.container, endpointsOf(entry)), anew);
    rewriteResolvConf(parts, entry);
  } catch (error) {
    parts.log.warn('cannot tell a DNS server of its networks', { container: entry.id, error });
  }
}

async function configure(parts: Parts, { task }: Entry, request: DnsRequest, anew: boolean): Promise<void> {
  const { background, networks } = parts;
  for (let choice = 1; task !== undefined; choice++) {
    try {
      const sockets = await task.configureDns(background, networks.dns.settings(request));
      if (sockets.opened || anew) await networks.dns.redirect(background, task.pid, sockets.port);
      return;
    } catch (error) {
      if (!isCode(error, 'conflict') || choice === PORT_CHOICES) throw error;
    }
  }
}

function requestOf(
  parts: DnsParts,
  { hostConfig }: Pick<Container, 'hostConfig'>,
  endpoints: readonly Endpoint[],
): DnsRequest {
  const { servers, options } = resolverChoices(parts, hostConfig);
  return { endpoints, servers, dotlessStay: searchesFirst(options, hostResolvConf(readText)) };
}
