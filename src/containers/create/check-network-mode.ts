import { isIP } from 'node:net';
import { invalid } from '../../base/errors.ts';
import type { ContainerConfig, HostConfig, NetworkingConfig } from '../../wire/container-config.ts';
import { joinedContainer } from '../record.ts';

/** Networks that every daemon has, under Docker's rules of their own. */
const predefined = new Set(['default', 'bridge', 'host', 'none']);

/** Fails with `invalid-argument` when options contradict the network mode. */
export function checkNetworkMode(config: ContainerConfig, hostConfig: HostConfig): void {
  if (hostConfig.NetworkMode.startsWith('container:')) checkSharedNetwork(config, hostConfig);
  if (hostConfig.UTSMode === 'host' && config.Hostname !== '') {
    throw invalid('conflicting options: hostname and the UTS mode');
  }
  if (!hostConfig.Links?.length) return;
  if (hostConfig.NetworkMode === 'host') {
    throw invalid(
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    );
  }
}

function checkSharedNetwork(config: ContainerConfig, hostConfig: HostConfig): void {
  if (!joinedContainer(hostConfig.NetworkMode)) {
    throw invalid('Invalid network mode: a container ID or name must follow "container:"');
  }
  if (config.Hostname !== '') throw invalid('conflicting options: hostname and the network mode');
  if (hostConfig.Links?.length) {
    throw invalid(
      "conflicting options: container type network can't be used with links. This would result in undefined behavior",
    );
  }
  if (hostConfig.Dns?.length) throw invalid('conflicting options: dns and the network mode');
  if (hostConfig.ExtraHosts?.length) {
    throw invalid('conflicting options: custom host-to-IP mapping and the network mode');
  }
  if (config.MacAddress) throw invalid('conflicting options: mac-address and the network mode');
  if (Object.keys(hostConfig.PortBindings ?? {}).length > 0 || hostConfig.PublishAllPorts) {
    throw invalid('conflicting options: port publishing and the container type network mode');
  }
  if (Object.keys(config.ExposedPorts ?? {}).length > 0) {
    throw invalid('conflicting options: port exposing and the container type network mode');
  }
}

const macAddress = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;

/** Fails with `invalid-argument` for endpoint settings that a predefined network cannot have, and for broken ones. */
export function checkEndpoints(config: ContainerConfig, networking: NetworkingConfig | null): void {
  if (config.MacAddress && !macAddress.test(config.MacAddress)) {
    throw invalid(`invalid MAC address ${config.MacAddress}`);
  }
  for (const [name, endpoint] of Object.entries(networking?.EndpointsConfig ?? {})) {
    const problems: string[] = [];
    const { IPAMConfig: ipam, Aliases: aliases, MacAddress: mac } = endpoint;
    if (predefined.has(name) && (ipam?.IPv4Address || ipam?.IPv6Address)) {
      problems.push('user specified IP address is supported on user defined networks only');
    }
    if (predefined.has(name) && aliases?.length) {
      problems.push('network-scoped alias is supported only for containers in user defined networks');
    }
    for (const [text, family] of [
      [ipam?.IPv4Address, 4],
      [ipam?.IPv6Address, 6],
    ] as const) {
      if (!predefined.has(name) && text && isIP(text) !== family)
        problems.push(`invalid IPv${family} address: ${text}`);
    }
    for (const text of ipam?.LinkLocalIPs ?? []) {
      if (isIP(text) === 0) problems.push(`invalid link-local IP address: ${text}`);
    }
    if (mac !== '' && !macAddress.test(mac)) problems.push(`invalid MAC address ${mac}`);
    if (problems.length > 0) {
      throw invalid(`invalid config for network ${name}: invalid endpoint settings:\n${problems.join('\n')}`);
    }
  }
}
