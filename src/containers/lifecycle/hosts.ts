import { readFileSync, writeFileSync } from 'node:fs';
import type { Endpoint } from '../../network/contract.ts';
import { formatHostsFile, type HostsEntry, ownHostsEntry, parseExtraHost } from '../../network/hosts-file.ts';
import type { Container } from '../contract.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { endpointsOf } from './endpoints.ts';
import { linkedHosts } from './links.ts';

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
  return formatHostsFile({
    extra: [...extra.map((entry) => parseExtraHost(entry, gateway)), ...linked],
    own: own.map((address) => ownHostsEntry(address, config.Hostname, config.Domainname)),
  });
}

function readHostFile(): string {
  try {
    return readFileSync('/etc/hosts', 'utf8');
  } catch {
    return '';
  }
}

/** Writes the file of a running container anew, in place, as it is mounted. */
export function rewriteHosts(parts: Parts, entry: Entry): void {
  const { container } = entry;
  if (entry.task === undefined || container.files.hosts === '' || sharesFile(container)) return;
  const text = hostsText(parts, container, endpointsOf(entry), linkedHosts(parts, entry));
  replaceFile(parts, container.files.hosts, text);
}

/** A container in another's network has that one's files. */
function sharesFile({ hostConfig }: Container): boolean {
  return hostConfig.NetworkMode.startsWith('container:');
}

function replaceFile(parts: Parts, path: string, text: string): void {
  try {
    if (readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
  } catch (error) {
    parts.log.warn('cannot rewrite a hosts file', { path, error });
  }
}
