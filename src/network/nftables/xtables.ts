import { readText } from '../netlink/reader.ts';
import type { Packet } from './packet.ts';
import { type Answer, both, not } from './registers.ts';
import { bigEndian, type ExpressionFound } from './ruleset.ts';

/**
 * What matches of iptables say of a packet, in the kernel's own structures (linux/netfilter/xt_*.h), which are in this machine's byte order.
 * Of a match that is not known here nobody knows.
 */
export function answerOfMatch({ attributes }: ExpressionFound, packet: Packet): Answer {
  const name = readText(attributes.get(1) ?? new Uint8Array());
  const bytes = attributes.get(3) ?? new Uint8Array();
  const info = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const match = matches.get(name);
  try {
    return match?.(info, packet, bigEndian(attributes.get(2))) ?? 'perhaps';
  } catch (error) {
    // Shorter than the structure: another one than is known here.
    if (error instanceof RangeError) return 'perhaps';
    throw error;
  }
}

type Match = (info: DataView, packet: Packet, revision: number) => Answer;

const ANY_PORT = 0xffff;

const matches: ReadonlyMap<string, Match> = new Map<string, Match>([
  ['comment', () => 'yes'],
  ['tcp', (info, packet) => both(portsAnswer(info, packet, info.getUint8(11)), tcpAnswer(info))],
  ['udp', (info, packet) => portsAnswer(info, packet, info.getUint8(8))],
  ['multiport', multiport],
  ['addrtype', addressType],
  ['conntrack', conntrack],
  // struct xt_state_info: one mask, as `ct state` has it.
  ['state', (info) => ((info.getUint32(0, true) & NEW) !== 0 ? 'yes' : 'no')],
  ['devgroup', deviceGroup],
]);

const is = (so: boolean): Answer => (so ? 'yes' : 'no');

/** Both begin with a range of sources and one of destinations. */
function portsAnswer(info: DataView, { port }: Packet, inverted: number): Answer {
  const [first, last] = [info.getUint16(0, true), info.getUint16(2, true)];
  const source: Answer = first === 0 && last === ANY_PORT ? is((inverted & 1) === 0) : 'perhaps';
  const destination = port >= info.getUint16(4, true) && port <= info.getUint16(6, true);
  return both(source, is(destination === ((inverted & 2) === 0)));
}

/** Flags of the first packet of a connection, SYN alone; options are not known. */
function tcpAnswer(info: DataView): Answer {
  const [option, mask, wanted, inverted] = [8, 9, 10, 11].map((offset) => info.getUint8(offset));
  if (option !== 0) return 'perhaps';
  const flags = ((mask ?? 0) & 0x02) === (wanted ?? 0);
  return mask === 0 ? 'yes' : is(flags === (((inverted ?? 0) & 4) === 0));
}

function multiport(info: DataView, { port }: Packet, revision: number): Answer {
  if (info.getUint8(0) !== 1) return 'perhaps';
  let found = false;
  for (let index = 0; index < info.getUint8(1); index++) {
    const first = info.getUint16(2 + index * 2, true);
    const range = revision >= 1 && info.getUint8(32 + index) !== 0;
    const last = range ? info.getUint16(2 + ++index * 2, true) : first;
    found ||= port >= first && port <= last;
  }
  return is(found !== (revision >= 1 && info.getUint8(47) !== 0));
}

const UNICAST_SOURCE = 1 << 1;
const LOCAL = 1 << 2;

/** What is sent to this host goes to an address of its own; who sends is not this host. */
function addressType(info: DataView, { outputName }: Packet, revision: number): Answer {
  const [source, destination] = [info.getUint16(0, true), info.getUint16(2, true)];
  if (revision < 1) return 'perhaps';
  const flags = info.getUint32(4, true);
  const kind = outputName === '' ? LOCAL : UNICAST_SOURCE;
  const sourceAnswer: Answer =
    source === 0 ? 'yes' : is(((source & UNICAST_SOURCE) !== 0) !== ((flags & 1) !== 0));
  const destinationAnswer: Answer =
    destination === 0 ? 'yes' : is(((destination & kind) !== 0) !== ((flags & 2) !== 0));
  return both(sourceAnswer, destinationAnswer);
}

const NEW = 1 << 3;
const TRANSLATED_STATE = 1 << 7;
const TRANSLATED_STATUS = 1 << 5;
const ctFlag = { state: 1 << 0, status: 1 << 6, alias: 1 << 13 } as const;

function conntrack(info: DataView, { translated }: Packet, revision: number): Answer {
  const [wanted, inverted] = [info.getUint16(146, true), info.getUint16(148, true)];
  if ((wanted & ~(ctFlag.state | ctFlag.status | ctFlag.alias)) !== 0) return 'perhaps';
  const state = revision === 1 ? info.getUint8(150) : info.getUint16(150, true);
  const status = revision === 1 ? info.getUint8(151) : info.getUint16(152, true);
  const stateHolds = ((NEW | (translated ? TRANSLATED_STATE : 0)) & state) !== 0;
  const statusHolds = ((translated ? TRANSLATED_STATUS : 0) & status) !== 0;
  const part = (flag: number, holds: boolean): Answer => {
    if ((wanted & flag) === 0) return 'yes';
    return (inverted & flag) === 0 ? is(holds) : not(is(holds));
  };
  return both(part(ctFlag.state, stateHolds), part(ctFlag.status, statusHolds));
}

/** See `inGroup`; of the input's group nobody knows. */
function deviceGroup(info: DataView, { outputGroup }: Packet): Answer {
  const flags = info.getUint32(0, true);
  if ((flags & 3) !== 0) return 'perhaps';
  const holds = (outputGroup & info.getUint32(16, true)) === info.getUint32(12, true);
  return (flags & 4) === 0 ? 'yes' : is(holds === ((flags & 8) === 0));
}
