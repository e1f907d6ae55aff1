import { INTERFACE_NAME_SIZE, trackingState } from './constants.ts';

/** A packet that somebody may send, as far as it is known: the first of a connection. */
export interface Packet {
  readonly family: 4 | 6;
  /** IPPROTO_*. */
  readonly protocol: number;
  readonly inputName: string;
  /** Empty where it is for this host. */
  readonly outputName: string;
  readonly outputGroup: number;
  readonly destination: Uint8Array;
  readonly port: number;
  /** The port that it was sent to, if that is another. */
  readonly originalPort: number;
  readonly translated: boolean;
}

/** A byte that is not known is undefined. */
export type Bytes = readonly (number | undefined)[];

export function unknown(length: number): Bytes {
  return new Array<undefined>(length).fill(undefined);
}

const native32 = (value: number): Bytes => [...new Uint8Array(Uint32Array.of(value).buffer)];
const port16 = (port: number): Bytes => [port >>> 8, port & 255];

const name16 = (name: string): Bytes => {
  const bytes = new Uint8Array(INTERFACE_NAME_SIZE);
  new TextEncoder().encodeInto(name, bytes);
  return [...bytes];
};

const ETHERTYPE = { 4: [0x08, 0x00], 6: [0x86, 0xdd] } as const;
const NFPROTO = { 4: 2, 6: 10 } as const;
const TCP = 6;
const SYN = 0x02;

/** NFT_META_*; undefined for what nobody can know of it. */
export function metaOf(packet: Packet, key: number): Bytes | undefined {
  switch (key) {
    case 1:
      return ETHERTYPE[packet.family];
    case 6:
      return name16(packet.inputName);
    case 7:
      return name16(packet.outputName);
    case 15:
      return [NFPROTO[packet.family]];
    case 16:
      return [packet.protocol];
    // PACKET_HOST.
    case 19:
      return [0];
    case 22:
      return native32(packet.outputGroup);
    default:
      return undefined;
  }
}

/** Of the network header (base 1) or the transport header (base 2). */
export function payloadOf(packet: Packet, base: number, offset: number, length: number): Bytes {
  const header: (number | undefined)[] = [];
  const put = (at: number, bytes: Bytes): void => {
    for (const [index, byte] of bytes.entries()) header[at + index] = byte;
  };
  if (base === 1) {
    put(packet.family === 4 ? 9 : 6, [packet.protocol]);
    put(packet.family === 4 ? 16 : 24, [...packet.destination]);
  } else if (base === 2) {
    put(2, port16(packet.port));
    if (packet.protocol === TCP) put(13, [SYN]);
  }
  return Array.from({ length }, (_, index) => header[offset + index]);
}

/** NFT_CT_*. */
export function trackingOf(packet: Packet, key: number): Bytes | undefined {
  switch (key) {
    case 0:
      return native32(trackingState.new);
    case 1:
      return [0];
    // IPS_DST_NAT.
    case 2:
      return native32(packet.translated ? 0x20 : 0);
    case 10:
      return [packet.protocol];
    case 12:
      return port16(packet.originalPort);
    default:
      return undefined;
  }
}
