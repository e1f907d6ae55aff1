/** The kernel's numbers for nf_tables (linux/netfilter/nf_tables.h, nfnetlink.h, nf_conntrack_common.h). */

/** Subsystem in the high byte of a message's type. */
export const subsystem = { conntrack: 1, nftables: 10 } as const;

export const batchType = { begin: 16, end: 17 } as const;

export const messageKind = {
  newTable: 0,
  getTable: 1,
  deleteTable: 2,
  newChain: 3,
  getChain: 4,
  deleteChain: 5,
  newRule: 6,
  getRule: 7,
  deleteRule: 8,
  newSet: 9,
  getSet: 10,
  newElement: 12,
  getElement: 13,
  deleteElement: 14,
} as const;

/** NFPROTO_*. */
export const family = { unspecified: 0, inet: 1, ipv4: 2, ipv6: 10 } as const;

export const hooks = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;

export const priorities = { raw: -300, destinationNat: -100, filter: 0, sourceNat: 100 } as const;

export const verdicts = { drop: 0, accept: 1, jump: -3, goto: -4, return: -5 } as const;

/** Key and data types as `nft` names them when it lists a set; the kernel only keeps the numbers. */
export const dataType = {
  ipv4Address: 7,
  ipv6Address: 8,
  protocol: 12,
  service: 13,
  interfaceName: 41,
  verdict: 0xffffff00,
} as const;

export const setFlag = { interval: 0x4, map: 0x8 } as const;

/** Sixteen registers of four bytes: a value of a longer type takes as many as it needs. */
export const FIRST_REGISTER = 8;
export const VERDICT_REGISTER = 0;

export const metaKey = {
  mark: 3,
  inputName: 6,
  outputName: 7,
  family: 15,
  protocol: 16,
  inputGroup: 21,
  outputGroup: 22,
} as const;

export const trackingKey = { state: 0, status: 2 } as const;

/** Bits of `ct state`: the kernel's NF_CT_STATE_BIT. */
export const trackingState = { established: 0x2, related: 0x4, new: 0x8 } as const;

/** Bits of `ct status`. */
export const trackingStatus = { destinationNat: 0x20 } as const;

export const payloadBase = { network: 1, transport: 2 } as const;

/** RTN_LOCAL, as `fib daddr type` answers it. */
export const ADDRESS_TYPE_LOCAL = 2;

/** IFNAMSIZ: names of interfaces are compared in this length. */
export const INTERFACE_NAME_SIZE = 16;
