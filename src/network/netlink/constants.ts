/** The kernel's numbers for rtnetlink and the netlink envelope (linux/netlink.h, rtnetlink.h, if_link.h, if_addr.h, veth.h). */

export const protocol = { route: 0, netfilter: 12 } as const;

export const messageType = {
  newLink: 16,
  deleteLink: 17,
  getLink: 18,
  newAddress: 20,
  getAddress: 22,
  newRoute: 24,
  deleteRoute: 25,
  getRoute: 26,
  newRule: 32,
  deleteRule: 33,
  newNamespaceId: 88,
  getNamespaceId: 90,
} as const;

export const messageFlag = {
  request: 0x1,
  ack: 0x4,
  dump: 0x300,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
} as const;

export const family = { unspecified: 0, ipv4: 2, ipv6: 10 } as const;

export const linkAttribute = {
  address: 1,
  name: 3,
  mtu: 4,
  link: 5,
  master: 10,
  info: 18,
  group: 27,
  namespaceFd: 28,
  extendedMask: 29,
  transmitQueues: 31,
  receiveQueues: 32,
  linkNamespaceId: 37,
} as const;

/** NETNSA_* (linux/net_namespace.h). */
export const namespaceAttribute = { id: 1, fd: 3 } as const;

export const linkInfo = { kind: 1, data: 2, slaveKind: 4, slaveData: 5 } as const;

export const vethInfo = { peer: 1 } as const;

/** Attributes of IFLA_INFO_DATA, by kind (if_link.h). */
export const macvlanInfo = { mode: 1 } as const;
export const ipvlanInfo = { mode: 1, flags: 2 } as const;
export const vlanInfo = { id: 1 } as const;

export const bridgePort = { isolated: 33 } as const;

export const addressAttribute = { address: 1, local: 2, broadcast: 4 } as const;

/** IFA_F_NODAD. */
export const addressFlag = { noDuplicateDetection: 0x02 } as const;

export const routeAttribute = { destination: 1, outputInterface: 4, gateway: 5, table: 15 } as const;

/** IFF_UP. */
export const INTERFACE_UP = 0x1;

/** IFF_NOARP: neighbours are not asked for their addresses. */
export const INTERFACE_SILENT = 0x80;

/** RTEXT_FILTER_SKIP_STATS: a reply without counters. */
export const SKIP_STATISTICS = 0x8;

export const route = {
  tableMain: 254,
  protocolBoot: 3,
  scopeUniverse: 0,
  scopeLink: 253,
  scopeNowhere: 255,
  typeUnicast: 1,
} as const;

/** Linux gives loopback this index in each network namespace. */
export const LOOPBACK_INDEX = 1;
