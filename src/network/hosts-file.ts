import { invalid } from '../base/errors.ts';

/** A line of /etc/hosts: names of an address, blank-separated. */
export interface HostsEntry {
  readonly address: string;
  readonly names: string;
}

export interface HostsFileContent {
  /** Lines of `--add-host`. */
  readonly extra: readonly HostsEntry[];
  /** The container itself, once for each address it has; none for a container without a network of its own. */
  readonly own: readonly HostsEntry[];
}

const standard: readonly HostsEntry[] = [
  { address: '127.0.0.1', names: 'localhost' },
  { address: '::1', names: 'localhost ip6-localhost ip6-loopback' },
  { address: 'fe00::', names: 'ip6-localnet' },
  { address: 'ff00::', names: 'ip6-mcastprefix' },
  { address: 'ff02::1', names: 'ip6-allnodes' },
  { address: 'ff02::2', names: 'ip6-allrouters' },
];

/** A container's /etc/hosts. On the host's network and without extra hosts Docker copies the host's file instead. */
export function formatHostsFile({ extra, own }: HostsFileContent): string {
  return [...standard, ...extra, ...own].map(({ address, names }) => `${address}\t${names}\n`).join('');
}

/** The container's own line: its full name, and the first part of that. */
export function ownHostsEntry(address: string, hostname: string, domainname: string): HostsEntry {
  const full = domainname === '' ? hostname : `${hostname}.${domainname}`;
  const [short = full] = full.split('.', 1);
  return { address, names: short === full ? full : `${full} ${short}` };
}

/** Reads an ExtraHosts entry, "name:address" split at the first colon; "host-gateway" stands for `hostGateway`. */
export function parseExtraHost(text: string, hostGateway: string): HostsEntry {
  const colon = text.indexOf(':');
  const name = colon < 0 ? '' : text.slice(0, colon);
  const address = text.slice(colon + 1).replace(/^\[(.*)\]$/, '$1');
  if (name === '' || address === '' || /[\s#]/.test(text))
    throw invalid(`bad format for add-host: "${text}"`);
  return { address: address === 'host-gateway' ? hostGateway : address, names: name };
}
