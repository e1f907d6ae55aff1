import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Endpoint } from '../../network/contract.ts';
import type { HostsEntry } from '../../network/hosts-file.ts';
import { formatResolvConf, hostResolvConf } from '../../network/resolv-conf.ts';
import type { Container } from '../contract.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { endpointsOf } from './endpoints.ts';
import { hostsText } from './hosts.ts';
import { transition } from './transition.ts';

export interface WrittenFiles {
  readonly files: Container['files'];
  /** Of what was last written to resolv.conf; empty for never. */
  readonly resolvConfHash: string;
}

type EtcContainer = Pick<Container, 'id' | 'config' | 'hostConfig'>;

type EtcParts = Pick<Parts, 'networks' | 'defaults'> & {
  readonly paths: Pick<Parts['paths'], 'directory' | 'log'>;
};

/**
 * Writes a container's hosts, hostname and resolv.conf, and says where its files are. One in another's network uses that one's.
 * Synchronous: three small writes are done sooner than one trip through the thread pool.
 */
export function writeEtcFiles(
  parts: EtcParts,
  container: EtcContainer,
  peer: Pick<Container, 'files'> | undefined,
  endpoints: readonly Endpoint[],
  resolvConfHash: string,
  linked: readonly HostsEntry[] = [],
): WrittenFiles {
  const directory = parts.paths.directory(container.id);
  const log = container.hostConfig.LogConfig.Type === 'none' ? '' : parts.paths.log(container.id);
  // Made at create; a data root that somebody cleaned is no reason to fail.
  mkdirSync(directory, { recursive: true, mode: 0o710 });
  if (peer !== undefined) return { files: { ...peer.files, log }, resolvConfHash };
  const files = {
    resolvConf: `${directory}/resolv.conf`,
    hostname: `${directory}/hostname`,
    hosts: `${directory}/hosts`,
    log,
  };
  writeFileSync(files.hosts, hostsText(parts, container, endpoints, linked));
  writeFileSync(files.hostname, `${container.config.Hostname}\n`);
  return {
    files,
    resolvConfHash: writeResolvConf(parts, container, endpoints, files.resolvConf, resolvConfHash),
  };
}

/** What a container's own programs wrote there stays: only what Sampan wrote last is replaced. */
function writeResolvConf(
  parts: EtcParts,
  container: EtcContainer,
  endpoints: readonly Endpoint[],
  path: string,
  lastHash: string,
): string {
  if (lastHash !== '' && hashOf(readText(path) ?? '') !== lastHash) return lastHash;
  const host = container.hostConfig.NetworkMode === 'host';
  const { servers, search, options } = resolverChoices(parts, container.hostConfig);
  const text = formatResolvConf({
    kind: host ? 'host' : parts.networks.dns.serves(endpoints) ? 'internal' : 'legacy',
    source: hostResolvConf(readText),
    nameservers: servers,
    ...{ search, options },
    ipv6: host || endpoints.some(({ ipv6Address }) => ipv6Address !== ''),
  });
  writeFileSync(path, text);
  return hashOf(text);
}

/** Writes the resolver file of a running container anew, after its networks have changed; in place, as it is mounted. */
export function rewriteResolvConf(parts: Parts, entry: Entry): void {
  const { container, flags } = entry;
  const { resolvConf } = container.files;
  if (resolvConf === '') return;
  const hash = writeResolvConf(parts, container, endpointsOf(entry), resolvConf, flags.resolvConfHash);
  if (hash !== flags.resolvConfHash) transition(parts, entry, { flags: { resolvConfHash: hash } });
}

export interface ResolverChoices {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** What somebody chose for a container's resolver, or else for all; empty lists leave what the host has. */
export function resolverChoices(
  { defaults }: Pick<Parts, 'defaults'>,
  { NetworkMode, Dns, DnsSearch, DnsOptions }: Container['hostConfig'],
): ResolverChoices {
  const host = NetworkMode === 'host';
  return {
    servers: pick(Dns, host ? [] : defaults.dns),
    search: pick(DnsSearch, host ? [] : defaults.dnsSearch),
    options: pick(DnsOptions, host ? [] : defaults.dnsOptions),
  };
}

function hashOf(text: string): string {
  return Bun.hash(text).toString(16);
}

function pick(own: readonly string[] | null, defaults: readonly string[]): readonly string[] {
  return own?.length ? own : defaults;
}

/** A file's text, undefined where there is none. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
