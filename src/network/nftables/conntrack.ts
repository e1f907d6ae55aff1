import { errno } from '../../plan/errno.ts';
import type { Operation } from '../../plan/operations.ts';
import { messageFlag, protocol } from '../netlink/constants.ts';
import { type Message, netlinkOperation } from '../netlink/message.ts';
import { family, subsystem } from './constants.ts';
import { bigEndian16 } from './expressions.ts';

/** The kernel's numbers for connection tracking (linux/netfilter/nfnetlink_conntrack.h). */
const DELETE_CONNECTIONS = 2;
const attribute = { original: 1, filter: 25 } as const;
const tuple = { protocol: 2 } as const;
const tupleProtocol = { number: 1, destinationPort: 3 } as const;
const filter = { originalFlags: 1, replyFlags: 2 } as const;
/** CTA_FILTER_F_CTA_PROTO_NUM and CTA_PROTO_DST_PORT (net/netfilter/nf_internals.h): what a connection must have in common. */
const COMPARE_PROTOCOL_AND_PORT = (1 << 3) | (1 << 5);

const UDP = 17;

/** Kernels without the module, or too old to delete by filter, keep the flows until they expire. */
const unsupported = [errno.ENOENT, errno.EINVAL, errno.EOPNOTSUPP];

export interface Flow {
  readonly protocol: string;
  readonly hostPort: number;
}

/**
 * Makes the kernel forget the UDP flows to published ports. UDP has no end: a client that goes on sending would go on reaching what
 * the port meant before, a container that is gone or nothing.
 */
export function forgetFlows(flows: readonly Flow[]): readonly Operation[] {
  const messages = flows
    .filter((flow) => flow.protocol === 'udp')
    .map(({ hostPort }): Message => {
      const wanted = [
        [tupleProtocol.number, Uint8Array.of(UDP)],
        [tupleProtocol.destinationPort, bigEndian16(hostPort)],
      ] as const;
      return {
        type: (subsystem.conntrack << 8) | DELETE_CONNECTIONS,
        flags: messageFlag.ack,
        header: Uint8Array.of(family.ipv4, 0, 0, 0),
        attributes: [
          [attribute.original, [[tuple.protocol, wanted]]],
          [
            attribute.filter,
            [
              [filter.originalFlags, COMPARE_PROTOCOL_AND_PORT],
              [filter.replyFlags, 0],
            ],
          ],
        ],
      };
    });
  return messages.length === 0 ? [] : [netlinkOperation(protocol.netfilter, messages, unsupported)];
}
