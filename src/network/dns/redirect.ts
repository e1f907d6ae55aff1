import { CLONE_NEWNET } from '../../plan/constants.ts';
import type { Operation, Plan } from '../../plan/operations.ts';
import { networkSlots } from '../contract.ts';
import type { Message } from '../netlink/message.ts';
import { addChain, addRule, addTable, deleteTable, transaction } from '../nftables/batch.ts';
import { family, hooks, metaKey, priorities } from '../nftables/constants.ts';
import {
  bigEndian16,
  destinationAddress,
  destinationPort,
  type Expression,
  equal,
  load,
  meta,
  sourceAddress,
  sourcePort,
  untracked,
  writePort,
} from '../nftables/expressions.ts';
import { addressBytes } from './address-bytes.ts';
import { DNS_ADDRESS } from './dns-address.ts';

const ADDRESS = addressBytes(DNS_ADDRESS).subarray(12);
const DNS_PORT = 53;
const TABLE = 'sampan-dns';
const CHAIN = 'output';

const protocols = [
  { number: 17, checksumOffset: 6 },
  { number: 6, checksumOffset: 16 },
] as const;

/**
 * Leads what is sent to the DNS server's port to the one that it really has, in the current namespace, and back; 53 stays free for programs
 * of the container. The ports are rewritten packet by packet: a thousand questions leave a thousand flows nowhere to be remembered.
 */
export function redirectDns(port: number, { replace = false } = {}): Operation {
  const messages: Message[] = [addTable(TABLE)];
  // Not at a start, which would wait until the kernel has disposed of the table.
  if (replace) messages.push(deleteTable(TABLE), addTable(TABLE));
  messages.push(addChain(TABLE, CHAIN, { type: 'filter', hook: hooks.output, priority: priorities.raw }));
  for (const { number, checksumOffset } of protocols) {
    const all = [meta(metaKey.family), equal(Uint8Array.of(family.ipv4))];
    all.push(meta(metaKey.protocol), equal(Uint8Array.of(number)));
    const there = [destinationAddress(), equal(ADDRESS), destinationPort(), equal(bigEndian16(DNS_PORT))];
    const back = [sourceAddress(), equal(ADDRESS), sourcePort(), equal(bigEndian16(port))];
    const write = (which: 'source' | 'destination', to: number): readonly Expression[] => [
      load(bigEndian16(to)),
      writePort(which, checksumOffset),
      untracked,
    ];
    messages.push(addRule(TABLE, CHAIN, [...all, ...there, ...write('destination', port)]));
    messages.push(addRule(TABLE, CHAIN, [...all, ...back, ...write('source', DNS_PORT)]));
  }
  return transaction(messages);
}

/** The same for a container that runs already, by the host PID of its first process; safe to repeat. */
export function redirectDnsOf(pid: number, port: number): Partial<Plan> {
  return {
    before: [
      { op: 'openProcess', slot: networkSlots.container, pid },
      { op: 'setns', slot: networkSlots.container, type: CLONE_NEWNET },
      redirectDns(port, { replace: true }),
    ],
  };
}
