import { createHash } from 'node:crypto';
import { errno } from '../plan/errno.ts';
import type { Operation } from '../plan/operations.ts';
import { type HostIpv6, writeSysctl } from './endpoint-plan.ts';
import { ipBytes, parseInterfaceAddress } from './ip.ts';
import { addHostRoute } from './netlink/addresses.ts';
import { protocol } from './netlink/constants.ts';
import { createLoop, deleteLink, type Link, raiseLink } from './netlink/links.ts';
import { type Message, netlinkOperation } from './netlink/message.ts';
import { addChain, addRule, addTable, deleteTable } from './nftables/batch.ts';
import { family, hooks } from './nftables/constants.ts';
import { drop, duplicate, marked } from './nftables/expressions.ts';

/**
 * The gate: a way by which the first packet to a published port, once the host's own firewall has let it in, gets to its container.
 *
 * Such a packet is not translated where it arrives, so it goes through every input chain of the host like one to a program of the
 * host. The firewall's chain `input` comes behind all of them and marks it. Here a copy of what is marked goes out of one end of a pair of
 * interfaces and comes in at the other, where it is translated; the original is dropped. The kernel translates all further packets of the
 * connection where they arrive. docs/decisions/0011 says why.
 */
export interface Gate {
  /** Of a packet between the two sides: set behind the input chains, taken off where the packet is forwarded. */
  readonly mark: number;
  /** What is sent here ... */
  readonly outName: string;
  readonly outIndex: number;
  /** ... comes in there. */
  readonly inName: string;
  readonly inIndex: number;
  readonly existing: boolean;
}

/** "SAMP". */
const USUAL_MARK = 0x53414d50;

/** Behind all that filters (NF_IP_PRI_*: the last is 300), before connection tracking takes the connection for one to the host. */
export const INPUT_PRIORITY = 1000;

/** The one of this table, as it is among `links` or is to be made. */
export function gateOf(table: string, links: readonly Link[]): Gate {
  const usual = table === 'sampan';
  const digest = createHash('sha256').update(table).digest();
  const tag = usual ? table : digest.toString('hex', 0, 3);
  // Daemons beside each other are not to take each other's packets.
  const mark = usual ? USUAL_MARK : (digest.readUInt32BE() | 1) >>> 0;
  const [outName, inName] = [`${tag}-gate`, `${tag}-gate-in`];
  const [out, incoming] = [outName, inName].map((name) => links.find((link) => link.name === name));
  if (out !== undefined && incoming !== undefined) {
    return { mark, outName, outIndex: out.index, inName, inIndex: incoming.index, existing: true };
  }
  return { mark, outName, outIndex: chosenIndex(), inName, inIndex: chosenIndex(), existing: false };
}

/** One that the kernel, which counts from 1, will not come to. */
function chosenIndex(): number {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  return 0x20000000 | (random >>> 4);
}

/** What lies beyond, an address that nobody has: the IPv4 dummy address (RFC 7600), and one of the discard prefix (RFC 6666). */
const beyond = {
  4: parseInterfaceAddress('192.0.0.8/32').address,
  6: parseInterfaceAddress('100::1/128').address,
} as const;

/** Makes both ends, or puts what is there already right. */
export function setUpGate(gate: Gate, ipv6: HostIpv6): readonly Operation[] {
  const { outName, outIndex, inName, inIndex } = gate;
  const make = gate.existing ? [] : [netlinkOperation(protocol.route, [createLoop(gate)])];
  const raise = netlinkOperation(protocol.route, [raiseLink(outIndex), raiseLink(inIndex)]);
  const conf4 = `/proc/sys/net/ipv4/conf/${inName}`;
  const conf6 = '/proc/sys/net/ipv6/conf';
  const absent = [errno.ENOENT];
  const ipv6Steps = [outName, inName].flatMap((name) => [
    // No addresses, hence no traffic of their own.
    writeSysctl(`${conf6}/${name}/addr_gen_mode`, '1', absent),
    writeSysctl(`${conf6}/${name}/disable_ipv6`, '0', absent),
    writeSysctl(`${conf6}/${name}/forwarding`, '1', absent),
  ]);
  return [
    ...make,
    ...(ipv6 === 'absent' ? [] : ipv6Steps),
    raise,
    writeSysctl(`${conf4}/rp_filter`, '0'),
    writeSysctl(`${conf4}/src_valid_mark`, '1'),
    writeSysctl(`${conf4}/forwarding`, '1'),
    ...(ipv6 === 'absent'
      ? []
      : [
          netlinkOperation(
            protocol.route,
            [addHostRoute(beyond[6], outIndex)],
            [errno.EEXIST, errno.EOPNOTSUPP, errno.EAFNOSUPPORT, errno.EACCES],
          ),
        ]),
  ];
}

/** One end takes the other with it. */
export function tearDownGate({ outName }: Gate): Operation {
  return netlinkOperation(protocol.route, [deleteLink(outName)], [errno.ENODEV]);
}

const CHAIN = 'gate';

/** The tables of one family each that copy what is marked: the kernel cannot in those of both. */
export function gateTables(table: string, { mark, outIndex }: Gate, families: Families): readonly Message[] {
  return families.flatMap((number) => {
    const own = number === 4 ? family.ipv4 : family.ipv6;
    const base = { type: 'filter', hook: hooks.input, priority: INPUT_PRIORITY + 1 } as const;
    return [
      ...removeGateTable(table, own),
      addTable(table, own),
      addChain(table, CHAIN, base, own),
      addRule(table, CHAIN, [...marked(mark), ...duplicate(ipBytes(beyond[number]), outIndex)], {
        family: own,
      }),
      addRule(table, CHAIN, [...marked(mark), drop], { family: own }),
    ];
  });
}

/** None there is fine. */
export function removeGateTables(table: string, families: Families): readonly Message[] {
  return families.flatMap((number) => removeGateTable(table, number === 4 ? family.ipv4 : family.ipv6));
}

/** Kernels without IPv6 may not have tables for it. */
export type Families = readonly (4 | 6)[];

function removeGateTable(table: string, own: number): readonly Message[] {
  return [addTable(table, own), deleteTable(table, own)];
}
