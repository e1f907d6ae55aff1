import type { EndpointConfig } from '../../wire/container-config.ts';
import type { TypeOf } from '../../wire/schema.ts';
import { checkMacAddress } from './checks.ts';
import type { ContainerOptions } from './create-flags.ts';
import { type Attachment, plainAttachment } from './networks.ts';

/** With the keys that the daemon fills in, as Docker's clients send them. */
export type EndpointBody = TypeOf<typeof EndpointConfig> & Readonly<Record<string, unknown>>;

/** Whether a network mode names a network that a user made. */
function isUserDefined(mode: string): boolean {
  return !['', 'default', 'bridge', 'host', 'none'].includes(mode) && !mode.startsWith('container:');
}

/**
 * What to send of the networks: the flags that know no network (`--ip`, `--network-alias` …) belong to the first. Throws an Error in
 * Docker's words.
 */
export function endpointsOf(options: ContainerOptions): Record<string, EndpointBody> {
  const given = options.network;
  if (given.length === 0) {
    return { default: endpointOf(merge({ ...plainAttachment, target: 'default' }, options)) };
  }
  const endpoints: Record<string, EndpointBody> = {};
  for (const [index, attachment] of given.entries()) {
    const merged = index === 0 ? merge(attachment, options) : attachment;
    const endpoint = endpointOf(merged);
    if (Object.hasOwn(endpoints, attachment.target)) {
      throw new Error(`network ${JSON.stringify(attachment.target)} is specified multiple times`);
    }
    if (index === 0 && given.length === 1 && isPlain(merged)) continue;
    endpoints[attachment.target] = endpoint;
  }
  if (new Set(given.map(({ target }) => isUserDefined(target))).size === 2) {
    throw new Error(
      'conflicting options: cannot attach both user-defined and non-user-defined network-modes',
    );
  }
  return endpoints;
}

/** The flags, and the per-network words that they exclude. */
function merge(attachment: Attachment, options: ContainerOptions): Attachment {
  const conflicts: readonly (readonly [boolean, boolean, string])[] = [
    [
      attachment.aliases.length > 0,
      options['network-alias'].length > 0,
      '--network-alias and per-network alias',
    ],
    [attachment.links.length > 0, options.link.length > 0, '--link and per-network links'],
    [attachment.ipv4 !== '', options.ip !== '', '--ip and per-network IPv4 address'],
    [attachment.ipv6 !== '', options.ip6 !== '', '--ip6 and per-network IPv6 address'],
    [
      attachment.macAddress !== '',
      options['mac-address'] !== '',
      '--mac-address and per-network MAC address',
    ],
    [
      attachment.linkLocal.length > 0,
      options['link-local-ip'].length > 0,
      '--link-local-ip and per-network link-local IP addresses',
    ],
  ];
  for (const [inNetwork, inFlag, what] of conflicts) {
    if (inNetwork && inFlag) throw new Error(`conflicting options: cannot specify both ${what}`);
  }
  const orElse = <T extends { readonly length: number }>(flagged: T, own: T): T =>
    flagged.length > 0 ? flagged : own;
  return {
    ...attachment,
    aliases: orElse(options['network-alias'], attachment.aliases),
    // On the default bridge a link is the container's own affair, in its host configuration.
    links: isUserDefined(attachment.target) ? orElse(options.link, attachment.links) : attachment.links,
    ipv4: orElse(options.ip, attachment.ipv4),
    ipv6: orElse(options.ip6, attachment.ipv6),
    macAddress: orElse(options['mac-address'], attachment.macAddress),
    linkLocal: orElse(options['link-local-ip'], attachment.linkLocal),
  };
}

function isPlain(attachment: Attachment): boolean {
  const { target: _, ...rest } = attachment;
  return Object.values(rest).every((value) => {
    return typeof value === 'object' ? Object.keys(value).length === 0 : !value;
  });
}

function endpointOf(attachment: Attachment): EndpointBody {
  if (attachment.target.trim() === '') throw new Error('no name set for network');
  if (!isUserDefined(attachment.target)) {
    if (attachment.aliases.length > 0) {
      throw new Error('network-scoped aliases are only supported for user-defined networks');
    }
    if (attachment.links.length > 0) throw new Error('links are only supported for user-defined networks');
  }
  if (attachment.macAddress !== '') checkMacAddress(attachment.macAddress);
  const listOrNull = (values: readonly string[]): string[] | null =>
    values.length === 0 ? null : [...values];
  const { driverOptions } = attachment;
  return {
    IPAMConfig: ipamOf(attachment),
    Links: listOrNull(attachment.links),
    Aliases: listOrNull(attachment.aliases),
    MacAddress: attachment.macAddress,
    DriverOpts: Object.keys(driverOptions).length === 0 ? null : { ...driverOptions },
    GwPriority: attachment.gatewayPriority,
    NetworkID: '',
    EndpointID: '',
    Gateway: '',
    IPAddress: '',
    IPPrefixLen: 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    DNSNames: null,
  };
}

function ipamOf({ ipv4, ipv6, linkLocal }: Attachment): EndpointBody['IPAMConfig'] {
  if (ipv4 === '' && ipv6 === '' && linkLocal.length === 0) return null;
  return {
    ...(ipv4 === '' ? {} : { IPv4Address: ipv4 }),
    ...(ipv6 === '' ? {} : { IPv6Address: ipv6 }),
    ...(linkLocal.length === 0 ? {} : { LinkLocalIPs: [...linkLocal] }),
  };
}
