import { BlockList, isIP } from 'node:net';

import { internal, invalid } from '../base/errors.ts';
import type { ProxySettings } from './proxies.ts';

/** What the daemon's user says about registries. */
export interface RegistrySettings {
  /** URLs that are asked before Docker Hub. */
  readonly registryMirrors: readonly string[];
  /** "host", "host:port" or address ranges where HTTP and unverified certificates are fine; loopback always is. */
  readonly insecureRegistries: readonly string[];
  /** Tries of one download or upload without getting on; 5 by default. */
  readonly maxDownloadAttempts?: number;
  /** Proxies on the way to registries; the environment's by default. */
  readonly proxies?: ProxySettings;
  /** Folders of certificates, with a folder for each "host" or "host:port"; Docker's and Sampan's own in /etc by default. */
  readonly certificateDirectories?: readonly string[];
  /** Scheme and host of the server that `search` asks about Docker Hub. */
  readonly hubSearch?: string;
}

/** A place that serves a registry's repositories. */
export interface Endpoint {
  /** Scheme and host. */
  readonly url: URL;
  /** A mirror gets no credentials, and whatever it fails with, the next endpoint is asked. */
  readonly isMirror: boolean;
}

const HUB_DOMAIN = 'docker.io';
const HUB_URL = 'https://registry-1.docker.io';

/** Where a domain's repositories may be, in the order to try. */
export function endpointsOf(domain: string, settings: RegistrySettings): readonly Endpoint[] {
  if (domain === HUB_DOMAIN) {
    const mirrors = settings.registryMirrors.map((url) => ({ url: mirrorUrl(url), isMirror: true }));
    return [...mirrors, { url: new URL(HUB_URL), isMirror: false }];
  }
  const schemes = isInsecure(domain, settings) ? ['https', 'http'] : ['https'];
  return schemes.map((scheme) => ({ url: new URL(`${scheme}://${domain}`), isMirror: false }));
}

function mirrorUrl(text: string): URL {
  if (!URL.canParse(text)) throw invalid(`invalid mirror: ${JSON.stringify(text)} is not a URL`);
  return new URL(text);
}

/** Whether a host (with or without port) may be talked to in the clear, or with a certificate that nobody vouches for. */
export function isInsecure(host: string, settings: RegistrySettings): boolean {
  const name = host.replace(/:\d+$/, '');
  if (name === 'localhost' || settings.insecureRegistries.some((entry) => entry === host || entry === name)) {
    return true;
  }
  const address = name.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(address);
  if (family === 0) return false;
  return rangesOf(settings).check(address, family === 4 ? 'ipv4' : 'ipv6');
}

function rangesOf({ insecureRegistries }: RegistrySettings): BlockList {
  const ranges = new BlockList();
  ranges.addSubnet('127.0.0.0', 8, 'ipv4');
  ranges.addAddress('::1', 'ipv6');
  for (const entry of insecureRegistries) {
    const [address = '', length] = entry.split('/');
    const family = isIP(address);
    if (length === undefined || !/^\d{1,3}$/.test(length) || family === 0) continue;
    if (Number(length) <= (family === 4 ? 32 : 128)) {
      ranges.addSubnet(address, Number(length), family === 4 ? 'ipv4' : 'ipv6');
    }
  }
  return ranges;
}

/**
 * Fails where one host's word would lead to another that is less safe: from TLS to the clear, where the user did not allow that, or from
 * elsewhere to services of this machine. Redirects, token servers, upload locations and layer URLs are such words.
 */
export function refuseAstray(from: URL, to: URL, settings: RegistrySettings): void {
  const isNear = isThisMachine(from.hostname) || isInsecure(from.host, settings);
  if (isThisMachine(to.hostname) && !isNear) {
    throw internal(`${from.host} leads to ${to.host}, which is this machine`, { hint: trustHint });
  }
  if (from.protocol === 'https:' && to.protocol !== 'https:' && !isInsecure(to.host, settings)) {
    throw internal(`${from.host} leads to ${to.host} without TLS`, { hint: trustHint });
  }
}

const trustHint = 'If the network is trusted, name the host with --insecure-registry.';
const unspecified = ['0.0.0.0', '[::]'];

function isThisMachine(hostname: string): boolean {
  return (
    unspecified.includes(hostname) || isInsecure(hostname, { registryMirrors: [], insecureRegistries: [] })
  );
}
