import { EndpointConfig } from './container-config.ts';
import {
  boolean,
  int64,
  list,
  map,
  nullable,
  optional,
  string,
  struct,
  type TypeOf,
  uint32,
} from './schema.ts';

/** A container's place in a network: what was asked for, and what it got. */
export const EndpointSettings = struct('EndpointSettings', {
  ...EndpointConfig.fields,
  NetworkID: string,
  EndpointID: string,
  Gateway: string,
  IPAddress: string,
  IPPrefixLen: int64,
  IPv6Gateway: string,
  GlobalIPv6Address: string,
  GlobalIPv6PrefixLen: int64,
  DNSNames: optional(list(string)),
});
export type EndpointSettings = TypeOf<typeof EndpointSettings>;

const IpamConfig = struct('IPAMConfig', {
  Subnet: optional(string),
  IPRange: optional(string),
  Gateway: optional(string),
  AuxiliaryAddresses: optional(map(string)),
});

const Ipam = struct('IPAM', { Driver: string, Options: map(string), Config: list(IpamConfig) });

/** The body of `POST /networks/create`. Null stands for what the daemon is to choose. */
export const NetworkCreateRequest = struct('CreateRequest', {
  Name: string,
  Driver: string,
  Scope: string,
  EnableIPv4: optional(nullable(boolean)),
  EnableIPv6: optional(nullable(boolean)),
  IPAM: nullable(Ipam),
  Internal: boolean,
  Attachable: boolean,
  Ingress: boolean,
  ConfigOnly: boolean,
  ConfigFrom: nullable(struct('ConfigReference', { Network: string })),
  Options: map(string),
  Labels: map(string),
});
export type NetworkCreateRequest = TypeOf<typeof NetworkCreateRequest>;

export const NetworkCreateResponse = struct('CreateResponse', { Id: string, Warning: string });
export type NetworkCreateResponse = TypeOf<typeof NetworkCreateResponse>;

/** The body of `POST /networks/{id}/connect`. */
export const NetworkConnectRequest = struct('ConnectOptions', {
  Container: string,
  EndpointConfig: optional(nullable(EndpointConfig)),
});
export type NetworkConnectRequest = TypeOf<typeof NetworkConnectRequest>;

/** The body of `POST /networks/{id}/disconnect`. */
export const NetworkDisconnectRequest = struct('DisconnectOptions', { Container: string, Force: boolean });
export type NetworkDisconnectRequest = TypeOf<typeof NetworkDisconnectRequest>;

export const EndpointResource = struct('EndpointResource', {
  Name: string,
  EndpointID: string,
  MacAddress: string,
  IPv4Address: string,
  IPv6Address: string,
});
export type EndpointResource = TypeOf<typeof EndpointResource>;

const PeerInfo = struct('PeerInfo', { Name: string, IP: string });

/** A published port, and whether other hosts get to it as the host's firewall is now. Docker has no such thing. */
export const ReachedPort = struct('ReachedPort', {
  Container: string,
  Network: string,
  IP: string,
  PrivatePort: uint32,
  /** 0 where the container is reached at its own address. */
  PublicPort: uint32,
  Type: string,
  /** "open", "limited" (some get there), "denied", "local" (this host alone), "unknown". */
  Reach: string,
  /** What keeps some or all of them from it: family, table and chain. */
  DeniedBy: string,
});
export type ReachedPort = TypeOf<typeof ReachedPort>;

/** `GET /networks/{id}`, and the items of `GET /networks`. */
export const NetworkInspect = struct('Network', {
  Name: string,
  Id: string,
  Created: string,
  Scope: string,
  Driver: string,
  EnableIPv4: optional(boolean),
  EnableIPv6: boolean,
  IPAM: Ipam,
  Internal: boolean,
  Attachable: boolean,
  Ingress: boolean,
  ConfigFrom: struct('ConfigReference', { Network: string }),
  ConfigOnly: boolean,
  Containers: map(EndpointResource),
  Options: map(string),
  Labels: map(string),
  Peers: optional(list(PeerInfo)),
  /** Of one network, if its containers have published any. Docker has no such thing. */
  Ports: optional(list(ReachedPort)),
});
export type NetworkInspect = TypeOf<typeof NetworkInspect>;

/** One published or exposed port in the container list. */
export const Port = struct('Port', {
  IP: optional(string),
  PrivatePort: uint32,
  PublicPort: optional(uint32),
  Type: string,
});
export type Port = TypeOf<typeof Port>;

export const NetworkPruneResponse = struct('PruneReport', { NetworksDeleted: list(string) });
export type NetworkPruneResponse = TypeOf<typeof NetworkPruneResponse>;
