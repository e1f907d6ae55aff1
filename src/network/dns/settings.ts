import { randomInt } from 'node:crypto';
import { invalid } from '../../base/errors.ts';

/** What a supervisor's DNS server is told; docs/supervisor-protocol.md has the bytes. */
export interface DnsSettings {
  /** Names that no network knows are asked for outside: false where no network leads there. */
  readonly forwards: boolean;
  /** Names without a dot are not asked for outside: the user has a search list tried first (`ndots` of 1 and more). */
  readonly dotlessStay: boolean;
  /** Of the server's sockets, unless they are open already. */
  readonly port: number;
  /** The host's file that names the servers, read again whenever it changes; empty if only `servers` count. */
  readonly resolvConf: string;
  /** Instead of the file's, or where it names none. */
  readonly servers: readonly DnsServer[];
  /** In the order in which they are asked. */
  readonly networks: readonly DnsNetwork[];
}

export interface DnsServer {
  readonly address: string;
  /** It is the container's own loopback that the address belongs to. */
  readonly inside: boolean;
}

export interface DnsNetwork {
  /** Path of the file that `NamesFiles` writes. */
  readonly names: string;
  readonly name: string;
  /** Names that this container alone has for others: alias -> name in the network. */
  readonly aliases: Readonly<Record<string, string>>;
}

const VERSION = 1;
const flags = { forwards: 1, dotlessStay: 2 } as const;
const SERVER_INSIDE = 1;
const TEXT_LIMIT = 0xffff;
const NETWORKS_LIMIT = 128;
/** Linux's default range of ephemeral ports. */
const ports = { first: 32768, last: 60999 } as const;

/** A port for sockets in a namespace where as good as none is taken. */
export function anyDnsPort(): number {
  return randomInt(ports.first, ports.last + 1);
}

/** Fails with `invalid-argument` for more networks, or longer names, than there is room for. */
export function encodeDnsSettings(settings: DnsSettings): Uint8Array {
  const { networks, servers } = settings;
  if (networks.length > NETWORKS_LIMIT) {
    throw invalid(`a container can be in ${NETWORKS_LIMIT} networks with names, not ${networks.length}`);
  }
  const bits = (settings.forwards ? flags.forwards : 0) | (settings.dotlessStay ? flags.dotlessStay : 0);
  return Buffer.concat([
    Uint8Array.of(VERSION, bits),
    u16(settings.port),
    text(settings.resolvConf),
    Uint8Array.of(servers.length),
    ...servers.flatMap(({ address, inside }) => [Uint8Array.of(inside ? SERVER_INSIDE : 0), text(address)]),
    Uint8Array.of(networks.length),
    ...networks.flatMap(encodeNetwork),
  ]);
}

function encodeNetwork({ names, name, aliases }: DnsNetwork): readonly Uint8Array[] {
  const pairs = Object.entries(aliases);
  return [
    text(names),
    text(name),
    u16(pairs.length),
    ...pairs.flatMap(([alias, target]) => [text(alias), text(target.toLowerCase())]),
  ];
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 255);
}

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value);
  if (bytes.length > TEXT_LIMIT) throw invalid(`a name of ${bytes.length} bytes is too long for DNS`);
  return Buffer.concat([u16(bytes.length), bytes]);
}
