import { readFileSync, writeFileSync } from 'node:fs';
import type { Endpoint } from '../../network/contract.ts';
import { formatHostsFile, type HostsEntry, ownHostsEntry, parseExtraHost } from '../../network/hosts-file.ts';
import type { Container } from '../contract.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { endpointsOf } from './endpoints.ts';
import { linkedHosts } from './links.ts';

/**
 * /etc/hosts of containers. Those on networks with names find each other here too, below a line that says so: what is above it is
 * written at the start and when networks come and go, what is below with every change of a neighbour.
 */
const neighboursLine = '# Containers on the same networks';

type HostsParts = Pick<Parts, 'networks'>;

type HostsContainer = Pick<Container, 'id' | 'config' | 'hostConfig'>;

/** The whole file. On the host's network and without extra hosts it is the host's. */
export function hostsText(
  parts: HostsParts,
  container: HostsContainer,
  endpoints: readonly Endpoint[],
  linked: readonly HostsEntry[],
): string {
  const { config, hostConfig } = container;
  const extra = hostConfig.ExtraHosts ?? [];
  if (hostConfig.NetworkMode === 'host' && extra.length === 0) return readHostFile();
  const gateway = extra.some((entry) => entry.includes('host-gateway')) ? parts.networks.hostGateway() : '';
  const own = endpoints.flatMap(({ ipv4Address, ipv6Address }) =>
    [ipv4Address, ipv6Address].filter((address) => address !== ''),
  );
  const text = formatHostsFile({
    extra: [...extra.map((entry) => parseExtraHost(entry, gateway)), ...linked],
    own: own.map((address) => ownHostsEntry(address, config.Hostname, config.Domainname)),
  });
  return text + neighboursText(parts, container.id, endpoints);
}

function readHostFile(): string {
  try {
    return readFileSync('/etc/hosts', 'utf8');
  } catch {
    return '';
  }
}

/** Empty for a container that has none. */
function neighboursText(parts: HostsParts, id: string, endpoints: readonly Endpoint[]): string {
  const lines = endpoints.flatMap((endpoint) => neighboursOf(parts, id, endpoint));
  return lines.length === 0 ? '' : `${neighboursLine}\n${[...new Set(lines)].join('\n')}\n`;
}

function neighboursOf(parts: HostsParts, id: string, { networkId, links }: Endpoint): string[] {
  const neighbours = parts.networks.names.list(networkId).filter(({ containerId }) => containerId !== id);
  const aliases = Object.entries(links);
  return neighbours.flatMap(({ names, addresses }) => {
    const own = aliases.filter(([, target]) => names.includes(target)).map(([alias]) => alias);
    const all = [...new Set([...own, ...names])].join(' ');
    return addresses.map(({ address }) => `${address}\t${all}`);
  });
}

/** Writes the file of a running container anew, in place, as it is mounted. */
export function rewriteHosts(parts: Parts, entry: Entry): void {
  const { container } = entry;
  if (entry.task === undefined || container.files.hosts === '' || sharesFile(container)) return;
  const text = hostsText(parts, container, endpointsOf(entry), linkedHosts(parts, entry));
  replaceFile(parts, container.files.hosts, () => text);
}

/** After a neighbour came or went: what the container's own programs wrote above stays. */
export function refreshNeighbours(parts: Parts, entry: Entry): void {
  const { container } = entry;
  if (entry.task === undefined || container.files.hosts === '' || sharesFile(container)) return;
  const text = neighboursText(parts, entry.id, endpointsOf(entry));
  replaceFile(parts, container.files.hosts, (before) => {
    const start = before.indexOf(`${neighboursLine}\n`);
    return (start < 0 ? before : before.slice(0, start)) + text;
  });
}

/** A container in another's network has that one's files. */
function sharesFile({ hostConfig }: Container): boolean {
  return hostConfig.NetworkMode.startsWith('container:');
}

function replaceFile(parts: Parts, path: string, change: (before: string) => string): void {
  try {
    const before = readFileSync(path, 'utf8');
    const after = change(before);
    if (after !== before) writeFileSync(path, after);
  } catch (error) {
    parts.log.warn('cannot rewrite a hosts file', { path, error });
  }
}
